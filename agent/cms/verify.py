"""Verify a SignedData that somebody sent (RFC 5652 §5.4, §5.6).

Strict on purpose: one signer, signed attributes, DER, RSA or ECDSA on three curves. What a message
of ours never has is refused rather than interpreted, so that no two programs can read one message
in two ways. A login is no document and the other way round: whoever verifies says which content
types they take.
Whether the certificate is to be trusted is another question: ``agent.pki.path``.
"""

import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from asn1crypto import cms
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.cms import attributes, der, keys, login
from agent.cms.attributes import identifier
from agent.cms.bounds import MAX_CARD_SERIAL, MAX_NONCE
from agent.cms.certificate_fields import CertificateFields
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError, hostile_input
from agent.cms.signed import DATA
from agent.cms.text import string_value
from agent.size_limits import MAX_SIGNED_MESSAGE

# Identifiers are compared as octets, in DER.
_SIGNED_DATA = identifier("1.2.840.113549.1.7.2")
_HASHES = {identifier(algorithm.oid): algorithm for algorithm in HashAlgorithm}
_CONTENT_TYPE = identifier(attributes.CONTENT_TYPE)
_MESSAGE_DIGEST = identifier(attributes.MESSAGE_DIGEST)
_SIGNING_TIME = identifier(attributes.SIGNING_TIME)
_RANDOM_NONCE = identifier(attributes.RANDOM_NONCE)
_CARD_SERIAL = identifier(attributes.CARD_SERIAL)
_SIGNING_CERTIFICATE_V2 = identifier(attributes.SIGNING_CERTIFICATE_V2)
_ALGORITHM_PROTECTION = identifier("1.2.840.113549.1.9.52")  # RFC 6211
_OLD_SIGNING_CERTIFICATE = identifier("1.2.840.113549.1.9.16.2.12")  # RFC 2634 §5.4
_VALUES = {
    _CONTENT_TYPE: der.OBJECT_IDENTIFIER,
    _MESSAGE_DIGEST: der.OCTET_STRING,
    _RANDOM_NONCE: der.OCTET_STRING,
    _SIGNING_CERTIFICATE_V2: der.SEQUENCE,
    _ALGORITHM_PROTECTION: der.SEQUENCE,
}
"""What the value of an attribute begins with."""
_VERSION_1, _VERSION_3 = b"\x02\x01\x01", b"\x02\x01\x03"
_NULL = b"\x05\x00"
_IMPLICIT_1, _IMPLICIT_2, _DIRECTORY_NAME = 0xA1, 0xA2, 0xA4
# Each part of an identifier in its shortest form (X.690 §8.19.2), so that each has one encoding.
_IDENTIFIER = re.compile(rb"\x06[\x00-\xff](?:[\x81-\xff][\x80-\xff]*[\x00-\x7f]|[\x00-\x7f])+")
_TIME = {23: re.compile(rb"[0-9]{12}Z"), 24: re.compile(rb"[0-9]{14}Z")}  # RFC 5652 §11.3


@dataclass(frozen=True, slots=True, repr=False)
class VerifiedMessage:
    """What a message said, after its signature was found good.

    Attributes:
        content: what was signed; empty where it is detached and the caller gave only what has its
            digest.
        content_type: of it, a DER OBJECT IDENTIFIER.
        certificate: whose key signed it, DER; not yet trusted.
        others: further certificates that came along, DER; never trusted by themselves.
        hash: the digest algorithm of content and attributes.
        signing_time: what the signer's clock said, UTC; only a claim.
        nonce: the randomNonce attribute.
        card_serial: the card's number; only a claim.
        signing_certificate: whether ESS signing-certificate-v2 binds the certificate.
        old_signing_certificate: the value of ESS signing-certificate, which knows SHA-1 alone, DER;
            not checked. None where there is none.

    """

    content: bytes
    content_type: bytes
    certificate: bytes
    others: tuple[bytes, ...]
    hash: HashAlgorithm
    signing_time: datetime | None
    nonce: bytes | None
    card_serial: str | None
    signing_certificate: bool
    old_signing_certificate: bytes | None = None


class HasDigest(Protocol):
    """The content of a detached message, where nobody holds it whole."""

    def digest(self, algorithm: HashAlgorithm) -> bytes:
        """Return the content's digest; called at most once."""


