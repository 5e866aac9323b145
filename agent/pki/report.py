"""Verify a signed file and report the result as JSON: ``ankong verify``."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum, unique
from pathlib import Path
from typing import Any, Final

from agent.cms.digest import HashAlgorithm
from agent.cms.document import PIECE
from agent.cms.errors import CmsError
from agent.cms.login import CONTENT_TYPE, LoginStatement
from agent.cms.signed import DATA
from agent.cms.verify import ContentMissingError, VerifiedMessage, verify
from agent.pki.anchors import TrustStore, read_bounded
from agent.pki.certificate import CertificateFacts, KeyUsage
from agent.pki.chain import parse_chain_certificate
from agent.pki.path import PathResult, validate_path
from agent.pki.reading import read_certificate
from agent.pki.result import PathStatus, Verdict
from agent.pki.revocation import FileSource
from agent.size_limits import MAX_SIGNED_MESSAGE


@unique
class ReportVerdict(StrEnum):
    """What a signature is worth, all in all."""

    VALID = "valid"  # it fits, and an authority that is trusted says whose it is
    NOT_PROVEN = "not_proven"  # it fits, but nobody vouches for who made it, or when
    INVALID = "invalid"  # no such signature is accepted, or its certificate is no good


_VERDICTS: Final = {
    PathStatus.VALID: ReportVerdict.VALID,
    PathStatus.UNTRUSTED: ReportVerdict.NOT_PROVEN,
    PathStatus.UNKNOWN: ReportVerdict.NOT_PROVEN,
    PathStatus.STALE: ReportVerdict.NOT_PROVEN,
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The arguments of ``ankong verify``.

    Attributes:
        message: a DER SignedData.
        content: what was signed, when the message is detached.
        anchors: files or directories of trusted authorities; none leaves the chain unchecked.
        intermediates: files or directories of authorities in between.
        crls: files or directories of revocation lists.
        allow_sha1: whether SHA-1 passes.

    """

    message: Path
    content: Path | None = None
    anchors: Sequence[Path] = ()
    intermediates: Sequence[Path] = ()
    crls: Sequence[Path] = ()
    allow_sha1: bool = False


async def verify_files(inputs: Inputs, at: datetime) -> dict[str, Any]:
    """Verify a signature and, when there are anchors, its certificate's path as of ``at``.

    The answer has ``verdict``, a :class:`ReportVerdict`; ``signature``: ``good`` or ``bad`` with
    ``error``; and where the signature is good ``signed``, ``signer``, ``chain`` and ``login``: what
    a login states, None for a document. All of it goes into JSON as it is; times are RFC 3339 UTC,
    digests and numbers lower hex.

    Raises:
        CmsError: nothing can be judged: a file cannot be read, the message is detached and its
            content is not given, or what is to be trusted cannot be used.

    """
    raw = await asyncio.to_thread(
        read_bounded, inputs.message, MAX_SIGNED_MESSAGE, may_be_pipe=True
    )
    content = None if inputs.content is None else _FileContent(inputs.content)
    try:
        message = await asyncio.to_thread(
            verify,
            raw,
            content=content,
            content_types=(DATA, CONTENT_TYPE),
            allow_sha1=inputs.allow_sha1,
        )
        login = _describe_login(message)
        signer = read_certificate(message.certificate)
    except ContentMissingError:
        raise
    except CmsError as exc:
        if content is not None and exc is content.problem:
            raise
        return {"verdict": ReportVerdict.INVALID, "signature": "bad", "error": exc.detail}
    report = {
        "verdict": ReportVerdict.NOT_PROVEN,
        "signature": "good",
        "login": login,
        "signed": _describe_message(message, content or _HeldContent(message.content), signer),
        "signer": describe_signer(signer),
        "chain": {"status": "not_checked", "path": []},
    }
    if inputs.anchors:
        result = await validate_signer(inputs, signer, message.others, at)
        report["chain"] = describe_chain(result)
        report["verdict"] = _verdict(result, message, signer)
    return report


def _verdict(
    result: PathResult, message: VerifiedMessage, signer: CertificateFacts
) -> ReportVerdict:
    verdict = _VERDICTS.get(result.status, ReportVerdict.INVALID)
    if verdict is ReportVerdict.VALID and _is_within_validity(message, signer) is False:
        return ReportVerdict.NOT_PROVEN
    return verdict


