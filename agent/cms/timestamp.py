"""Timestamps of an authority (RFC 3161, RFC 5816): the question, and a strict look at the answer.

Nothing is sent or fetched here. A token that is accepted is signed by a certificate for nothing but
timestamps; whether that certificate is to be trusted is another question: ``agent.pki.path``.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, Self

from asn1crypto import x509

from agent.cms import der
from agent.cms.attributes import identifier
from agent.cms.bounds import MAX_CERTIFICATE
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError, hostile_input
from agent.cms.verify import HasDigest, VerifiedMessage, verify

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer; real ones have two to nine thousand."""
TST_INFO: Final = identifier("1.2.840.113549.1.9.16.1.4")
"""The content type of tokens, a DER OBJECT IDENTIFIER."""
_NONCE_BITS: Final = 64
_GENERALIZED_TIME, _BOOLEAN, _BIT_STRING = 0x18, 0x01, 0x03
_TSA, _EXTENSIONS = 0xA0, 0xA1
_VERSION_1: Final = b"\x02\x01\x01"
_TRUE: Final = b"\x01\x01\xff"
_NULL: Final = b"\x05\x00"
_GRANTED: Final = (b"\x02\x01\x00", b"\x02\x01\x01")  # as asked, or with changes (§2.4.2)
_HASHES: Final = {
    identifier(algorithm.oid): algorithm
    for algorithm in (HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512)
}
_TIME: Final = re.compile(rb"([0-9]{14})(\.[0-9]{0,5}[1-9])?Z")  # §2.4.2, to the microsecond
_USAGE: Final = "time_stamping"


@dataclass(frozen=True, slots=True)
class TimestampRequest:
    """A question to an authority.

    Attributes:
        digest: SHA-256 of what is to be timestamped.
        nonce: which the answer repeats; of 64 bits.

    """

    digest: bytes
    nonce: int

    @classmethod
    def of(cls, digest: bytes) -> Self:
        """Make a request for a SHA-256 digest, which differs from any other."""
        return cls(digest, secrets.randbits(_NONCE_BITS - 1) | 1 << _NONCE_BITS - 1)

    def encode(self) -> bytes:
        """Return the DER TimeStampReq (RFC 3161 §2.4.1), which asks for the certificates too."""
        name = der.element(der.SEQUENCE, identifier(HashAlgorithm.SHA256.oid), _NULL)
        imprint = der.element(der.SEQUENCE, name, der.element(der.OCTET_STRING, self.digest))
        nonce = der.element(der.INTEGER, _unsigned(self.nonce))
        return der.element(der.SEQUENCE, _VERSION_1, imprint, nonce, _TRUE)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A token whose signature is good.

    Attributes:
        token: the DER ContentInfo.
        time: when it was made, UTC, by the authority's clock.
        certificate: the authority's, DER; not yet trusted.
        others: further certificates that came along, DER; never trusted by themselves.
        hash: the digest algorithm of the imprint.

    """

    token: bytes
    time: datetime
    certificate: bytes
    others: tuple[bytes, ...]
    hash: HashAlgorithm


class _Info(NamedTuple):
    """The fields of a TSTInfo, each a whole element (RFC 3161 §2.4.2)."""

    version: bytes
    policy: bytes
    imprint: bytes
    serial: bytes
    time: bytes
    accuracy: bytes
    ordering: bytes
    nonce: bytes
    authority: bytes
    extensions: bytes


class _Digest:
    """What a digest is of, where nothing but its digest is at hand."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def digest(self, algorithm: HashAlgorithm) -> bytes:
        """Return the digest, which is SHA-256.

        Raises:
            CmsError: another one is wanted.

        """
        if algorithm is not HashAlgorithm.SHA256:
            raise CmsError("the timestamp is by another digest algorithm")
        return self._digest


def read_answer(raw: bytes, request: TimestampRequest) -> Timestamp:
    """Read an authority's answer (RFC 3161 §2.4.2).

    Args:
        raw: the DER TimeStampResp.
        request: what was asked.

    Raises:
        CmsError: it is refused, malformed, of something else, of another question, or not signed
            as it must be.

    """
    der.require_der(raw, max_size=MAX_ANSWER)
    with hostile_input("timestamp answer"):
        status, token = der.fields(raw, der.SEQUENCE, -der.SEQUENCE)
        said, _, why = der.fields(status, der.INTEGER, -der.SEQUENCE, -_BIT_STRING)
        if said not in _GRANTED or why or not token:
            raise CmsError(f"no timestamp is granted: status {der.contents(said).hex()}")
    found, info = _read(token, _Digest(request.digest))
    nonce = der.contents(info.nonce) if info.nonce else b""
    if nonce != _unsigned(request.nonce):
        raise CmsError("the timestamp is of another question")
    return found