class _SignedData(NamedTuple):
    """The fields of a SignedData, each a whole element (RFC 5652 §5.1)."""

    version: bytes
    hashes: bytes
    encapsulated: bytes
    certificates: bytes
    lists: bytes
    signers: bytes


class _SignerInfo(NamedTuple):
    """The fields of a SignerInfo, each a whole element (RFC 5652 §5.3)."""

    version: bytes
    certificate: bytes
    hash: bytes
    signed_attributes: bytes
    signature_algorithm: bytes
    signature: bytes
    unsigned_attributes: bytes


class ContentTypeError(CmsError):
    """What was signed is of another type than whoever verifies takes."""


class ContentMissingError(CmsError):
    """The signature is detached, and what it is over was not given: nothing can be said of it."""


def verify(
    raw: bytes,
    *,
    content: bytes | HasDigest | None = None,
    content_types: Collection[bytes] = (DATA,),
    allow_sha1: bool = False,
    max_size: int = MAX_SIGNED_MESSAGE,
) -> VerifiedMessage:
    """Verify a SignedData by the one key of the one certificate that it names.

    Args:
        raw: a DER ContentInfo.
        content: what was signed, for a detached message; must be the same if it is attached too.
        content_types: those accepted, as DER OBJECT IDENTIFIERs; compared as octets.
        allow_sha1: whether SHA-1 passes as a digest algorithm.
        max_size: the most bytes of message accepted.

    Raises:
        ContentMissingError: the message is detached, and ``content`` is None.
        ContentTypeError: the content type, or the signed one, is none of those accepted.
        CmsError: malformed, unsupported, or not signed by that key over that content.

    """
    der.require_der(raw, max_size=max_size)
    with hostile_input("message"):
        signed = _signed_data(raw)
        signer = _only_signer(signed)
        algorithm = _algorithm(signed, signer, allow_sha1=allow_sha1)
        content_type, attached = _encapsulated(signed)
        digest = _content_digest(attached, content, algorithm)
        found = _signed_attributes(signer)
        _require_content_type(content_type, found, content_types)
        _require_version(signed, content_type)
        _require_shortest(found)
        certificate, others = _certificates(signed, signer)
        _require_content(found, digest)
        _require_protection(found, signer)
        _require_signature(certificate, signer, algorithm, content_type)
        return VerifiedMessage(
            content=_held(attached, content),
            content_type=content_type,
            certificate=certificate,
            others=others,
            hash=algorithm,
            signing_time=_signing_time(found.get(_SIGNING_TIME)),
            nonce=_nonce(found.get(_RANDOM_NONCE)),
            card_serial=_card_serial(found.get(_CARD_SERIAL)),
            signing_certificate=_is_bound(found, certificate, allow_sha1=allow_sha1),
            old_signing_certificate=found.get(_OLD_SIGNING_CERTIFICATE),
        )


def _signed_data(raw: bytes) -> _SignedData:
    kind, content = der.fields(raw, der.OBJECT_IDENTIFIER, der.EXPLICIT_0)
    if kind != _SIGNED_DATA:
        raise CmsError("not a SignedData")
    signed = _only(content, "something follows the SignedData")
    form = (der.INTEGER, der.SET, der.SEQUENCE, -der.EXPLICIT_0, -_IMPLICIT_1, der.SET)
    return _SignedData(*der.fields(signed, *form))


def _only(encoded: bytes, fault: str) -> bytes:
    """Return the one element that another is made of."""
    inside = der.children(encoded)
    if len(inside) != 1:
        raise CmsError(fault)
    return inside[0]


def _only_signer(signed: _SignedData) -> _SignerInfo:
    signer = _only(signed.signers, "exactly one signer is needed")
    if der.children(signer)[:1] != [_VERSION_1]:
        raise CmsError("the signer has to be named by issuer and serial number")
    named = (der.INTEGER, der.SEQUENCE, der.SEQUENCE, -der.EXPLICIT_0)
    form = (*named, der.SEQUENCE, der.OCTET_STRING, -_IMPLICIT_1)
    return _SignerInfo(*der.fields(signer, *form))


