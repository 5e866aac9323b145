"""The signed attributes of a SignedData (RFC 5652 §11, RFC 5035, RFC 2985)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from asn1crypto import algos, core

from agent.cms import der
from agent.cms.bounds import MAX_CARD_SERIAL, MAX_NONCE
from agent.cms.digest import HashAlgorithm
from agent.cms.errors import CmsError

CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
RANDOM_NONCE = "1.2.840.113549.1.9.25.3"  # RFC 2985 §5.4.2
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"  # RFC 5035 §3
CARD_SERIAL = "2.16.886.1.100.2.204"  # the GPKI's own, in certificates and messages alike

_FIRST_GENERALIZED_YEAR = 2050  # RFC 5652 §11.3
_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")


@dataclass(frozen=True, slots=True)
class SignedAttributes:
    """The optional signed attributes of a message.

    Attributes:
        signing_time: when, timezone-aware, whole seconds count; None leaves it out.
        nonce: 1 to 64 bytes; None leaves it out.
        card_serial: the card's number, 1 to 64 characters; None leaves it out.
        signing_certificate: whether ESS signing-certificate-v2 binds the certificate.

    """

    signing_time: datetime | None = None
    nonce: bytes | None = None
    card_serial: str | None = None
    signing_certificate: bool = True

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            CmsError: a naive time, one before 1950 or after 9999, or a nonce or card serial of
                a length out of bounds.

        """
        when = self.signing_time
        if when is not None and (when.tzinfo is None or when.year < 1950):
            raise CmsError("the signing time needs a time zone and a year from 1950")
        if self.nonce is not None and not 0 < len(self.nonce) <= MAX_NONCE:
            raise CmsError(f"a nonce has 1 to {MAX_NONCE} bytes")
        if self.card_serial is not None and not 0 < len(self.card_serial) <= MAX_CARD_SERIAL:
            raise CmsError(f"a card serial has 1 to {MAX_CARD_SERIAL} characters")


def build(
    attributes: SignedAttributes, content_type: bytes, message_digest: bytes, certificate: bytes
) -> bytes:
    """Encode signedAttrs as the DER SET OF that is hashed and signed (RFC 5652 §5.4).

    Args:
        attributes: the optional ones.
        content_type: of the content, a DER OBJECT IDENTIFIER.
        message_digest: of the content.
        certificate: the signer's, DER.

    """
    found = [
        _attribute(CONTENT_TYPE, content_type),
        _attribute(MESSAGE_DIGEST, der.element(der.OCTET_STRING, message_digest)),
    ]
    if attributes.signing_time is not None:
        found.append(_attribute(SIGNING_TIME, _time(attributes.signing_time)))
    if attributes.nonce is not None:
        found.append(_attribute(RANDOM_NONCE, der.element(der.OCTET_STRING, attributes.nonce)))
    if attributes.card_serial is not None:
        found.append(_attribute(CARD_SERIAL, _text(attributes.card_serial)))
    if attributes.signing_certificate:
        found.append(_attribute(SIGNING_CERTIFICATE_V2, _signing_certificate(certificate)))
    return der.element(der.SET, *sorted(found))  # a SET OF is in the order of its encodings


def _attribute(oid: str, value: bytes) -> bytes:
    # Attribute ::= SEQUENCE { attrType, attrValues SET OF } (RFC 5652 §5.3)
    return der.element(der.SEQUENCE, identifier(oid), der.element(der.SET, value))


@cache
def identifier(dotted: str) -> bytes:
    """Return the DER OBJECT IDENTIFIER of one of our own constants."""
    return bytes(core.ObjectIdentifier(dotted).dump())


def _time(when: datetime) -> bytes:
    when = when.astimezone(UTC).replace(microsecond=0)
    if when.year < _FIRST_GENERALIZED_YEAR:
        return bytes(core.UTCTime(when).dump())
    return bytes(core.GeneralizedTime(when).dump())


def _text(text: str) -> bytes:
    if _PRINTABLE.fullmatch(text):
        return bytes(core.PrintableString(text).dump())
    return bytes(core.UTF8String(text).dump())


def _signing_certificate(certificate: bytes) -> bytes:
    # SHA-256 is the default of hashAlgorithm, so DER leaves it out; the issuer and serial number
    # may be left out because the signer identifier has them (RFC 5035 §4).
    digest = der.element(der.OCTET_STRING, HashAlgorithm.SHA256.digest(certificate))
    certs = der.element(der.SEQUENCE, der.element(der.SEQUENCE, digest))
    return der.element(der.SEQUENCE, certs)


@cache
def digest_algorithm(algorithm: HashAlgorithm) -> bytes:
    """Return the DER AlgorithmIdentifier with NULL parameters, as the old component writes it."""
    return bytes(
        algos.DigestAlgorithm(
            {"algorithm": algorithm.hashlib_name, "parameters": core.Null()}
        ).dump()
    )
