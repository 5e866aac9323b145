"""Verify the signatures of a PDF, and say of each what became of the document since.

Two questions have two judges. The worker reads the format: it says whether a signature fits what it
covers, and what was changed afterwards. Whether its certificate proves anything is judged here, by
the authorities and lists that whoever asks trusts.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, Final

from agent.cms.errors import CmsError
from agent.documents.copies import PrivateCopy, WorkFolder, copy_into
from agent.documents.known_proof import KnownProof, MoreTrust, describe_time, known_of, level_of
from agent.documents.pdf_worker import PdfWorker
from agent.documents.proven_time import TimeFacts, find_times
from agent.pdf.wire import (
    Changes,
    ExaminePdf,
    FoundSignature,
    PdfEvidence,
    PdfExamination,
    PdfWarning,
    ReadEvidence,
)
from agent.pki.certificate import CertificateFacts
from agent.pki.reading import read_certificate
from agent.pki.report import Inputs, describe_chain, describe_signer
from agent.pki.result import PathStatus
from agent.turns import in_turn


@unique
class PdfVerdict(StrEnum):
    """What a signature is worth, the best first."""

    VALID = "valid"
    UNKNOWN = "unknown"  # it fits, but nobody vouches for who made it, or when
    UNSIGNED = "unsigned"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CHANGED = "changed_after_signing"
    INVALID = "invalid"


_BY_PATH: Final = {
    PathStatus.VALID: PdfVerdict.VALID,
    PathStatus.UNTRUSTED: PdfVerdict.UNKNOWN,
    PathStatus.UNKNOWN: PdfVerdict.UNKNOWN,
    PathStatus.STALE: PdfVerdict.UNKNOWN,
    PathStatus.EXPIRED: PdfVerdict.EXPIRED,
    PathStatus.REVOKED: PdfVerdict.REVOKED,
}
_HARMLESS: Final = frozenset({Changes.NONE, Changes.EVIDENCE, Changes.FORMS})
_PIECE: Final = 1024 * 1024
_NOT_CHECKED: Final[dict[str, Any]] = {"status": "not_checked", "path": []}


@dataclass(frozen=True, slots=True)
class VerifiedPdf:
    """The report on a document.

    Attributes:
        verdict: the worst of its signatures.
        report: all of it, for JSON; times are RFC 3339, digests lower hex.
        copy: the document that was read.
        ends: where each signature's revision ends, in bytes, as they are numbered from 1; 0 where
            that is not known.

    """

    verdict: PdfVerdict
    report: dict[str, Any]
    copy: PrivateCopy
    ends: tuple[int, ...]


async def verify_pdf(  # noqa: PLR0913  # each is a part of the question
    worker: PdfWorker,
    work: WorkFolder,
    inputs: Inputs,
    at: datetime,
    password: str | None = None,
    *,
    more: MoreTrust | None = None,
) -> VerifiedPdf:
    """Verify a document.

    Args:
        worker: that reads it.
        work: the private folder, for a copy.
        inputs: the document, and who is trusted.
        at: the moment at which certificates are judged.
        password: of the document; None where it needs none.
        more: who is trusted for the time, and further lists.

    Raises:
        PdfError: it cannot be read.
        CmsError: what is to be trusted cannot be used.
        OSError: a file cannot be read.

    """
    copy = await asyncio.to_thread(copy_into, work, inputs.message)
    return await verify_copy(worker, copy, inputs, at, password, more=more)


async def verify_copy(  # noqa: PLR0913  # each is a part of the question
    worker: PdfWorker,
    copy: PrivateCopy,
    inputs: Inputs,
    at: datetime,
    password: str | None = None,
    *,
    more: MoreTrust | None = None,
) -> VerifiedPdf:
    """Verify a document of which there is a private copy.

    Args:
        worker: that reads it.
        copy: the document.
        inputs: who is trusted.
        at: the moment at which certificates are judged.
        password: of the document; None where it needs none.
        more: who is trusted for the time, and further lists.

    Raises:
        PdfError: it cannot be read.
        CmsError: what is to be trusted cannot be used.
        OSError: a file cannot be read.

    """
    request = ExaminePdf(str(copy.file), password)
    found = await worker.ask(request, PdfExamination, copy.size)
    evidence = PdfEvidence()
    if found.evidence:
        asked = ReadEvidence(str(copy.file), password)
        evidence = await worker.ask(asked, PdfEvidence, copy.size)
    before = await asyncio.to_thread(_digests_before, copy, found.signatures)
    known = await known_of(inputs, more or MoreTrust(), evidence)
    judged = await in_turn(_judge_all, copy, found, known, at)
    verdict = max((each[0] for each in judged), key=_rank, default=PdfVerdict.UNSIGNED)
    report = {
        "verdict": verdict,
        "document": _describe_document(copy, found),
        "signatures": [
            {"number": number, "verdict": of, "sha256_before": digest, **told}
            for number, ((of, told), digest) in enumerate(zip(judged, before, strict=True), 1)
        ],
    }
    ends = tuple(each.ends if each.covers else 0 for each in found.signatures)
    return VerifiedPdf(verdict, report, copy, ends)


def extract(verified: VerifiedPdf, number: int) -> bytes:
    """Return a document as it was when it was signed.

    Args:
        verified: the document.
        number: of the signature, from 1.

    Raises:
        CmsError: there is no such signature, or none that says where its revision ends.

    """
    if not 1 <= number <= len(verified.ends) or not verified.ends[number - 1]:
        raise CmsError(
            f"there is no signature {number} whose version could be taken out",
            said=("cli.error.no_version", {"number": number}),
        )
    with verified.copy.file.open("rb") as file:
        return file.read(verified.ends[number - 1])


def _digests_before(copy: PrivateCopy, signatures: Sequence[FoundSignature]) -> list[str | None]:
    """Return SHA-256 of the document as it was before each signature, lower hex.

    It is what the window showed to whoever signed with this program.
    """
    hasher, at = hashlib.sha256(), 0
    found: dict[int, str] = {}
    with copy.file.open("rb") as file:
        for end in sorted({each.begins for each in signatures if each.begins <= copy.size}):
            while at < end:
                piece = file.read(min(_PIECE, end - at))
                at += len(piece)
                hasher.update(piece)
            found[end] = hasher.hexdigest()
    return [found.get(each.begins) if each.begins else None for each in signatures]


def _rank(verdict: PdfVerdict) -> int:
    return tuple(PdfVerdict).index(verdict)


def _judge_all(
    copy: PrivateCopy, found: PdfExamination, known: KnownProof, at: datetime
) -> list[tuple[PdfVerdict, dict[str, Any]]]:
    times = find_times(copy.file, found, known.times, known.data, at)
    return [
        _judge(each, time, known, at) for each, time in zip(found.signatures, times, strict=True)
    ]


def _judge(
    found: FoundSignature, time: TimeFacts, known: KnownProof, at: datetime
) -> tuple[PdfVerdict, dict[str, Any]]:
    signer = _signer(found)
    chain = _NOT_CHECKED
    verdict = PdfVerdict.UNKNOWN
    path = None
    if signer is not None and not found.is_timestamp and known.documents is not None:
        path = known.judge_signer(signer, found.integrity.others, time.time, at)
        verdict = _BY_PATH.get(path.status, PdfVerdict.INVALID)
        is_dated = time.time is not None or _claims_validity(found, signer)
        if verdict is PdfVerdict.VALID and not is_dated:
            verdict = PdfVerdict.UNKNOWN
    elif found.is_timestamp and time.own is not None and time.own.path is not None:
        path = time.own.path
        verdict = _BY_PATH.get(path.status, PdfVerdict.INVALID)
    if path is not None:
        chain = describe_chain(path)
    told = _describe(found, signer, chain) | describe_time(time)
    told["level"] = level_of(found, time, known, signer, at)
    return max(_by_itself(found, signer), verdict, key=_rank), told


def _by_itself(found: FoundSignature, signer: CertificateFacts | None) -> PdfVerdict:
    """Return what is known without asking whose certificate it is."""
    if found.integrity.problem or signer is None or not found.covers:
        return PdfVerdict.INVALID
    if found.changes not in _HARMLESS or not found.allowed:
        return PdfVerdict.CHANGED
    return PdfVerdict.VALID


def _signer(found: FoundSignature) -> CertificateFacts | None:
    with suppress(CmsError):
        return read_certificate(found.integrity.certificate)
    return None


def _claims_validity(found: FoundSignature, signer: CertificateFacts) -> bool:
    """Return whether the signature claims a time at which its certificate was valid, or none."""
    if found.time is None:
        return True
    try:
        return signer.not_before <= datetime.fromisoformat(found.time) <= signer.not_after
    except (ValueError, TypeError):  # no date, or one without a time zone
        return False


def _describe_document(copy: PrivateCopy, found: PdfExamination) -> dict[str, Any]:
    warnings = [*found.facts.warnings]
    if _has_more(copy, found.signatures, found.revisions):
        warnings.append(PdfWarning.TRAILING)
    return {
        "sha256": copy.digest.hex(),
        "size": copy.size,
        "pages": found.facts.pages,
        "revisions": found.revisions,
        "encrypted": found.facts.encrypted,
        "warnings": warnings,
    }


def _has_more(copy: PrivateCopy, signatures: Sequence[FoundSignature], revisions: int) -> bool:
    """Return whether octets stand behind the last revision, which a signature covers."""
    last = [each for each in signatures if each.revision == revisions and each.covers]
    return bool(last) and max(each.ends for each in last) < copy.size


def _describe(
    found: FoundSignature, signer: CertificateFacts | None, chain: dict[str, Any]
) -> dict[str, Any]:
    return {
        "field": found.field,
        "problem": found.integrity.problem or None,
        "revision": found.revision,
        "covers_revision": found.covers,
        "changes": found.changes,
        "changes_allowed": found.allowed,
        "is_timestamp": found.is_timestamp,
        "kind": found.kind,
        "claimed_time": found.time,
        "reason": found.reason,
        "location": found.location,
        "visible": found.visible,
        "hash": found.integrity.hash,
        "key": found.integrity.key,
        "signer": None if signer is None else describe_signer(signer),
        "chain": chain,
    }
