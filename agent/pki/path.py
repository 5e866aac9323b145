"""Validate a certificate's path at one moment, for one purpose (RFC 5280 §6).

Fails closed: a path that cannot be proven valid is not valid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from agent.cms.errors import CmsError
from agent.pki import chain as chains
from agent.pki import crl, ocsp
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.chain import ChainCertificate
from agent.pki.crl import ListedStatus
from agent.pki.ocsp import AnsweredStatus
from agent.pki.result import PathStatus, Verdict
from agent.pki.revocation import RevocationData, RevocationSource
from agent.turns import in_turn

_SEVERITY = (  # of several paths that do not hold, the one that says most is told
    PathStatus.REVOKED,
    PathStatus.EXPIRED,
    PathStatus.NOT_YET_VALID,
    PathStatus.STALE,
    PathStatus.UNKNOWN,
    PathStatus.UNTRUSTED,
)


ChainJudge = Callable[[Sequence[ChainCertificate], datetime], Verdict]
"""Validates one chain, leaf first and anchor last, apart from dates and revocation."""


@dataclass(frozen=True, slots=True)
class PathResult:
    """The result of validating a path.

    Attributes:
        verdict: the status and its details.
        chain: the path, leaf first, anchor last; empty where none was found.

    """

    verdict: Verdict
    chain: tuple[CertificateFacts, ...] = ()

    @property
    def status(self) -> PathStatus:
        """The status of the verdict."""
        return self.verdict.status


def by_certvalidator(chain: Sequence[ChainCertificate], at: datetime) -> Verdict:
    """Validate one chain with pyhanko-certvalidator, as :data:`ChainJudge`."""
    from agent.pki.judge import judge  # noqa: PLC0415 # heavy; see its docstring

    # It reads a list entry by entry: seconds for the real ones. It also takes a cleared leaf as
    # word for the whole path, so all are cleared, and what is not is said afterwards.
    return judge([item.facts.der for item in chain], at)


async def validate_path(  # noqa: PLR0913  # each is a part of the question
    leaf: CertificateFacts,
    store: TrustStore,
    revocation: RevocationSource,
    at: datetime,
    key_usage: KeyUsage = KeyUsage.DIGITAL_SIGNATURE,
    *,
    judge: ChainJudge = by_certvalidator,
) -> PathResult:
    """Find a path from a certificate to an anchor that is valid at ``at``.

    Every certificate below the anchor must be proven not to be revoked, by a list of its own
    issuer or an OCSP response; intermediate authorities too.

    Args:
        leaf: the certificate in question.
        store: whom we trust.
        revocation: where proof comes from.
        at: the moment in question, timezone-aware.
        key_usage: what the key was used for; a certificate that does not say is refused.
        judge: of each chain.

    Raises:
        CmsError: ``at`` is naive, or a certificate is too malformed to be judged.

    """
    if at.tzinfo is None:
        raise CmsError("the moment needs a time zone")
    data = await revocation.current()
    # A list is hashed once for each issuer, and the path takes some milliseconds.
    return await in_turn(judge_path, leaf, store, data, at, key_usage, judge=judge)


def judge_path(  # noqa: PLR0913  # each is a part of the question
    leaf: CertificateFacts,
    store: TrustStore,
    data: RevocationData,
    at: datetime,
    key_usage: KeyUsage = KeyUsage.DIGITAL_SIGNATURE,
    *,
    judge: ChainJudge = by_certvalidator,
    known_at: datetime | None = None,
) -> PathResult:
    """Do what :func:`validate_path` does with data that are at hand, in the calling thread.

    Args:
        leaf: as there.
        store: as there.
        data: revocation lists and responses.
        at: as there.
        key_usage: as there.
        judge: as there.
        known_at: when the lists have to be fresh, where that is later than ``at``: what was
            revoked after ``at`` only was good then. None for ``at``.

    Raises:
        CmsError: a certificate is too malformed to be judged.

    """
    found = chains.find_chains(leaf, store, at)
    if not found:
        return PathResult(Verdict(PathStatus.UNTRUSTED, detail="no path to a trust anchor"))
    results = []
    for chain in found:
        verdict = _judge(chain, data, at, judge, known_at)
        if verdict.is_valid and key_usage not in leaf.key_usage:
            verdict = Verdict(PathStatus.WRONG_KEY_USAGE)
        results.append(PathResult(verdict, tuple(item.facts for item in chain)))
        if verdict.is_valid or verdict.status is PathStatus.WRONG_KEY_USAGE:
            return results[-1]
    return min(results, key=lambda result: _SEVERITY.index(result.status))


def judge_unlisted(leaf: CertificateFacts, store: TrustStore, at: datetime) -> PathResult:
    """Find a path as :func:`judge_path` does, and leave open whether anything of it is revoked.

    Raises:
        CmsError: a certificate is too malformed to be judged.

    """
    results = [PathResult(Verdict(PathStatus.UNTRUSTED, detail="no path to a trust anchor"))]
    for chain in chains.find_chains(leaf, store, at):
        verdict = _judge_form(chain, at) or by_certvalidator(chain, at)
        results.append(PathResult(verdict, tuple(item.facts for item in chain)))
        if verdict.is_valid:
            return results[-1]
    return min(results, key=lambda result: _SEVERITY.index(result.status))


def _judge_form(chain: tuple[ChainCertificate, ...], at: datetime) -> Verdict | None:
    dated = _judge_dates(chain, at)
    if dated is None and _is_ambiguous(chain):
        return Verdict(PathStatus.UNTRUSTED, detail="two authorities of one name in one path")
    return dated


def _judge(
    chain: tuple[ChainCertificate, ...],
    data: RevocationData,
    at: datetime,
    judge: ChainJudge,
    known_at: datetime | None = None,
) -> Verdict:
    formal = _judge_form(chain, at)
    if formal is not None:
        return formal
    until = None if known_at is None else at
    statuses: list[tuple[ListedStatus, AnsweredStatus]] = [
        (
            crl.status(item, issuer, data.crls, known_at or at, until),
            ocsp.status(item, issuer, data, known_at or at, until),
        )
        for item, issuer in pairwise(chain)
    ]
    for pair in statuses:
        for entry in (each.revoked for each in pair):
            if entry is not None:
                return Verdict(PathStatus.REVOKED, entry.at, entry.reason)
    verdict = judge(chain, at)
    return _unclear(statuses) or verdict if verdict.is_valid else verdict


def _judge_dates(chain: tuple[ChainCertificate, ...], at: datetime) -> Verdict | None:
    for item in chain:
        if at > item.facts.not_after:
            return Verdict(PathStatus.EXPIRED, item.facts.not_after)
        if at < item.facts.not_before:
            return Verdict(PathStatus.NOT_YET_VALID, item.facts.not_before)
    return None


def _is_ambiguous(chain: tuple[ChainCertificate, ...]) -> bool:
    """Return whether two authorities of this path have the same name."""
    names = [item.subject for item in chain[1:]]
    return len(set(names)) != len(names)


def _unclear(statuses: Sequence[tuple[ListedStatus, AnsweredStatus]]) -> Verdict | None:
    """Return what lists and responses leave open; None where they clear every certificate."""
    for status in statuses:
        if not any(each.good for each in status):
            dates = [each.stale_since for each in status if each.stale_since is not None]
            return Verdict(PathStatus.STALE, max(dates)) if dates else Verdict(PathStatus.UNKNOWN)
    return None
