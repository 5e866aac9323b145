"""Who is trusted for a document, what is known of revocation, and what level that makes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.cms.errors import CmsError
from agent.cms.timestamp import Timestamp
from agent.documents.levels import SignatureLevel
from agent.documents.proven_time import TimeFacts, TokenFacts, judge_at
from agent.documents.time_service import usage_of
from agent.pdf.wire import FoundSignature, PdfEvidence
from agent.pki.anchors import MAX_HINTS, TrustStore
from agent.pki.certificate import CertificateFacts
from agent.pki.chain import parse_chain_certificate
from agent.pki.path import PathResult, judge_path
from agent.pki.reading import read_certificate
from agent.pki.report import Inputs
from agent.pki.result import PathStatus, Verdict
from agent.pki.revocation import FileSource, RevocationData, RevocationSource, parse_lists

_PADES: Final = "/ETSI.CAdES.detached"


@dataclass(frozen=True, slots=True)
class MoreTrust:
    """Who else is trusted, and what else is known.

    Attributes:
        times: files or folders of authorities that are trusted for the time; none stands for those
            that are trusted for signatures.
        lists: more revocation lists; None for no more.

    """

    times: Sequence[Path] = ()
    lists: RevocationSource | None = None


@dataclass(frozen=True, slots=True)
class KnownProof:
    """All of it, for one document.

    Attributes:
        documents: who is trusted for signatures; None for nobody.
        times: who is trusted for the time; None for nobody.
        data: revocation lists and responses, of the document and others.
        own: those of the document alone.
        revision: the last that changed them in the document; 0 where it has none.

    """

    documents: TrustStore | None
    times: TrustStore | None
    data: RevocationData
    own: RevocationData
    revision: int

    def judge_signer(
        self, signer: CertificateFacts, others: Sequence[bytes], time: datetime | None, at: datetime
    ) -> PathResult:
        """Judge a signer at a proven time, or else now.

        Args:
            signer: whose certificate.
            others: certificates that came along, DER.
            time: that is proven; None for none.
            at: now.

        """
        return self._judged(signer, others, time, at, self.data)

    def judge_authority(self, found: Timestamp, at: datetime) -> PathResult:
        """Judge a timestamp's authority now: what lists and responses leave open is not valid.

        Raises:
            CmsError: its certificate is too malformed to be judged.

        """
        if self.times is None:
            return PathResult(Verdict(PathStatus.UNTRUSTED, detail="nobody is trusted"))
        facts = read_certificate(found.certificate)
        store = self.times.with_hints(found.others)
        return judge_path(facts, store, self.data, at, usage_of(facts))

    def is_proven_by_itself(
        self, signer: CertificateFacts, others: Sequence[bytes], time: datetime, at: datetime
    ) -> bool:
        """Return whether the document brings along what proves a signer at that time."""
        return self._judged(signer, others, time, at, self.own).status is PathStatus.VALID

    def _judged(
        self,
        signer: CertificateFacts,
        others: Sequence[bytes],
        time: datetime | None,
        at: datetime,
        data: RevocationData,
    ) -> PathResult:
        if self.documents is None:
            return PathResult(Verdict(PathStatus.UNTRUSTED, detail="nobody is trusted"))
        store = self.documents.with_hints(others)
        try:
            parse_chain_certificate(signer)
            if time is None:
                return judge_path(signer, store, data, at, usage_of(signer))
            return judge_at(signer, store, data, time, usage=usage_of(signer), now=at)
        except CmsError as exc:  # no fault of the files that are trusted
            return PathResult(Verdict(PathStatus.UNTRUSTED, detail=exc.detail))


async def known_of(inputs: Inputs, more: MoreTrust, evidence: PdfEvidence) -> KnownProof:
    """Collect who is trusted, and what is known of revocation.

    Raises:
        CmsError: what is to be trusted cannot be used.

    """
    documents = times = None
    if inputs.anchors:
        documents = await asyncio.to_thread(TrustStore.load, inputs.anchors, inputs.intermediates)
        times = documents
    if more.times:
        times = await asyncio.to_thread(TrustStore.load, more.times)
    given = await FileSource(inputs.crls).current()
    if more.lists is not None:
        given += await more.lists.current()
    own = await asyncio.to_thread(_data, evidence)
    return KnownProof(
        _with_certificates(documents, evidence),
        _with_certificates(times, evidence),
        given + own,
        own,
        evidence.revision,
    )


def _data(evidence: PdfEvidence) -> RevocationData:
    return RevocationData(tuple(parse_lists(evidence.lists)), evidence.responses)


def _with_certificates(store: TrustStore | None, evidence: PdfEvidence) -> TrustStore | None:
    """Return a store with the document's authorities as hints, of which none is trusted."""
    if store is None:
        return None
    found = evidence.certificates
    for at in range(0, len(found), MAX_HINTS):
        store = store.with_hints(found[at : at + MAX_HINTS])
    return store


def level_of(
    found: FoundSignature,
    time: TimeFacts,
    known: KnownProof,
    signer: CertificateFacts | None,
    at: datetime,
) -> SignatureLevel | None:
    """Return the level that a signature has reached; None for one that is no such signature."""
    if found.is_timestamp or found.kind != _PADES or found.integrity.problem or signer is None:
        return None
    if not time.is_stamped:
        return SignatureLevel.B_B
    if (
        time.time is None
        or not known.revision
        or not known.is_proven_by_itself(signer, found.integrity.others, time.time, at)
    ):
        return SignatureLevel.B_T
    is_sealed = time.sealed > max(found.revision, known.revision)
    return SignatureLevel.B_LTA if is_sealed else SignatureLevel.B_LT


def describe_time(time: TimeFacts) -> dict[str, Any]:
    """Return what proves the time, for JSON."""
    by = None
    if time.time is not None:
        by = "document_timestamp" if time.by_document else "timestamp"
    return {
        "proven_time": _rfc3339(time.time),
        "proven_by": by,
        "timestamp": None if time.own is None else _describe_token(time.own),
    }


def _describe_token(token: TokenFacts) -> dict[str, Any]:
    stamp = token.timestamp
    if stamp is None:
        return {"time": None, "authority": None, "status": "bad", "detail": token.problem}
    path = token.path
    return {
        "time": _rfc3339(stamp.time),
        "authority": read_certificate(stamp.certificate).subject,
        "status": "not_checked" if path is None else path.status.value,
        "detail": "" if path is None else path.verdict.detail,
    }


def _rfc3339(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
