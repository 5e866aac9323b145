"""The paddings around an encrypted key: RSAES-PKCS1-v1_5 and RSAES-OAEP (RFC 8017 §7).

The card's half is the bare RSA operation. What is wrong with a padding is one answer, reached in
one way: a sender who learns more decrypts a message with enough tries (RFC 3218, and Manger's
attack on OAEP).
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_SHORTEST = 11  # bytes: of RSAES-PKCS1-v1_5, around an empty message


def may_be_encrypted(key: RSAPublicKey, cryptogram: bytes) -> bool:
    """Return whether a cryptogram is one that ``key`` can have made (RFC 8017 §5.1.1).

    It is as long as the modulus and, as a number, smaller. No card is asked about another one.
    """
    as_long = len(cryptogram) * 8 == key.key_size
    return as_long and int.from_bytes(cryptogram, "big") < key.public_numbers().n


class Padding(Protocol):
    """How a message was filled up to the length of the key."""

    def remove(self, block: bytes) -> bytes | None:
        """Extract the message from a block that is as long as the modulus.

        Returns:
            The message; None where the padding is wrong, whatever is wrong with it.

        """


@dataclass(frozen=True, slots=True)
class Pkcs1Padding:
    """RSAES-PKCS1-v1_5: 00 02, at least eight bytes that are not zero, 00, the message."""

    def remove(self, block: bytes) -> bytes | None:
        """Extract the message; see :class:`Padding`, and RFC 8017 §7.2.2."""
        if len(block) < _SHORTEST:
            return None
        good = _is_zero(block[0]) & _is_zero(block[1] ^ 0x02)
        searching, start = 1, 0
        for index in range(2, len(block)):
            zero = _is_zero(block[index])
            start |= (index + 1) * (searching & zero)
            searching &= 1 ^ zero
        good &= 1 ^ searching
        good &= 1 ^ _is_negative(start - _SHORTEST)
        return block[start:] if good else None


@dataclass(frozen=True, slots=True)
class OaepPadding:
    """RSAES-OAEP with MGF1.

    Attributes:
        hash_name: of the label's hash, as :mod:`hashlib` has it; at most 64 bytes of digest.
        mask_hash_name: likewise, of MGF1; often the same, and in some programs another.
        label: of any length, mostly empty.

    """

    hash_name: str
    mask_hash_name: str
    label: bytes = b""

    def remove(self, block: bytes) -> bytes | None:
        """Extract the message; see :class:`Padding`, and RFC 8017 §7.1.2."""
        expected = _digest(self.hash_name, self.label)
        size = len(expected)
        if len(block) < 2 * size + 2:
            return None
        masked_seed, masked_data = block[1 : 1 + size], block[1 + size :]
        seed = self._masked(masked_seed, masked_data)
        data = self._masked(masked_data, seed)
        good = _is_zero(block[0]) & hmac.compare_digest(data[:size], expected)
        searching, start = 1, 0
        for index in range(size, len(data)):
            zero, one = _is_zero(data[index]), _is_zero(data[index] ^ 0x01)
            start |= (index + 1) * (searching & one)
            good &= (1 ^ searching) | zero | one
            searching &= zero
        good &= 1 ^ searching
        return data[start:] if good else None

    def _masked(self, octets: bytes, seed: bytes) -> bytes:
        """Exclusive-or ``octets`` with MGF1 of ``seed`` (RFC 8017 appendix B.2.1)."""
        mask = bytearray()
        while len(mask) < len(octets):
            counter = (len(mask) // len(_digest(self.mask_hash_name, b""))).to_bytes(4, "big")
            mask += _digest(self.mask_hash_name, seed + counter)
        return bytes(each ^ other for each, other in zip(octets, mask, strict=False))


def _digest(name: str, octets: bytes) -> bytes:
    # SHA-1 is what OAEP takes where nothing else is said; no collision of it harms OAEP.
    return hashlib.new(name, octets, usedforsecurity=False).digest()


def _is_zero(value: int) -> int:
    return 1 ^ _is_negative(-value)  # of a byte: 1 for 0, else 0


def _is_negative(value: int) -> int:
    return (value >> 31) & 1
