"""A small PKI for the tests of messages and certificates; every name in it is invented."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from agent.cms.digest import HashAlgorithm

NOW = datetime(2026, 6, 15, 8, 30, tzinfo=UTC)
DAY = timedelta(days=1)
HASHES = {
    HashAlgorithm.SHA1: hashes.SHA1,
    HashAlgorithm.SHA256: hashes.SHA256,
    HashAlgorithm.SHA384: hashes.SHA384,
    HashAlgorithm.SHA512: hashes.SHA512,
}
MOICA = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "TW"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "測試院"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "測試憑證管理中心"),
    ]
)
ROOT = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "TW"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Root Certification Authority"),
    ]
)
SIGN = "digital_signature"
ENCRYPT = ("key_encipherment", "data_encipherment")
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return each name its own key, made once in a process."""
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def citizen_name(serial: str = "0000000000000001", common_name: str = "王測試") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "TW"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, serial),
        ]
    )


def key_usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in names for usage in _USAGES})


def last4_attribute(text: str = "6789", tag: int = 0x0C) -> x509.UnrecognizedExtension:
    """Build subjectDirectoryAttributes with one GPKI attribute; ``tag`` is the string's type."""
    value = bytes((tag, len(text))) + text.encode()
    oid = bytes.fromhex("060860867601" + "640233")  # 2.16.886.1.100.2.51
    oid = b"\x06" + bytes((len(oid) - 2,)) + oid[2:]
    attribute = oid + b"\x31" + bytes((len(value),)) + value
    attribute = b"\x30" + bytes((len(attribute),)) + attribute
    return x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.9"), b"\x30" + bytes((len(attribute),)) + attribute
    )


@dataclass(frozen=True)
class Authority:
    """A certification authority: its name, key and certificate."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    extensions: tuple[x509.ExtensionType, ...] = field(default=())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(
        self,
        subject: x509.Name,
        key: CertificateIssuerPrivateKeyTypes,
        *,
        serial: int = 0x5A01,
        usage: Sequence[str] = (SIGN,),
        ca: bool = False,
        not_before: datetime = NOW - 30 * DAY,
        not_after: datetime = NOW + 365 * DAY,
        extra: Sequence[x509.ExtensionType] = (),
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(key_usage(*usage), critical=True)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=ca)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
            )
        )
        for extension in extra:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def authority(
        self, subject: x509.Name, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, serial: int
    ) -> "Authority":
        certificate = self.issue(
            subject, key, serial=serial, usage=("key_cert_sign", "crl_sign"), ca=True
        )
        return Authority(certificate, key)

    def crl(
        self,
        revoked: Sequence[int] = (),
        *,
        why: Sequence[x509.ExtensionType] = (),
        this_update: datetime = NOW - DAY,
        next_update: datetime = NOW + DAY,
        number: int | None = 1,
        extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> bytes:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(this_update)
            .next_update(next_update)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
            )
        )
        if number is not None:
            builder = builder.add_extension(x509.CRLNumber(number), False)
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial)
            for reason in why:
                entry = entry.add_extension(reason, critical=False)
            builder = builder.add_revoked_certificate(entry.revocation_date(NOW - 2 * DAY).build())
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


@cache
def root() -> Authority:
    return self_signed(rsa_key("root"))


def self_signed(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Authority:
    builder = (
        x509.CertificateBuilder()
        .subject_name(ROOT)
        .issuer_name(ROOT)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - 3650 * DAY)
        .not_valid_after(NOW + 3650 * DAY)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


@cache
def issuing() -> Authority:
    return root().authority(MOICA, rsa_key("issuing"), 2)


@cache
def issuing_other() -> Authority:
    """Give another generation of the same authority: the same name, another key."""
    return root().authority(MOICA, rsa_key("issuing-other"), 3)


@cache
def citizen_key() -> rsa.RSAPrivateKey:
    return rsa_key("citizen")


@cache
def citizen() -> bytes:
    certificate = issuing().issue(citizen_name(), citizen_key(), extra=(last4_attribute(),))
    return certificate.public_bytes(Encoding.DER)


@cache
def citizen_of(size: int) -> bytes:
    """Give the citizen a certificate of so many bytes, some tens of thousands."""

    def filled(length: int) -> bytes:
        filling = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(length))
        certificate = issuing().issue(citizen_name(), citizen_key(), extra=(filling,))
        return certificate.public_bytes(Encoding.DER)

    guess = size - 2000
    found = filled(guess + size - len(filled(guess)))
    assert len(found) == size
    return found


def sign(digest: bytes, algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> bytes:
    """Do what the citizen's card does."""
    return citizen_key().sign(digest, PKCS1v15(), Prehashed(HASHES[algorithm]()))


def write_pem(path: Path, *certificates: bytes) -> Path:
    path.write_bytes(
        b"".join(
            x509.load_der_x509_certificate(raw).public_bytes(Encoding.PEM) for raw in certificates
        )
    )
    return path
