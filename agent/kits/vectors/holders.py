"""Who holds a key and a certificate, and how a certificate comes to say what it should not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from agent.cms import der
from agent.cms.digest import HashAlgorithm

BEGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)
END: Final = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
YEAR: Final = timedelta(days=365)
HASHES: Final[Mapping[HashAlgorithm, type[hashes.HashAlgorithm]]] = {
    HashAlgorithm.SHA1: hashes.SHA1,
    HashAlgorithm.SHA256: hashes.SHA256,
    HashAlgorithm.SHA384: hashes.SHA384,
    HashAlgorithm.SHA512: hashes.SHA512,
}
SIGN: Final = ("digital_signature",)
ENCRYPT: Final = ("key_encipherment", "data_encipherment")
CERTIFY: Final = ("key_cert_sign", "crl_sign")
_USAGES: Final = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_SHA1_WITH_RSA: Final = bytes.fromhex("300d06092a864886f70d0101050500")
_SHA256_WITH_RSA: Final = bytes.fromhex("300d06092a864886f70d01010b0500")
_BIT_STRING: Final = 0x03


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A certificate and the key that goes with it.

    Attributes:
        der: the certificate.
        key: on a card, if this were one.

    """

    der: bytes
    key: RSAPrivateKey | EllipticCurvePrivateKey

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, parsed."""
        return x509.load_der_x509_certificate(self.der)

    @property
    def rsa(self) -> RSAPrivateKey:
        """The key, of whom has an RSA key.

        Raises:
            TypeError: it is on a curve.

        """
        if not isinstance(self.key, RSAPrivateKey):
            raise TypeError("no RSA key")
        return self.key

    def sign(self, algorithm: HashAlgorithm, digest: bytes) -> bytes:
        """Make an RSASSA-PKCS1-v1_5 signature, as a card does, or ECDSA of RFC 6979."""
        wanted = Prehashed(HASHES[algorithm]())
        if isinstance(self.key, EllipticCurvePrivateKey):
            return self.key.sign(digest, ECDSA(wanted, deterministic_signing=True))
        return self.key.sign(digest, PKCS1v15(), wanted)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate is to say of its holder.

    Attributes:
        subject: its name.
        key: its key.
        serial: of the certificate.
        usage: of the key; None leaves it unsaid.
        period: first and last moment of validity.
        is_authority: whether it may issue certificates; None leaves it unsaid.
        path_length: how many authorities may follow; None for any number.
        more: further critical extensions.
        issuer_key: what its issuer's key is said to be; None for the truth.

    """

    subject: x509.Name
    key: RSAPrivateKey | EllipticCurvePrivateKey
    serial: int
    usage: Sequence[str] | None = SIGN
    period: tuple[datetime, datetime] = (BEGIN, END)
    is_authority: bool | None = False
    path_length: int | None = None
    more: Sequence[x509.ExtensionType] = ()
    issuer_key: RSAPrivateKey | None = None

    def certified_by(self, name: x509.Name, key: RSAPrivateKey) -> KeyHolder:
        """Return the certificate that an authority of this name makes with this key."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(self.serial)
            .not_valid_before(self.period[0])
            .not_valid_after(self.period[1])
        )
        for extension, is_critical in self._extensions(key):
            builder = builder.add_extension(extension, is_critical)
        certificate = builder.sign(key, hashes.SHA256())
        return KeyHolder(certificate.public_bytes(Encoding.DER), self.key)

    def _extensions(self, issuer: RSAPrivateKey) -> list[tuple[x509.ExtensionType, bool]]:
        found: list[tuple[x509.ExtensionType, bool]] = []
        if self.usage is not None:
            bits = {each: each in self.usage for each in _USAGES}
            found.append((x509.KeyUsage(**bits), True))
        if self.is_authority is not None:
            constraints = x509.BasicConstraints(self.is_authority, self.path_length)
            found.append((constraints, self.is_authority))
        stated = (self.issuer_key or issuer).public_key()
        return [
            *found,
            (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(stated), False),
            *((each, True) for each in self.more),
        ]


def name_of(common_name: str, serial_number: str = "", unit: str = "") -> x509.Name:
    """Return the name of somebody whom nobody may trust."""
    parts = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "TW"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test vectors - DO NOT TRUST"),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    if unit:
        parts.insert(2, x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    if serial_number:
        parts.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, serial_number))
    return x509.Name(parts)


def signed_again(
    signed: bytes, before: bytes, after: bytes, key: RSAPrivateKey, *, is_weak: bool = False
) -> bytes:
    """Change a certificate or a list, and sign it again.

    Args:
        signed: DER, signed with SHA-256 and RSA.
        before: what stands in it; of the same length as ``after``, or not in a nested element.
        after: what is to stand there.
        key: of the issuer.
        is_weak: whether to sign with SHA-1.

    """
    body = der.children(signed)[0]
    contents = b"".join(der.children(body)).replace(before, after)
    identifier = _SHA256_WITH_RSA
    if is_weak:
        identifier = _SHA1_WITH_RSA
        contents = contents.replace(_SHA256_WITH_RSA, identifier)
    body = der.element(der.SEQUENCE, contents)
    algorithm = HashAlgorithm.SHA1 if is_weak else HashAlgorithm.SHA256
    signature = key.sign(body, PKCS1v15(), HASHES[algorithm]())
    return der.element(der.SEQUENCE, body, identifier, der.element(_BIT_STRING, b"\x00", signature))
