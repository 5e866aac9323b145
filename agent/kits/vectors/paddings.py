"""What stands inside an RSA signature (RFC 8017 §8.1, §9.2), right and nearly right."""

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_SALT: Final = b"salt from nowhere, 32 octets...."


def raw_signature(key: RSAPrivateKey, block: bytes) -> bytes:
    """Return the signature that opens to a block as long as the modulus, or a little shorter."""
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    power = pow(int.from_bytes(block, "big"), numbers.d, modulus)
    return power.to_bytes(key.key_size // 8, "big")


def block_of(content: bytes, size: int = 256, *, kind: int = 1, fill: int | None = None) -> bytes:
    """Return a padded block.

    Args:
        content: at its end, or where the filling ends.
        size: of the block, octets.
        kind: of the block; 1 for signatures.
        fill: octets of filling; None for as many as there is room for.

    """
    filling = b"\xff" * (size - 3 - len(content) if fill is None else fill)
    return (bytes((0, kind)) + filling + b"\x00" + content).ljust(size, b"\x00")


def forged_with_cube_root(digest_info: bytes, size: int = 256) -> bytes:
    """Return a number whose cube begins as a short block does, with anything after its content.

    Whoever looks for the filling and the digest, and not for the end, takes it for a signature by
    any key of this size with the exponent 3.
    """
    block = int.from_bytes(block_of(digest_info, size, fill=8), "big")
    low, high = 0, 1 << (8 * size // 3 + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < block else (low, middle)
    return low.to_bytes(size, "big")


def pss_block(digest: bytes, bits: int = 2048) -> bytes:
    """Return an EMSA-PSS block with SHA-256 and a salt that is no secret (RFC 8017 §9.1.1)."""
    size = bits // 8
    sealed = hashlib.sha256(bytes(8) + digest + _SALT).digest()
    room = size - len(sealed) - 1
    data = (b"\x01" + _SALT).rjust(room, b"\x00")
    masked = bytearray(a ^ b for a, b in zip(data, _mask(sealed, room), strict=True))
    masked[0] &= 0x7F  # one bit less than the modulus
    return bytes(masked) + sealed + b"\xbc"


def _mask(seed: bytes, size: int) -> bytes:
    """Return as many octets of MGF1 with SHA-256 (RFC 8017 appendix B.2.1)."""
    rounds = range(size // 32 + 1)
    parts = (hashlib.sha256(seed + each.to_bytes(4, "big")).digest() for each in rounds)
    return b"".join(parts)[:size]
