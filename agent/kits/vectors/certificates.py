"""The authorities of the test vectors, the people they certify, and their revocation lists.

Every name says that nothing here is to be trusted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from agent.cms.digest import HashAlgorithm
from agent.kits.vectors.keys import make_key

AT: Final = datetime(2026, 11, 27, 15, 4, 5, tzinfo=UTC)
"""When the logins are verified, where the verifier's clock can be set."""
BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
END: Final = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
_YEAR: Final = timedelta(days=365)
_HASHES: Final[Mapping[HashAlgorithm, type[hashes.HashAlgorithm]]] = {
    HashAlgorithm.SHA1: hashes.SHA1,
    HashAlgorithm.SHA256: hashes.SHA256,
    HashAlgorithm.SHA384: hashes.SHA384,
    HashAlgorithm.SHA512: hashes.SHA512,
}
_SIGN: Final = ("digital_signature",)
_ENCRYPT: Final = ("key_encipherment", "data_encipherment")
_CERTIFY: Final = ("key_cert_sign", "crl_sign")
_USAGES: Final = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A certificate and the key that goes with it."""

    certificate: x509.Certificate
    key: RSAPrivateKey

    @property
    def der(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    def sign(self, algorithm: HashAlgorithm, digest: bytes) -> bytes:
        """Make an RSASSA-PKCS1-v1_5 signature, as a card does."""
        return self.key.sign(digest, PKCS1v15(), Prehashed(_HASHES[algorithm]()))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a certificate is to say of its holder.

    Attributes:
        subject: its name.
        key: its key.
        serial: of the certificate.
        usage: of the key.
        period: first and last moment of validity.

    """

    subject: x509.Name
    key: RSAPrivateKey
    serial: int
    usage: Sequence[str] = _SIGN
    period: tuple[datetime, datetime] = (BEGIN, END)

    def certified_by(self, name: x509.Name, key: RSAPrivateKey) -> KeyHolder:
        """Return the certificate that an authority of this name makes with this key."""
        is_authority = self.usage == _CERTIFY
        usage = x509.KeyUsage(**{each: each in self.usage for each in _USAGES})
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(self.serial)
            .not_valid_before(self.period[0])
            .not_valid_after(self.period[1])
            .add_extension(usage, critical=True)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=is_authority)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)
            .add_extension(identifier, critical=False)
        )
        return KeyHolder(builder.sign(key, hashes.SHA256()), self.key)


def _name(common_name: str, serial_number: str = "") -> x509.Name:
    parts = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "TW"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test vectors - DO NOT TRUST"),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    if serial_number:
        parts.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number))
    return x509.Name(parts)


_ROOT: Final = _name("Worthless Root")
_CA: Final = _name("Worthless Citizen CA")
_CITIZEN: Final = _name("測試假人", "9999000000000001")


def root(key: str = "root") -> KeyHolder:
    """Return a root of the one name; another key makes it another root."""
    made = make_key(key)
    return _Wanted(_ROOT, made, 1, _CERTIFY).certified_by(_ROOT, made)


def authority(key: str = "authority", root_key: str = "root") -> KeyHolder:
    """Return an authority of the one name below a root."""
    wanted = _Wanted(_CA, make_key(key), 2, _CERTIFY)
    return wanted.certified_by(_ROOT, make_key(root_key))


def citizen() -> KeyHolder:
    """Return whom everybody is to accept."""
    return _certified(_Wanted(_CITIZEN, make_key("citizen"), 0x1001))


def second_citizen() -> KeyHolder:
    """Return somebody else who is to be accepted, too."""
    other = _name("測試路人", "9999000000000002")
    return _certified(_Wanted(other, make_key("second citizen"), 0x1002))


def expired() -> KeyHolder:
    """Return somebody whose certificate ended before anybody verified it."""
    period = (BEGIN, BEGIN + _YEAR)
    return _certified(_Wanted(_CITIZEN, make_key("citizen"), 0x1003, period=period))


def not_yet_valid() -> KeyHolder:
    """Return somebody whose certificate begins long after anybody verifies it."""
    return _certified(_Wanted(_CITIZEN, make_key("citizen"), 0x1004, period=(END - _YEAR, END)))


def revoked() -> KeyHolder:
    """Return somebody whose certificate is on the list."""
    return _certified(_Wanted(_CITIZEN, make_key("citizen"), _REVOKED))


def encrypting() -> KeyHolder:
    """Return somebody whose certificate is for encryption."""
    return _certified(_Wanted(_CITIZEN, make_key("citizen"), 0x1006, _ENCRYPT))


def of_foreign_authority() -> KeyHolder:
    """Return somebody whom an authority of the same name and another key certifies."""
    wanted = _Wanted(_CITIZEN, make_key("citizen"), 0x1001)
    return wanted.certified_by(_CA, make_key("foreign authority"))


def self_signed() -> KeyHolder:
    """Return somebody who certifies themselves."""
    key = make_key("citizen")
    return _Wanted(_CITIZEN, key, 0x1001).certified_by(_CITIZEN, key)


_REVOKED: Final = 0x1005


def _certified(wanted: _Wanted) -> KeyHolder:
    return wanted.certified_by(_CA, make_key("authority"))


def revocation_list(issuer: KeyHolder, revoked_serials: Sequence[int] = ()) -> bytes:
    """Return the DER revocation list of an authority."""
    key = issuer.key.public_key()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(BEGIN)
        .next_update(END)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    for serial in revoked_serials:
        entry = x509.RevokedCertificateBuilder().serial_number(serial)
        builder = builder.add_revoked_certificate(entry.revocation_date(BEGIN + _YEAR).build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


@cache
def trust_files() -> dict[str, bytes]:
    """Return what a verifier has to be given, by file name."""
    return {
        "root.cer": root().der,
        "ca.cer": authority().der,
        "root.crl": revocation_list(root()),
        "ca.crl": revocation_list(authority(), [_REVOKED]),
    }
