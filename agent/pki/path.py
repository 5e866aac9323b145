"""Validate a certificate's path at one moment, for one purpose (RFC 5280 §6).

Fails closed: a path that cannot be proven valid is not valid.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography.x509 import ocsp

from agent.cms.errors import CmsError
from agent.pki import chain as chains
from agent.pki import crl
from agent.pki.anchors import TrustStore
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.chain import ChainCertificate
from agent.pki.crl import ListedStatus
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
    from agent.pki.judge import Evidence, judge  # noqa: PLC0415 # heavy; see its docstring

    # It reads a list entry by entry: seconds for the real ones. It also takes a cleared leaf as
    # word for the whole path, so all are cleared, and what is not is said afterwards.
    cleared = frozenset(item.facts.thumbprint for item in chain[:-1])
    return judge([item.facts.der for item in chain], Evidence(cleared=cleared), at)


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
        judge: of each chain; where there are OCSP responses it is always certvalidator, because
            only that reads them.

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
    statuses = [
        crl.status(item, issuer, data.crls, known_at or at, until)
        for item, issuer in pairwise(chain)
    ]
    for status in statuses:
        if status.revoked is not None:
            return Verdict(PathStatus.REVOKED, status.revoked.at, status.revoked.reason)
    responses = _responses_about(chain, data)
    if responses:
        return _judge_by_responses(chain, statuses, responses, at)
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


def _unclear(statuses: list[ListedStatus]) -> Verdict | None:
    """Return what the lists leave open; None where they clear every certificate."""
    for status in statuses:
        if not status.good:
            stale = status.stale_since
            return Verdict(PathStatus.UNKNOWN if stale is None else PathStatus.STALE, stale)
    return None


def _judge_by_responses(
    chain: tuple[ChainCertificate, ...],
    statuses: list[ListedStatus],
    responses: dict[bytes, bool],
    at: datetime,
) -> Verdict:
    """Check path and revocation at once, where OCSP responses may say what the lists do not."""
    from agent.pki.judge import Evidence, judge  # noqa: PLC0415 # heavy; see its docstring

    usable = {item.der: None for status in statuses for item in status.usable}
    evidence = Evidence(crls=tuple(usable), ocsps=tuple(responses))
    verdict = judge([item.facts.der for item in chain], evidence, at)
    # certvalidator ignores OCSP for a certificate that names no responder, even a signed "revoked".
    if verdict.is_valid and any(responses.values()):
        return Verdict(PathStatus.UNKNOWN, detail="an OCSP response says that it is revoked")
    return verdict


def _responses_about(
    chain: tuple[ChainCertificate, ...], data: RevocationData
) -> dict[bytes, bool]:
    """Return the OCSP responses about certificates of this chain, and whether each revokes one.

    A document may bring along what it likes: what cannot be read, or is about others, must not
    keep the rest from telling.
    """
    serials = {item.facts.serial for item in chain[:-1]}
    found = {}
    for raw in data.ocsps:
        try:
            about = [
                each.certificate_status
                for each in ocsp.load_der_ocsp_response(raw).responses
                if each.serial_number in serials
            ]
        except ValueError:  # malformed, or an error instead of an answer
            continue
        if about:
            found[raw] = ocsp.OCSPCertStatus.REVOKED in about
    return found