def _algorithm(signed: _SignedData, signer: _SignerInfo, *, allow_sha1: bool) -> HashAlgorithm:
    algorithm = _hash(signer.hash, allow_sha1=allow_sha1)
    declared = list(map(_algorithm_name, der.children(signed.hashes)))
    if _algorithm_name(signer.hash) not in declared:
        raise CmsError("the digest algorithm is not declared")
    return algorithm


def _hash(algorithm: bytes, *, allow_sha1: bool) -> HashAlgorithm:
    found = _HASHES.get(_algorithm_name(algorithm))
    if found is None:
        raise CmsError("unsupported digest algorithm")
    if found is HashAlgorithm.SHA1 and not allow_sha1:
        raise CmsError("SHA-1 is not accepted")
    return found


def _algorithm_name(algorithm: bytes) -> bytes:
    """Return the identifier in an AlgorithmIdentifier, which has no parameters or NULL."""
    name, *parameters = der.children(algorithm)
    if algorithm[0] != der.SEQUENCE or parameters not in ([], [_NULL]):
        raise CmsError("unexpected algorithm parameters")
    return name


def _encapsulated(signed: _SignedData) -> tuple[bytes, bytes | None]:
    """Return the content's type and its octets; None where it is detached."""
    kind, content = der.fields(signed.encapsulated, der.OBJECT_IDENTIFIER, -der.EXPLICIT_0)
    if not content:
        return kind, None
    fault = "the content is not one octet string"
    octets = _only(content, fault)
    if octets[0] != der.OCTET_STRING:
        raise CmsError(fault)
    return kind, der.contents(octets)


def _content_digest(
    attached: bytes | None, given: bytes | HasDigest | None, algorithm: HashAlgorithm
) -> bytes:
    if attached is None and given is None:
        raise ContentMissingError("the signature is detached and the content is not given")
    if given is None or isinstance(given, bytes):
        digest = algorithm.digest(_held(attached, given))
        same = given in (None, attached)
    else:
        digest = given.digest(algorithm)
        same = attached is not None and digest == algorithm.digest(attached)
    if attached is not None and not same:
        raise CmsError("the content given is not the content attached")
    return digest


def _held(attached: bytes | None, given: bytes | HasDigest | None) -> bytes:
    if attached is not None:
        return attached
    return given if isinstance(given, bytes) else b""


def _certificates(signed: _SignedData, signer: _SignerInfo) -> tuple[bytes, tuple[bytes, ...]]:
    carried = der.children(signed.certificates) if signed.certificates else []
    if any(raw[0] != der.SEQUENCE for raw in carried):
        raise CmsError("only X.509 certificates are supported")
    names = {raw: CertificateFields.of(raw).issuer_and_serial for raw in carried}
    matching = [raw for raw, name in names.items() if name == signer.certificate]
    if len(matching) != 1:
        raise CmsError("the message does not carry the signer's certificate")
    return matching[0], tuple(raw for raw in carried if raw != matching[0])


def _signed_attributes(signer: _SignerInfo) -> dict[bytes, bytes]:
    """Map each attribute's identifier to its one value, both in DER."""
    encoded = der.children(signer.signed_attributes) if signer.signed_attributes else []
    if not encoded:
        raise CmsError("there are no signed attributes")
    if encoded != sorted(encoded):
        raise CmsError("the signed attributes are not in the order of DER")
    found: dict[bytes, bytes] = {}
    for attribute in encoded:
        kind, values = der.fields(attribute, der.OBJECT_IDENTIFIER, der.SET)
        fault = "a signed attribute with more or less than one value"
        value = _only(values, fault)
        if kind in found:
            raise CmsError(fault)
        if value[0] != _VALUES.get(kind, value[0]):
            raise CmsError("a signed attribute with a malformed value")
        found[kind] = value
    return found


def _require_content_type(
    stated: bytes, found: dict[bytes, bytes], accepted: Collection[bytes]
) -> None:
    if stated not in accepted:
        raise ContentTypeError("content of another type")
    if found.get(_CONTENT_TYPE) != stated:
        raise ContentTypeError("the signed content type is another one")


def _require_shortest(found: dict[bytes, bytes]) -> None:
    """Refuse what another program may take for a second attribute of the same kind."""
    if not all(map(_IDENTIFIER.fullmatch, found)):
        raise CmsError("an attribute's identifier that is no DER")


