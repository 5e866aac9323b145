"""The key under which ID numbers are hashed, so that a stolen database does not reveal them.

There are only some five thousand million ID numbers: a plain hash of one is guessed in minutes. So
they are hashed with a random key (HMAC-SHA-256, RFC 2104), and the key lies in a file beside the
database, not in it: a copy of the database alone, in a backup or a bug report, identifies nobody,
and two portals' databases cannot be joined on the column.
"""

import hashlib
import hmac
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.files import FileTooLargeError, create_file, read_file

_LENGTH: Final = 32


class Keyring:
    """One random key, used under a different label for each purpose."""

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes."""
        self._key = key

    def digest(self, label: str, *parts: bytes) -> bytes:
        """Return the HMAC of ``parts`` under ``label``, 32 bytes."""
        mac = hmac.new(self._key, label.encode(), hashlib.sha256)
        for part in parts:
            mac.update(len(part).to_bytes(4, "big") + part)
        return mac.digest()

    def __repr__(self) -> str:
        return "Keyring()"


def load_or_create_keyring(path: Path) -> Keyring:
    """Read the key file, or make one that only its owner may read, on disk before it is used.

    Raises:
        OSError: the file can be neither read nor made.
        ValueError: the file does not hold exactly 32 bytes.

    """
    try:
        return _load(path)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another process was faster
            create_file(path, os.urandom(_LENGTH))
    return _load(path)


def _load(path: Path) -> Keyring:
    try:
        key = read_file(path, _LENGTH)
    except FileTooLargeError:
        key = b""
    if len(key) != _LENGTH:
        raise ValueError(f"{path.name} is not a key file of {_LENGTH} bytes")
    return Keyring(key)
