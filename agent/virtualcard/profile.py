"""The certificate profile of the citizen certificate (GPKI), for certificates of the test issuer.

Subject, key usage, policy and subjectDirectoryAttributes are those of the real ones; the names
say TEST, so that nobody takes one for the other.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from agent.iso7816.tlv import encode

COUNTRY = "TW"
ORGANIZATION = "Ankong Test Authority"
ROOT_NAME = "Ankong Test Root CA"
CA_UNIT = "Ankong Test Citizen CA"
POLICY_CLASS_3 = x509.ObjectIdentifier("2.16.886.101.0.3.3")
SUBJECT_DIRECTORY_ATTRIBUTES = x509.ObjectIdentifier("2.5.29.9")
ATTRIBUTE_SUBJECT_CLASS = "2.16.886.1.100.2.1"
ATTRIBUTE_ID_LAST_4 = "2.16.886.1.100.2.51"
CLASS_CITIZEN = "2.16.886.1.100.3.1.1"
_SEQUENCE, _SET, _OID, _UTF8 = 0x30, 0x31, 0x06, 0x0C


SubjectKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
"""What is certified here."""


@unique
class Use(StrEnum):
    """The use of a certificate; a citizen card has the first two."""

    SIGN = "SIGN"
    KEYX = "KEYX"
    AUTH = "AUTH"
    CARD = "CARD"


@dataclass(frozen=True, slots=True)
class Applicant:
    """The subject of a certificate.

    Attributes:
        name: the subject.
        key: what is certified.
        validity: first and last moment.

    """

    name: x509.Name
    key: SubjectKey
    validity: tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Signer:
    """The issuer of a certificate.

    Attributes:
        name: the issuer.
        key: its private key.
        crl_url: where its revocation list is; None for a root that signs itself.

    """

    name: x509.Name
    key: rsa.RSAPrivateKey
    crl_url: str | None = None


def root_name() -> x509.Name:
    """Return the name of the test root."""
    return _name((NameOID.ORGANIZATION_NAME, ORGANIZATION), (NameOID.COMMON_NAME, ROOT_NAME))


def ca_name() -> x509.Name:
    """Return the name of the test CA: organisation and unit, no common name, as MOICA's."""
    unit = NameOID.ORGANIZATIONAL_UNIT_NAME
    return _name((NameOID.ORGANIZATION_NAME, ORGANIZATION), (unit, CA_UNIT))


def citizen_name(name: str, subject_serial: str) -> x509.Name:
    """Return the name of a citizen: common name, and 16 digits that are not the ID number."""
    return _name((NameOID.COMMON_NAME, name), (NameOID.SERIAL_NUMBER, subject_serial))


def _name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    country = x509.NameAttribute(NameOID.COUNTRY_NAME, COUNTRY)
    return x509.Name([country, *(x509.NameAttribute(oid, value) for oid, value in parts)])


def authority_certificate(applicant: Applicant, signer: Signer) -> x509.Certificate:
    """Return the certificate of an authority: the root's by itself, the CA's by the root."""
    path_length = None if signer.crl_url is None else 0
    builder = (
        _builder(applicant, signer)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
    )
    return builder.sign(signer.key, hashes.SHA256())


def citizen_certificate(
    applicant: Applicant, signer: Signer, use: Use, id_number: str
) -> x509.Certificate:
    """Return the certificate of one of a citizen's two keys."""
    if use is not Use.KEYX:
        usage = _key_usage(digital_signature=True)
    elif isinstance(applicant.key, ec.EllipticCurvePublicKey):
        usage = _key_usage(key_agreement=True)
    else:
        usage = _key_usage(encipherment=True)
    attributes = x509.UnrecognizedExtension(
        SUBJECT_DIRECTORY_ATTRIBUTES, directory_attributes(id_number[-4:])
    )
    builder = (
        _builder(applicant, signer)
        .add_extension(usage, critical=True)
        .add_extension(attributes, critical=False)
    )
    return builder.sign(signer.key, hashes.SHA256())


def _builder(applicant: Applicant, signer: Signer) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(applicant.key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(applicant.name)
        .issuer_name(signer.name)
        .public_key(applicant.key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(applicant.validity[0])
        .not_valid_after(applicant.validity[1])
        .add_extension(identifier, critical=False)
    )
    return builder if signer.crl_url is None else _issued(builder, signer, signer.crl_url)


def _issued(
    builder: x509.CertificateBuilder, signer: Signer, crl_url: str
) -> x509.CertificateBuilder:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
    policy = x509.PolicyInformation(POLICY_CLASS_3, None)
    return (
        builder.add_extension(authority, critical=False)
        .add_extension(x509.CertificatePolicies([policy]), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
    )


def _key_usage(
    *,
    digital_signature: bool = False,
    encipherment: bool = False,
    key_agreement: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=encipherment,
        data_encipherment=encipherment,
        key_agreement=key_agreement,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def directory_attributes(last_4: str) -> bytes:
    """Encode subjectDirectoryAttributes (RFC 5280 §4.2.1.8): class, end of the ID number."""
    return encode(
        _SEQUENCE,
        _attribute(ATTRIBUTE_SUBJECT_CLASS, _object_identifier(CLASS_CITIZEN))
        + _attribute(ATTRIBUTE_ID_LAST_4, encode(_UTF8, last_4.encode())),
    )


def _attribute(kind: str, value: bytes) -> bytes:
    return encode(_SEQUENCE, _object_identifier(kind) + encode(_SET, value))


def _object_identifier(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    return encode(_OID, b"".join(_base_128(arc) for arc in (first * 40 + second, *rest)))


def _base_128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(arc & 0x7F | 0x80)
    return bytes(reversed(digits))