def read_token(token: bytes, content: bytes | HasDigest) -> Timestamp:
    """Read a token that came with a document.

    Args:
        token: a DER ContentInfo.
        content: what it must be of.

    Raises:
        CmsError: it is malformed, of something else, or not signed as it must be.

    """
    return _read(token, content)[0]


def _read(token: bytes, content: bytes | HasDigest) -> tuple[Timestamp, _Info]:
    message = verify(token, content_types=(TST_INFO,), max_size=MAX_ANSWER)
    with hostile_input("timestamp"):
        info = _info(message.content)
        algorithm = _require_imprint(info, content)
        _require_usage(message)
        found = Timestamp(token, _moment(info.time), message.certificate, message.others, algorithm)
        return found, info


def _info(encoded: bytes) -> _Info:
    der.require_der(encoded, max_size=MAX_ANSWER)
    named = (der.INTEGER, der.OBJECT_IDENTIFIER, der.SEQUENCE, der.INTEGER, _GENERALIZED_TIME)
    optional = (der.SEQUENCE, _BOOLEAN, der.INTEGER, _TSA, _EXTENSIONS)
    info = _Info(*der.fields(encoded, *named, *(-each for each in optional)))
    if info.version != _VERSION_1:
        raise CmsError("a timestamp of another version")
    if info.extensions:  # tag [1] IMPLICIT; a critical one must be understood, and none is
        for each in der.children(info.extensions):
            _, critical, _ = der.fields(each, der.OBJECT_IDENTIFIER, -_BOOLEAN, der.OCTET_STRING)
            if critical:
                raise CmsError("a timestamp with an extension of an unknown kind")
    return info


def _require_imprint(info: _Info, content: bytes | HasDigest) -> HashAlgorithm:
    """Refuse a timestamp of something else; return its digest algorithm."""
    name, digest = der.fields(info.imprint, der.SEQUENCE, der.OCTET_STRING)
    kind, *parameters = der.children(name)
    algorithm = _HASHES.get(kind)
    if algorithm is None or parameters not in ([], [_NULL]):
        raise CmsError("the timestamp is by another digest algorithm")
    wanted = _digest_of(content, algorithm)
    if not hmac.compare_digest(der.contents(digest), wanted):
        raise CmsError("the timestamp is of other octets")
    return algorithm


def _digest_of(content: bytes | HasDigest, algorithm: HashAlgorithm) -> bytes:
    if isinstance(content, bytes):
        return algorithm.digest(content)
    return content.digest(algorithm)


def _require_usage(message: VerifiedMessage) -> None:
    """Refuse a certificate that is not for timestamps, or for something else too (§2.3)."""
    if len(message.certificate) > MAX_CERTIFICATE:
        raise CmsError("an authority's certificate without end")
    certificate = x509.Certificate.load(message.certificate, strict=True)
    usage = certificate.extended_key_usage_value
    is_alone = usage is not None and usage.native == [_USAGE]
    if not is_alone or "extended_key_usage" not in certificate.critical_extensions:
        raise CmsError("the authority's certificate is not for timestamps alone")
    if not message.signing_certificate and not _is_bound_by_sha1(message, certificate):
        raise CmsError("the authority's certificate is not the one that was signed")


def _is_bound_by_sha1(message: VerifiedMessage, certificate: x509.Certificate) -> bool:
    """Return whether ESS signing-certificate names it (RFC 2634 §5.4), as old authorities do.

    The signature itself is by a better digest; this attribute alone knows no other.
    """
    value = message.old_signing_certificate
    if value is None:
        return False
    stated, _ = der.fields(value, der.SEQUENCE, -der.SEQUENCE)
    digest, _ = der.fields(der.children(stated)[0], der.OCTET_STRING, -der.SEQUENCE)
    known = hashlib.sha1(certificate.dump(), usedforsecurity=False).digest()
    return hmac.compare_digest(der.contents(digest), known)


def _moment(encoded: bytes) -> datetime:
    found = _TIME.fullmatch(der.contents(encoded))
    if found is None:
        raise CmsError("a timestamp with a time in another form")
    whole = datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    part = (found[2] or b".")[1:].decode()
    return whole.replace(microsecond=int(part.ljust(6, "0")))


def _unsigned(number: int) -> bytes:
    """Return the content octets of a positive INTEGER."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")
