"""Verify a SignedData that somebody sent (RFC 5652 §5.4, §5.6).

Strict on purpose: one signer, signed attributes, DER, RSA. What a message of ours never has is
refused rather than interpreted, so that no two programs can read one message in two ways. A login
is no document and the other way round: whoever verifies says which content types they take.
Whether the certificate is to be trusted is another question: ``agent.pki.path``.
"""

import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from asn1crypto import algos, cms, core, tsp, x509

from agent.cms import attributes, der, rsa
from agent.cms.bounds import MAX_CARD_SERIAL, MAX_NONCE
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError, hostile_input
from agent.cms.signed import DATA
from agent.cms.text import string_value
from agent.size_limits import MAX_SIGNED_MESSAGE

_ALGORITHM_PROTECTION = "1.2.840.113549.1.9.52"  # RFC 6211
_RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
_WITH_RSA = {
    "1.2.840.113549.1.1.5": HashAlgorithm.SHA1,
    "1.2.840.113549.1.1.11": HashAlgorithm.SHA256,
    "1.2.840.113549.1.1.12": HashAlgorithm.SHA384,
    "1.2.840.113549.1.1.13": HashAlgorithm.SHA512,
}
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


class HasDigest(Protocol):
    """The content of a detached message, where nobody holds it whole."""

    def digest(self, algorithm: HashAlgorithm) -> bytes:
        """Return the content's digest; called at most once."""


