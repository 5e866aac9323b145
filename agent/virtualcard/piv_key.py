"""Private keys of a PIV card: RSA of three lengths, and two curves."""

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils

from agent.virtualcard.rsa_key import raw_operation


@unique
class PivKeyKind(StrEnum):
    """What a key can be."""

    RSA2048 = "rsa2048"
    RSA3072 = "rsa3072"
    RSA4096 = "rsa4096"
    P256 = "p256"
    P384 = "p384"


ALGORITHMS = {
    PivKeyKind.RSA2048: 0x07,
    PivKeyKind.RSA3072: 0x05,
    PivKeyKind.RSA4096: 0x16,
    PivKeyKind.P256: 0x11,
    PivKeyKind.P384: 0x14,
}
"""Algorithm identifiers (SP 800-78 table 6-2)."""
_MODULI = {2048: PivKeyKind.RSA2048, 3072: PivKeyKind.RSA3072, 4096: PivKeyKind.RSA4096}
_CURVES = {"secp256r1": PivKeyKind.P256, "secp384r1": PivKeyKind.P384}
_PREHASHED = {32: hashes.SHA256, 48: hashes.SHA384}


class PivKeyError(ValueError):
    """The bytes are not a private key that such a card can have."""


@dataclass(frozen=True, slots=True)
class PivPrivateKey:
    """A private key.

    Attributes:
        kind: what it is.

    """

    kind: PivKeyKind
    _key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def generate(cls, kind: PivKeyKind) -> Self:
        """Make a new key; RSA takes up to seconds."""
        if kind is PivKeyKind.P256:
            return cls(kind, ec.generate_private_key(ec.SECP256R1()))
        if kind is PivKeyKind.P384:
            return cls(kind, ec.generate_private_key(ec.SECP384R1()))
        size = next(bits for bits, each in _MODULI.items() if each is kind)
        return cls(kind, rsa.generate_private_key(public_exponent=65537, key_size=size))

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Read an unencrypted PKCS#8 key.

        Raises:
            PivKeyError: it is malformed, or of another kind.

        """
        try:
            key = serialization.load_der_private_key(der, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise PivKeyError("no private key") from error
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size in _MODULI:
            return cls(_MODULI[key.key_size], key)
        if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
            return cls(_CURVES[key.curve.name], key)
        raise PivKeyError("not RSA of 2048, 3072 or 4096 bits, nor P-256 or P-384")

    def to_der(self) -> bytes:
        """Return the key as unencrypted PKCS#8."""
        return self._key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def public_key(self) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
        """The public key."""
        return self._key.public_key()

    @property
    def is_rsa(self) -> bool:
        """Whether it is an RSA key."""
        return isinstance(self._key, rsa.RSAPrivateKey)

    @property
    def length(self) -> int:
        """Bytes of the modulus, or of a number of the curve."""
        return self._key.key_size // 8

    def agree(self, point: bytes) -> bytes | None:
        """Return the coordinate that is agreed on (SEC 1 §3.3.1); None where that cannot be.

        Args:
            point: the other one's, uncompressed.

        """
        if isinstance(self._key, rsa.RSAPrivateKey) or len(point) != 1 + 2 * self.length:
            return None
        try:
            other = ec.EllipticCurvePublicKey.from_encoded_point(self._key.curve, point)
        except ValueError:
            return None
        return self._key.exchange(ec.ECDH(), other)

    def private_operation(self, challenge: bytes) -> bytes | None:
        """Apply the key to a block, or sign a digest; None if it is not below the modulus.

        Args:
            challenge: :attr:`length` bytes.

        """
        if isinstance(self._key, rsa.RSAPrivateKey):
            return raw_operation(self._key, challenge)
        algorithm = ec.ECDSA(utils.Prehashed(_PREHASHED[len(challenge)]()))
        return self._key.sign(challenge, algorithm)
