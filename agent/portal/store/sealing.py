"""Seal what must not be read in the database: AES-256-GCM (NIST SP 800-38D)."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class UnsealError(Exception):
    """What was sealed was changed, or is bound to something else, or the key is another one."""


def seal(key: bytes, plaintext: bytes, bound_to: bytes) -> bytes:
    """Return a nonce of 12 octets, the ciphertext and the tag of 16 octets.

    Args:
        key: 32 octets; it may seal some thousand million texts.
        plaintext: what nobody else may read.
        bound_to: what has to be given again to open it, such as the row that it stands in.

    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound_to)


def unseal(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        UnsealError: it was changed, or sealed under another key or bound to something else.

    """
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, bound_to)
    except (InvalidTag, ValueError) as error:
        raise UnsealError from error
