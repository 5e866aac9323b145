"""The local certificate authority: it signs a series of leaves once, then its key is gone.

RFC 5280 §4.2.1.10: a name type that the constraints do not list is not constrained, so DNS names
*and* addresses are listed. With the key destroyed, a stolen disk can impersonate nothing but us.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LEAVES = 6
LEAF_LIFETIME = timedelta(days=397)  # what the strictest verifiers accept of a server
LEAF_STEP = timedelta(days=304)  # six steps are five years; neighbours overlap by three months
CLOCK_SKEW = timedelta(days=1)  # a clock set back a little must not make the leaf invalid

NAMES: Sequence[x509.GeneralName] = (
    x509.DNSName("localhost"),
    x509.IPAddress(IPv4Address("127.0.0.1")),
    x509.IPAddress(IPv6Address("::1")),
)
CONSTRAINTS = x509.NameConstraints(
    permitted_subtrees=[
        x509.DNSName("localhost"),
        x509.IPAddress(IPv4Network("127.0.0.1/32")),
        x509.IPAddress(IPv6Network("::1/128")),
    ],
    excluded_subtrees=None,
)
_SERVER_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


@dataclass(frozen=True, slots=True)
class Leaf:
    """A server certificate with its key; neither printed nor compared."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return f"Leaf(not_after={self.certificate.not_valid_after_utc:%Y-%m-%d})"


class LocalAuthority:
    """A P-256 authority that lives in memory only.

    Attributes:
        certificate: what goes into trust stores.

    """

    def __init__(self, now: datetime) -> None:
        """Make a fresh key and certificate.

        Args:
            now: with a time zone; the certificate is valid until the last leaf of a series
                that starts now has expired.

        """
        self._key = ec.generate_private_key(ec.SECP256R1())
        # The suffix tells two machines', and two installations', authorities apart in a store.
        self._name = _name(f"Ankong local authority {secrets.token_hex(4)}")
        public_key = self._key.public_key()
        start = now - CLOCK_SKEW
        end = start + LEAF_STEP * (LEAVES - 1) + LEAF_LIFETIME
        builder = _builder(self._name, self._name, public_key, start, end)
        for extension, critical in (
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_key_usage(sign_certificates=True), True),
            (CONSTRAINTS, True),
            (_SERVER_ONLY, False),
            (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        self.certificate = builder.sign(self._key, SHA256())

    def leaf(self, start: datetime, names: Sequence[x509.GeneralName] = NAMES) -> Leaf:
        """Sign a server certificate of 397 days for a fresh key.

        Args:
            start: of its validity, with a time zone.
            names: its subjectAltName.

        """
        key = ec.generate_private_key(ec.SECP256R1())
        public_key = key.public_key()
        # Both ends count (RFC 5280 §4.1.2.5), so that a full last second would be a day too much.
        end = start + LEAF_LIFETIME - timedelta(seconds=1)
        builder = _builder(_name("localhost"), self._name, public_key, start, end)
        issuer = self._key.public_key()
        for extension, critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_key_usage(sign_certificates=False), True),
            (x509.SubjectAlternativeName(names), False),
            (_SERVER_ONLY, False),
            (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        return Leaf(builder.sign(self._key, SHA256()), key)

    def leaves(self) -> tuple[Leaf, ...]:
        """Sign six leaves that cover five years, each overlapping the next."""
        start = self.certificate.not_valid_before_utc
        return tuple(self.leaf(start + LEAF_STEP * number) for number in range(LEAVES))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
