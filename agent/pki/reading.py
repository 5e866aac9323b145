"""Read the contents of a certificate (RFC 5280 §4).

Certificates of real cards are sometimes malformed; errors in parts that are not used are ignored.
"""

import hashlib
from datetime import UTC, datetime

from asn1crypto import core, x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agent.cms import der
from agent.cms.attributes import identifier
from agent.cms.bounds import MAX_CERTIFICATE
from agent.cms.certificate_fields import CertificateFields
from agent.cms.errors import CmsError, hostile_input
from agent.cms.text import string_value
from agent.pki import names
from agent.pki.certificate import CertificateFacts, KeyUsage

_COMMON_NAME = "2.5.4.3"
_SERIAL_NUMBER = "2.5.4.5"
_KEY_USAGE = identifier("2.5.29.15")
_SUBJECT_ALT_NAME = identifier("2.5.29.17")
_BASIC_CONSTRAINTS = identifier("2.5.29.19")
_SUBJECT_KEY_IDENTIFIER = identifier("2.5.29.14")
_AUTHORITY_KEY_IDENTIFIER = identifier("2.5.29.35")
_SUBJECT_DIRECTORY_ATTRIBUTES = identifier("2.5.29.9")
_BOOLEAN = 0x01
# The GPKI's own attributes of a subject (GPKI certificate profile §1.3.6).
_ID_LAST4 = "2.16.886.1.100.2.51"  # the last four characters of the ID number
_UNIFORM_NUMBER = "2.16.886.1.100.2.101"
_CARD_RANK = "2.16.886.1.100.2.2"


def read_certificate(raw: bytes) -> CertificateFacts:
    """Read one certificate.

    Args:
        raw: DER, at most 64 KiB, nothing after it.

    Raises:
        CmsError: the bytes are not a certificate, or its key is of an unknown kind.

    """
    der.require_der(raw, max_size=MAX_CERTIFICATE)
    with hostile_input("certificate"):
        return _read(raw)


def _read(raw: bytes) -> CertificateFacts:
    fields = CertificateFields.of(raw)
    subject, issuer = names.attributes(fields.subject), names.attributes(fields.issuer)
    not_before, not_after = map(_moment, der.children(fields.validity))
    extensions = _extensions(fields.extensions)
    stated = _directory_attributes(extensions.get(_SUBJECT_DIRECTORY_ATTRIBUTES))
    return CertificateFacts(
        der=raw,
        version=_version(fields.version),
        thumbprint=hashlib.sha256(raw).digest(),
        thumbprint_sha1=hashlib.sha1(raw, usedforsecurity=False).digest(),
        subject=names.distinguished_name(subject),
        issuer=names.distinguished_name(issuer),
        subject_cn=names.first(subject, _COMMON_NAME),
        subject_serial=names.only(subject, _SERIAL_NUMBER),
        id_last4=_id_last4(stated.get(_ID_LAST4)),
        uniform_number=stated.get(_UNIFORM_NUMBER),
        card_rank=stated.get(_CARD_RANK),
        email=_email(extensions.get(_SUBJECT_ALT_NAME)),
        serial=_number(fields.serial),
        not_before=not_before,
        not_after=not_after,
        key_usage=_key_usage(extensions.get(_KEY_USAGE)),
        is_ca=_is_ca(extensions.get(_BASIC_CONSTRAINTS)),
        public_key=load_der_public_key(fields.public_key),
        signature_algorithm=_dotted(der.children(fields.signature_algorithm)[0]),
        subject_key_identifier=_subject_key(extensions.get(_SUBJECT_KEY_IDENTIFIER)),
        authority_key_identifier=_authority_key(extensions.get(_AUTHORITY_KEY_IDENTIFIER)),
    )


def _version(encoded: bytes) -> int:
    if not encoded:
        return 1
    (number,) = der.children(encoded)
    if number[0] != der.INTEGER:
        raise CmsError("a version that is no number")
    return _number(number) + 1


def _number(encoded: bytes) -> int:
    return int.from_bytes(der.contents(encoded), "big", signed=True)


def _dotted(encoded: bytes) -> str:
    oid: str = core.ObjectIdentifier.load(encoded, strict=True).dotted
    return oid


def _moment(encoded: bytes) -> datetime:
    moment = x509.Time.load(encoded, strict=True).native
    if not isinstance(moment, datetime):
        raise CmsError("a date outside the calendar")
    if moment.tzinfo is None:  # nobody could say whether it has passed
        raise CmsError("a date without a time zone")
    return moment.astimezone(UTC)


def _extensions(encoded: bytes) -> dict[bytes, bytes]:
    """Return the DER of each extension by its identifier; of two with one identifier the first."""
    found: dict[bytes, bytes] = {}
    if encoded:
        (listed,) = der.children(encoded)
        if listed[0] != der.SEQUENCE:
            raise CmsError("extensions in another form")
        for extension in der.children(listed):
            form = (der.OBJECT_IDENTIFIER, -_BOOLEAN, der.OCTET_STRING)
            kind, _, value = der.fields(extension, *form)
            found.setdefault(kind, der.contents(value))
    return found


def _id_last4(text: str | None) -> str | None:
    return text if text and len(text) == 4 and text.isascii() and text.isalnum() else None


def _directory_attributes(raw: bytes | None) -> dict[str, str | None]:
    """Return the texts of those of subjectDirectoryAttributes that are used, by identifier.

    RFC 5280 §4.2.1.8. Two different texts of one kind prove nothing: neither counts.
    """
    if raw is None:
        return {}
    found: dict[str, set[str | None]] = {}
    for attribute in core.SequenceOf.load(raw, spec=core.Sequence):
        kind = attribute[0].native
        if kind in (_ID_LAST4, _UNIFORM_NUMBER, _CARD_RANK):
            values = core.SetOf.load(attribute[1].dump(), spec=core.Any)
            found.setdefault(kind, set()).update(string_value(each.dump()) for each in values)
    return {kind: texts.pop() for kind, texts in found.items() if len(texts) == 1}


def _email(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    for name in x509.GeneralNames.load(raw, strict=True):
        if name.name == "rfc822_name":
            text: str = name.chosen.contents.decode("ascii", errors="replace")
            return text if text.isprintable() else None
    return None


def _key_usage(raw: bytes | None) -> tuple[KeyUsage, ...]:
    if raw is None:
        return ()
    bits: set[str] = x509.KeyUsage.load(raw, strict=True).native
    return tuple(usage for usage in KeyUsage if usage.value in bits)


def _is_ca(raw: bytes | None) -> bool:
    return raw is not None and bool(x509.BasicConstraints.load(raw, strict=True)["ca"].native)


def _subject_key(raw: bytes | None) -> bytes | None:
    if raw is None:
        return None
    identifier: bytes = core.OctetString.load(raw, strict=True).native
    return identifier


def _authority_key(raw: bytes | None) -> bytes | None:
    if raw is None:
        return None
    identifier: bytes | None = x509.AuthorityKeyIdentifier.load(raw, strict=True)[
        "key_identifier"
    ].native
    return identifier