def _require_version(signed: _SignedData, content_type: bytes) -> None:
    # RFC 5652 §5.1, for signers who are named by issuer and serial number.
    if signed.version != (_VERSION_1 if content_type == DATA else _VERSION_3):
        raise CmsError("the version does not go with the content type")


def _require_content(found: dict[bytes, bytes], digest: bytes) -> None:
    stated = found.get(_MESSAGE_DIGEST, b"")
    if not hmac.compare_digest(stated, der.element(der.OCTET_STRING, digest)):
        raise CmsError("the content is not what was signed")


def _require_protection(found: dict[bytes, bytes], signer: _SignerInfo) -> None:
    value = found.get(_ALGORITHM_PROTECTION)
    if value is None:
        return
    digest, signature, _ = der.fields(value, der.SEQUENCE, _IMPLICIT_1, -_IMPLICIT_2)
    stated = [der.children(each)[0] for each in (digest, signature)]
    if stated != list(map(_algorithm_name, (signer.hash, signer.signature_algorithm))):
        raise CmsError("the algorithms are not those that were signed")


def _require_signature(
    certificate: bytes, signer: _SignerInfo, algorithm: HashAlgorithm, content_type: bytes
) -> None:
    key = keys.public_key(CertificateFields.of(certificate).public_key)
    if content_type == login.CONTENT_TYPE:
        login.require_key(key)
    _require_key_algorithm(key, signer.signature_algorithm, algorithm)
    # RFC 5652 §5.4: what is hashed has the tag of a SET OF instead of [0].
    digest = algorithm.digest(b"\x31" + signer.signed_attributes[1:])
    if not keys.is_signature(key, der.contents(signer.signature), algorithm, digest):
        raise CmsError("the signature does not match the certificate")


def _require_key_algorithm(key: keys.SignerKey, stated: bytes, algorithm: HashAlgorithm) -> None:
    name = _algorithm_name(stated)
    if not keys.are_of_one_kind(key, name, algorithm):
        raise CmsError("unsupported signature algorithm")
    if not isinstance(key, RSAPublicKey) and len(der.children(stated)) != 1:
        raise CmsError("unexpected algorithm parameters")  # RFC 5758 §3.2


def _signing_time(value: bytes | None) -> datetime | None:
    if value is None:
        return None
    time = cms.Time.load(value, strict=True).chosen
    form = _TIME.get(time.tag)
    moment = time.native
    if form is None or not form.fullmatch(time.contents) or not isinstance(moment, datetime):
        raise CmsError("malformed signing time")
    return moment


def _nonce(value: bytes | None) -> bytes | None:
    if value is None:
        return None
    nonce = der.contents(value)
    if not 0 < len(nonce) <= MAX_NONCE:
        raise CmsError("malformed nonce")
    return nonce


def _card_serial(value: bytes | None) -> str | None:
    if value is None:
        return None
    serial = string_value(value)
    if not serial or len(serial) > MAX_CARD_SERIAL:
        raise CmsError("malformed card serial")
    return serial


def _is_bound(found: dict[bytes, bytes], certificate: bytes, *, allow_sha1: bool) -> bool:
    """Check ESS signing-certificate-v2 where it is present (RFC 5035 §4); return whether it is."""
    value = found.get(_SIGNING_CERTIFICATE_V2)
    if value is None:
        return False
    stated, _ = der.fields(value, der.SEQUENCE, -der.SEQUENCE)
    form = (-der.SEQUENCE, der.OCTET_STRING, -der.SEQUENCE)
    hashed, digest, issuer = der.fields(der.children(stated)[0], *form)
    algorithm = _hash(hashed, allow_sha1=allow_sha1) if hashed else HashAlgorithm.SHA256
    if not hmac.compare_digest(der.contents(digest), algorithm.digest(certificate)):
        raise CmsError("the certificate is not the one that was signed")
    if issuer:
        _require_same_issuer(issuer, certificate)
    return True


def _require_same_issuer(stated: bytes, certificate: bytes) -> None:
    names, serial = der.fields(stated, der.SEQUENCE, der.INTEGER)
    issuers = [
        issuer
        for name in der.children(names)
        if name[0] == _DIRECTORY_NAME
        for issuer in der.children(name)
    ]
    named = der.element(der.SEQUENCE, *issuers, serial)
    if named != CertificateFields.of(certificate).issuer_and_serial:
        raise CmsError("the certificate is not the one that was signed")
