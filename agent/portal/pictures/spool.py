"""A file that is being received: on disk without a name, encrypted under a key in memory only."""

import os
import tempfile
from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

_KEY_BYTES: Final = 32
_BLOCK_BYTES: Final = 16
_PIECE_BYTES: Final = 256 * 1024


class SealedSpool:
    """What was received so far: nobody reads it on the disk, now or later, and it is not in memory.

    AES-256-CTR (NIST SP 800-38A §6.5) under a random key for this file alone. All methods block.
    """

    def __init__(self) -> None:
        """Make the temporary file; it has no name where the system can do that.

        Raises:
            OSError: none can be made.

        """
        self._cipher = Cipher(AES(os.urandom(_KEY_BYTES)), CTR(os.urandom(_BLOCK_BYTES)))
        self._encryptor = self._cipher.encryptor()
        # Unbuffered: a buffer's copy would stay in memory.
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # close() closes it

    def write(self, piece: bytes) -> None:
        """Add octets at the end.

        Raises:
            OSError: the disk is full.

        """
        left = memoryview(self._encryptor.update(piece))
        while left:
            left = left[self._file.write(left) :]

    def pieces(self) -> Iterator[bytes]:
        """Give all octets from the first on, in pieces of at most 256 KiB.

        Raises:
            OSError: the file cannot be read.

        """
        decryptor = self._cipher.decryptor()
        self._file.seek(0)
        while piece := self._file.read(_PIECE_BYTES):
            yield decryptor.update(piece)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