class _OctetContent(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """An EncapsulatedContentInfo whose octets are not looked into, whatever their type."""

    _fields: ClassVar = [
        ("content_type", core.ObjectIdentifier),
        ("content", core.OctetString, {"explicit": 0, "optional": True}),
    ]


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
        attached = _attached(signed)
        digest = _content_digest(attached, content, algorithm)
        found = _signed_attributes(signer)
        content_type = _content_type(signed, found, content_types)
        _require_version(signed, content_type)
        certificate, others = _certificates(signed, signer)
        _require_content(found, digest)
        _require_protection(found, signer)
        _require_signature(certificate, signer, algorithm)
        return VerifiedMessage(
            content=_held(attached, content),
            content_type=content_type,
            certificate=certificate.dump(),
            others=others,
            hash=algorithm,
            signing_time=_signing_time(found.get(attributes.SIGNING_TIME)),
            nonce=_nonce(found.get(attributes.RANDOM_NONCE)),
            card_serial=_card_serial(found.get(attributes.CARD_SERIAL)),
            signing_certificate=_is_bound(found, certificate, allow_sha1=allow_sha1),
        )


def _signed_data(raw: bytes) -> cms.SignedData:
    info = cms.ContentInfo.load(raw, strict=True)
    if info["content_type"].native != "signed_data":
        raise CmsError("not a SignedData")
    signed = info["content"]
    # An explicit tag may hold more than asn1crypto looks at; then the encodings differ.
    if cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump() != raw:
        raise CmsError("something follows the SignedData")
    _require_whole(signed)
    return signed


def _require_whole(value: core.Sequence) -> None:
    """Refuse what stands after the last known element, which asn1crypto passes over."""
    if b"".join(value[name].dump() for name in value) != value.contents:
        raise CmsError("more in a structure than belongs there")


def _only_signer(signed: cms.SignedData) -> cms.SignerInfo:
    signers = signed["signer_infos"]
    if len(signers) != 1:
        raise CmsError("exactly one signer is needed")
    signer = signers[0]
    _require_whole(signer)
    if signer["version"].native != "v1" or signer["sid"].name != "issuer_and_serial_number":
        raise CmsError("the signer has to be named by issuer and serial number")
    return signer


def _algorithm(
    signed: cms.SignedData, signer: cms.SignerInfo, *, allow_sha1: bool
) -> HashAlgorithm:
    algorithm = _hash(signer["digest_algorithm"], allow_sha1=allow_sha1)
    for item in signed["digest_algorithms"]:
        _require_null(item)
    declared = {item["algorithm"].dotted for item in signed["digest_algorithms"]}
    if algorithm.oid not in declared:
        raise CmsError("the digest algorithm is not declared")
    signature = signer["signature_algorithm"]
    _require_null(signature)
    oid = signature["algorithm"].dotted
    if oid != _RSA_ENCRYPTION and _WITH_RSA.get(oid) is not algorithm:
        raise CmsError("unsupported signature algorithm")
    return algorithm


def _hash(identifier: algos.DigestAlgorithm, *, allow_sha1: bool) -> HashAlgorithm:
    _require_null(identifier)
    algorithm = HashAlgorithm.by_oid(identifier["algorithm"].dotted)
    if algorithm is HashAlgorithm.SHA1 and not allow_sha1:
        raise CmsError("SHA-1 is not accepted")
    return algorithm


def _require_null(identifier: core.Sequence) -> None:
    _require_whole(identifier)
    if identifier["parameters"].dump() not in (b"", b"\x05\x00"):
        raise CmsError("unexpected algorithm parameters")


def _attached(signed: cms.SignedData) -> bytes | None:
    raw = signed["encap_content_info"].dump()
    encapsulated = _OctetContent.load(raw, strict=True)
    attached: bytes | None = encapsulated["content"].native
    octets = b""
    if attached is not None:
        octets = der.element(der.EXPLICIT_0, der.element(der.OCTET_STRING, attached))
    plain = der.element(der.SEQUENCE, encapsulated["content_type"].dump(), octets)
    if plain != raw:
        raise CmsError("the content is not one octet string")
    return attached


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


def _certificates(
    signed: cms.SignedData, signer: cms.SignerInfo
) -> tuple[x509.Certificate, tuple[bytes, ...]]:
    wanted = signer["sid"].chosen.dump()
    matching: dict[bytes, x509.Certificate] = {}
    others: list[bytes] = []
    for choice in signed["certificates"]:
        if choice.name != "certificate":
            raise CmsError("only X.509 certificates are supported")
        certificate = choice.chosen
        raw = certificate.dump()
        if issuer_and_serial(certificate) == wanted:
            matching[raw] = certificate
        else:
            others.append(raw)
    if len(matching) != 1:
        raise CmsError("the message does not carry the signer's certificate")
    return matching.popitem()[1], tuple(others)


def issuer_and_serial(certificate: x509.Certificate) -> bytes:
    """Encode the IssuerAndSerialNumber of a certificate from its own octets (RFC 5652 §10.2.4)."""
    tbs = certificate["tbs_certificate"]
    contents = tbs["issuer"].dump() + tbs["serial_number"].dump()
    return bytes(core.Sequence(contents=contents).dump())


def _signed_attributes(signer: cms.SignerInfo) -> dict[str, core.Asn1Value]:
    """Map each attribute's identifier to its one value."""
    encodings = [attribute.dump() for attribute in signer["signed_attrs"]]
    if not encodings:
        raise CmsError("there are no signed attributes")
    if encodings != sorted(encodings):
        raise CmsError("the signed attributes are not in the order of DER")
    found: dict[str, core.Asn1Value] = {}
    for attribute in signer["signed_attrs"]:
        _require_whole(attribute)
        oid = attribute["type"].dotted
        if oid in found or len(attribute["values"]) != 1:
            raise CmsError("a signed attribute with more or less than one value")
        found[oid] = attribute["values"][0]
    return found


def _content_type(
    signed: cms.SignedData, found: dict[str, core.Asn1Value], accepted: Collection[bytes]
) -> bytes:
    """Return what the message and its signed attributes agree on."""
    stated = bytes(signed["encap_content_info"]["content_type"].dump())
    if stated not in accepted:
        raise ContentTypeError("content of another type")
    attribute = found.get(attributes.CONTENT_TYPE)
    if attribute is None or attribute.dump() != stated:
        raise ContentTypeError("the signed content type is another one")
    return stated


def _require_version(signed: cms.SignedData, content_type: bytes) -> None:
    # RFC 5652 §5.1, for signers who are named by issuer and serial number.
    if signed["version"].native != ("v1" if content_type == DATA else "v3"):
        raise CmsError("the version does not go with the content type")


def _require_content(found: dict[str, core.Asn1Value], digest: bytes) -> None:
    stated = found.get(attributes.MESSAGE_DIGEST)
    if stated is None or not hmac.compare_digest(stated.native, digest):
        raise CmsError("the content is not what was signed")


def _require_protection(found: dict[str, core.Asn1Value], signer: cms.SignerInfo) -> None:
    protection = found.get(_ALGORITHM_PROTECTION)
    if protection is None:
        return
    stated = (
        protection["digest_algorithm"]["algorithm"].dotted,
        protection["signature_algorithm"]["algorithm"].dotted,
    )
    used = (
        signer["digest_algorithm"]["algorithm"].dotted,
        signer["signature_algorithm"]["algorithm"].dotted,
    )
    if stated != used:
        raise CmsError("the algorithms are not those that were signed")


def _require_signature(
    certificate: x509.Certificate, signer: cms.SignerInfo, algorithm: HashAlgorithm
) -> None:
    # RFC 5652 §5.4: what is hashed has the tag of a SET OF instead of [0].
    signed = b"\x31" + signer["signed_attrs"].dump()[1:]
    key = rsa.public_key(certificate)
    if not rsa.is_signature(key, signer["signature"].native, algorithm, algorithm.digest(signed)):
        raise CmsError("the signature does not match the certificate")


def _signing_time(value: cms.Time | None) -> datetime | None:
    if value is None:
        return None
    time = value.chosen
    form = _TIME.get(time.tag)
    moment = time.native
    if form is None or not form.fullmatch(time.contents) or not isinstance(moment, datetime):
        raise CmsError("malformed signing time")
    return moment


def _nonce(value: core.Any | None) -> bytes | None:
    if value is None:
        return None
    nonce = value.parse(spec=core.OctetString).native
    if not isinstance(nonce, bytes) or not 0 < len(nonce) <= MAX_NONCE:
        raise CmsError("malformed nonce")
    return nonce


def _card_serial(value: core.Any | None) -> str | None:
    if value is None:
        return None
    serial = string_value(value.parse())
    if not serial or len(serial) > MAX_CARD_SERIAL:
        raise CmsError("malformed card serial")
    return serial


def _is_bound(
    found: dict[str, core.Asn1Value], certificate: x509.Certificate, *, allow_sha1: bool
) -> bool:
    """Check ESS signing-certificate-v2 where it is present (RFC 5035 §4); return whether it is."""
    value = found.get(attributes.SIGNING_CERTIFICATE_V2)
    if value is None:
        return False
    stated = tsp.SigningCertificateV2.load(value.dump(), strict=True)["certs"][0]
    algorithm = _hash(stated["hash_algorithm"], allow_sha1=allow_sha1)
    if not hmac.compare_digest(stated["cert_hash"].native, algorithm.digest(certificate.dump())):
        raise CmsError("the certificate is not the one that was signed")
    _require_same_issuer(stated["issuer_serial"], certificate)
    return True


def _require_same_issuer(stated: core.Asn1Value, certificate: x509.Certificate) -> None:
    if not isinstance(stated, tsp.IssuerSerial):
        return
    names = [
        name.chosen.untag().dump() for name in stated["issuer"] if name.name == "directory_name"
    ]
    contents = b"".join(names) + stated["serial_number"].dump()
    if core.Sequence(contents=contents).dump() != issuer_and_serial(certificate):
        raise CmsError("the certificate is not the one that was signed")
