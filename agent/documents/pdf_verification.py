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
from agent.documents.pdf_worker import PdfWorker
from agent.pdf.wire import Changes, ExaminePdf, FoundSignature, PdfExamination, PdfWarning
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.reading import read_certificate
from agent.pki.report import Inputs, describe_chain, describe_signer, validate_signer
from agent.pki.result import PathStatus


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


async def verify_pdf(
    worker: PdfWorker, work: WorkFolder, inputs: Inputs, at: datetime, password: str | None = None
) -> VerifiedPdf:
    """Verify a document.

    Args:
        worker: that reads it.
        work: the private folder, for a copy.
        inputs: the document, and who is trusted.
        at: the moment at which certificates are judged.
        password: of the document; None where it needs none.

    Raises:
        PdfError: it cannot be read.
        CmsError: what is to be trusted cannot be used.
        OSError: a file cannot be read.

    """
    copy = await asyncio.to_thread(copy_into, work, inputs.message)
    return await verify_copy(worker, copy, inputs, at, password)


async def verify_copy(
    worker: PdfWorker, copy: PrivateCopy, inputs: Inputs, at: datetime, password: str | None = None
) -> VerifiedPdf:
    """Verify a document of which there is a private copy.

    Args:
        worker: that reads it.
        copy: the document.
        inputs: who is trusted.
        at: the moment at which certificates are judged.
        password: of the document; None where it needs none.

    Raises:
        PdfError: it cannot be read.
        CmsError: what is to be trusted cannot be used.
        OSError: a file cannot be read.

    """
    request = ExaminePdf(str(copy.file), password)
    found = await worker.ask(request, PdfExamination, copy.size)
    before = await asyncio.to_thread(_digests_before, copy, found.signatures)
    judged = [await _judge(each, inputs, at) for each in found.signatures]
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


async def _judge(
    found: FoundSignature, inputs: Inputs, at: datetime
) -> tuple[PdfVerdict, dict[str, Any]]:
    signer = _signer(found)
    chain = _NOT_CHECKED
    verdict = PdfVerdict.UNKNOWN
    if signer is not None and inputs.anchors:
        others = found.integrity.others
        path = await validate_signer(inputs, signer, others, at, _usage(signer))
        chain = describe_chain(path)
        verdict = _BY_PATH.get(path.status, PdfVerdict.INVALID)
        if verdict is PdfVerdict.VALID and not _claims_validity(found, signer):
            verdict = PdfVerdict.UNKNOWN
    return max(_by_itself(found, signer), verdict, key=_rank), _describe(found, signer, chain)


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


def _usage(signer: CertificateFacts) -> KeyUsage:
    """Return what a signer's key must be for: either bit is for documents (RFC 5280 §4.2.1.3)."""
    if KeyUsage.NON_REPUDIATION in signer.key_usage:
        return KeyUsage.NON_REPUDIATION
    return KeyUsage.DIGITAL_SIGNATURE


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
