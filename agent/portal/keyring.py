"""The secret that turns an ID number into something a stolen database does not tell.

There are only some five thousand million ID numbers: a plain hash of one is guessed in minutes. So
they are hashed with a random key (HMAC-SHA-256, RFC 2104), and the key lies in a file beside the
database, not in it: a copy of the database alone, in a backup or a bug report, gives nobody away,
and two portals' databases cannot be joined on the column.
"""

import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

_LENGTH: Final = 32


class Keyring:
    """One random key, used under a different label for each purpose."""

    def __init__(self, key: bytes) -> None:
        """Take a key of 32 bytes."""
        self._key = key

    def digest(self, label: str, *parts: bytes) -> bytes:
        """Compute 32 bytes that stand for ``parts`` under ``label`` and tell nothing about them."""
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
    if not path.exists():
        _write_new(path, os.urandom(_LENGTH))
    key = path.read_bytes()
    if len(key) != _LENGTH:
        raise ValueError(f"{path.name} is not a key file of {_LENGTH} bytes")
    return Keyring(key)


def _write_new(path: Path, key: bytes) -> None:
    """Write beside and link into place, so that no kill leaves half a key and no race two keys."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power cut; where a directory cannot be opened, nobody can."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
