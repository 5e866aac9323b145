"""Keys that a sender and a recipient agree on over a curve (RFC 5753 §3.1.1).

The card's half is the bare agreement: from the sender's point it makes a number. What that number
is good for is found out here, by the key derivation of ANSI X9.63 and AES Key Wrap (RFC 3394).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from agent.cms import der
from agent.cms.errors import CmsError
from agent.cms.keys import is_point

RECIPIENT: Final = der.EXPLICIT_0 | 1
"""The tag of a KeyAgreeRecipientInfo in RecipientInfos (RFC 5652 §6.2)."""
_VERSION_3: Final = b"\x02\x01\x03"
_ORIGINATOR, _UKM, _ORIGINATOR_KEY = 0xA0, 0xA1, 0xA1
_BIT_STRING: Final = 0x03
_EC_PUBLIC_KEY: Final = bytes.fromhex("06072a8648ce3d0201")
_SUPPLEMENT: Final = 0xA2
_NULL: Final = b"\x05\x00"
_DERIVATIONS: Final[dict[bytes, type[hashes.HashAlgorithm]]] = {
    bytes.fromhex("06092b81051086483f0002"): hashes.SHA1,
    bytes.fromhex("06062b8104010b00"): hashes.SHA224,
    bytes.fromhex("06062b8104010b01"): hashes.SHA256,
    bytes.fromhex("06062b8104010b02"): hashes.SHA384,
    bytes.fromhex("06062b8104010b03"): hashes.SHA512,
}
"""dhSinglePass-stdDH-sha…kdf-scheme (RFC 5753 §7.1.4). SHA-1 is what common programs take where
nothing is said; no collision of it helps anybody to derive a key."""
_WRAPPINGS: Final = {
    bytes.fromhex("0609608648016503040105"): 16,
    bytes.fromhex("0609608648016503040119"): 24,
    bytes.fromhex("060960864801650304012d"): 32,
}
"""id-aes…-wrap (RFC 3565 §2.3.2), and the key's length in bytes."""
_UNSUPPORTED: Final = "unsupported key encryption algorithm"


@dataclass(frozen=True, slots=True, repr=False)
class AgreedKey:
    """A key that is wrapped with the one agreed on; in the place of a padding.

    Attributes:
        hash: of the derivation.
        length: of the wrapping key in bytes.
        shared: ECC-CMS-SharedInfo (RFC 5753 §7.2), DER.
        wrapped: the key of the content.

    """

    hash: type[hashes.HashAlgorithm]
    length: int
    shared: bytes
    wrapped: bytes

    def remove(self, block: bytes) -> bytes | None:
        """Unwrap the key.

        Args:
            block: what the card made of the sender's point: a coordinate.

        Returns:
            The key; None where it is not what was wrapped, whatever is wrong.

        """
        wrapping = X963KDF(self.hash(), self.length, self.shared).derive(block)
        try:
            return aes_key_unwrap(wrapping, self.wrapped)
        except (InvalidUnwrap, ValueError):
            return None


@dataclass(frozen=True, slots=True, repr=False)
class Agreement:
    """A KeyAgreeRecipientInfo, taken apart (RFC 5652 §6.2.2).

    Attributes:
        originator: OriginatorIdentifierOrKey, DER without its explicit tag.
        ukm: UserKeyingMaterial, tagged; empty for none.
        algorithm: KeyEncryptionAlgorithmIdentifier, DER.
        keys: each recipient's identifier, DER, and the key that is wrapped for them.

    """

    originator: bytes
    ukm: bytes
    algorithm: bytes
    keys: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def read(cls, encoded: bytes) -> "Agreement":
        """Read one in DER.

        Raises:
            CmsError: it is malformed.

        """
        whole = bytes((der.SEQUENCE,)) + encoded[1:]
        form = (der.INTEGER, _ORIGINATOR, -_UKM, der.SEQUENCE, der.SEQUENCE)
        version, originator, ukm, algorithm, keys = der.fields(whole, *form)
        if version != _VERSION_3:
            raise CmsError("a recipient of another version")
        return cls(der.contents(originator), ukm, algorithm, tuple(_keys(keys)))

    def key(self, wrapped: bytes, recipient: EllipticCurvePublicKey) -> tuple[bytes, AgreedKey]:
        """Return the sender's point, as the card needs it, and what opens with the outcome.

        Args:
            wrapped: one of :attr:`keys`.
            recipient: whose key it is.

        Raises:
            CmsError: an algorithm that is not known, or the point is none of the key's curve: with
                such a one a sender could learn of the key.

        """
        derivation, wrapping = der.fields(self.algorithm, der.OBJECT_IDENTIFIER, der.SEQUENCE)
        named, *parameters = der.children(wrapping)
        hash_, length = _DERIVATIONS.get(derivation), _WRAPPINGS.get(named)
        if hash_ is None or length is None or parameters not in ([], [_NULL]):
            raise CmsError(_UNSUPPORTED)
        bits = der.element(der.OCTET_STRING, (8 * length).to_bytes(4, "big"))
        ukm = b"" if not self.ukm else der.element(_ORIGINATOR, der.contents(self.ukm))
        shared = der.element(der.SEQUENCE, wrapping, ukm, der.element(_SUPPLEMENT, bits))
        return self._point(recipient), AgreedKey(hash_, length, shared, wrapped)

    def _point(self, recipient: EllipticCurvePublicKey) -> bytes:
        if self.originator[:1] != bytes((_ORIGINATOR_KEY,)):
            raise CmsError("a sender who is named by a certificate")
        algorithm, bits = der.children(self.originator)
        if der.children(algorithm)[0] != _EC_PUBLIC_KEY or bits[0] != _BIT_STRING:
            raise CmsError("a sender's key of another kind")
        unused, point = der.contents(bits)[:1], der.contents(bits)[1:]
        if unused != b"\x00" or not is_point(recipient, point):
            raise CmsError("a sender's key that is no point of the recipient's curve")
        return point


def _keys(encoded: bytes) -> Iterator[tuple[bytes, bytes]]:
    for each in der.children(encoded):
        identifier, key = der.children(each)
        if key[0] & ~0x20 != der.OCTET_STRING:
            raise CmsError("a wrapped key that is none")
        pieces = der.children(key) if key[0] & 0x20 else [key]
        yield identifier, b"".join(map(der.contents, pieces))