def _is_within_validity(message: VerifiedMessage, signer: CertificateFacts) -> bool | None:
    """Return whether the certificate was valid when the message claims to be made.

    None where it claims no time. No certificate vouches for anything outside its validity.
    """
    claimed = message.signing_time
    if message.content_type == CONTENT_TYPE:
        try:
            claimed = datetime.fromisoformat(LoginStatement.parse(message.content).time)
        except ValueError:  # no date of any calendar
            return False
    return None if claimed is None else signer.not_before <= claimed <= signer.not_after


async def validate_signer(
    inputs: Inputs,
    signer: CertificateFacts,
    others: Sequence[bytes],
    at: datetime,
    key_usage: KeyUsage = KeyUsage.DIGITAL_SIGNATURE,
) -> PathResult:
    """Validate a signer's path to the authorities that are trusted.

    Args:
        inputs: who is trusted, and what is known of revocation.
        signer: whose certificate.
        others: certificates that came along, DER; hints, and no more.
        at: the moment that is asked about.
        key_usage: what the signer's key was used for.

    Raises:
        CmsError: what is to be trusted cannot be used.

    """
    store = await asyncio.to_thread(TrustStore.load, inputs.anchors, inputs.intermediates)
    try:
        parse_chain_certificate(signer)
    except CmsError as exc:  # no fault of the files that are trusted
        return PathResult(Verdict(PathStatus.UNTRUSTED, detail=exc.detail))
    store = store.with_hints(tuple(others))
    return await validate_path(signer, store, FileSource(inputs.crls), at, key_usage)


class _FileContent:
    """A file of any length, of which a piece is held at a time.

    Attributes:
        length: in bytes, once it was read.
        sha256: lower hex, once it was read.
        problem: why it could not be read; None where it could.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.length = 0
        self.sha256 = ""
        self.problem: CmsError | None = None

    def digest(self, algorithm: HashAlgorithm) -> bytes:
        """Read the file once: for the digest, its length and SHA-256.

        Raises:
            CmsError: it cannot be read.

        """
        wanted, always = algorithm.hasher(), hashlib.sha256()
        try:
            with self._path.open("rb") as file:
                while piece := file.read(PIECE):
                    self.length += len(piece)
                    wanted.update(piece)
                    always.update(piece)
        except OSError as exc:
            self.problem = CmsError(f"cannot read {self._path.name}: {exc.strerror}")
            self.problem.__cause__ = exc
            raise self.problem from exc
        self.sha256 = always.hexdigest()
        return wanted.digest()


class _HeldContent:
    """Content that came within the message."""

    def __init__(self, content: bytes) -> None:
        self.length = len(content)
        self.sha256 = hashlib.sha256(content).hexdigest()


def _describe_message(
    message: VerifiedMessage, content: _FileContent | _HeldContent, signer: CertificateFacts
) -> dict[str, Any]:
    return {
        "content_length": content.length,
        "content_sha256": content.sha256,
        "hash": message.hash.value,
        "signing_time": _rfc3339(message.signing_time),
        "within_validity": _is_within_validity(message, signer),
        "nonce": message.nonce.hex() if message.nonce is not None else None,
        "card_serial": message.card_serial,
        "signing_certificate": message.signing_certificate,
    }


def _describe_login(message: VerifiedMessage) -> dict[str, str] | None:
    """Tell what a login states, which is for the site that asked to judge.

    Raises:
        CmsError: it has the content type of a login, and is none.

    """
    if message.content_type != CONTENT_TYPE:
        return None
    stated = LoginStatement.parse(message.content)
    return {
        "origin": stated.origin,
        "purpose": stated.purpose.value,
        "challenge": stated.challenge,
        "time": stated.time,
    }


def describe_signer(facts: CertificateFacts) -> dict[str, Any]:
    """Return what a certificate says of its holder, for JSON."""
    return {
        "subject": facts.subject,
        "subject_cn": facts.subject_cn,
        "subject_serial": facts.subject_serial,
        "issuer": facts.issuer,
        "serial": facts.serial_hex,
        "thumbprint": facts.thumbprint.hex(),
        "not_before": _rfc3339(facts.not_before),
        "not_after": _rfc3339(facts.not_after),
        "usage": [usage.value for usage in facts.key_usage],
    }


def describe_chain(result: PathResult) -> dict[str, Any]:
    """Return what was found of a certificate's path, for JSON."""
    verdict = result.verdict
    return {
        "status": verdict.status.value,
        "moment": _rfc3339(verdict.moment),
        "reason": verdict.reason,
        "detail": verdict.detail,
        "path": [
            {"subject": facts.subject, "thumbprint": facts.thumbprint.hex()}
            for facts in result.chain
        ],
    }


def _rfc3339(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
