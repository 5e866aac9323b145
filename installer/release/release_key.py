"""The key of releases: Ed25519, in a PEM file of whoever releases, or in the environment."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

KEY = "ANKONG_RELEASE_KEY"
"""The variable with the private key itself, PEM, where there is no file of it."""
PASSPHRASE = "ANKONG_RELEASE_PASSPHRASE"  # noqa: S105  # the variable's name


def release_key(file: Path | None) -> Ed25519PrivateKey:
    """Return the private key of a file, or the one that the environment holds.

    Raises:
        TypeError: it is not an Ed25519 key, or has a passphrase that is not given.
        ValueError: there is no key, or the passphrase is wrong.
        OSError: the file cannot be read.

    """
    pem = file.read_bytes() if file else os.environ.get(KEY, "").encode()
    phrase = os.environ.get(PASSPHRASE, "").encode() or None
    key = load_pem_private_key(pem, phrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{file or KEY}: not an Ed25519 key")
    return key
