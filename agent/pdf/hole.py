"""The hole that a prepared PDF has for its signature (ISO 32000-1 §12.8.1): hexadecimal digits.

Nothing here reads the format: the worker said where the hole is, and both sides are checked.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final

from agent.errors import ErrorCode
from agent.pdf.wire import PdfError, PreparedPdf

_PIECE: Final = 1024 * 1024


def fill(file: Path, prepared: PreparedPdf, cms: bytes) -> None:
    """Write a CMS into the hole of a prepared file, and have it on the disk.

    Args:
        file: that the worker wrote.
        prepared: what it said of it.
        cms: DER.

    Raises:
        PdfError: ``document_damaged``, the file is not as it was prepared, or the hole too small.
        OSError: it cannot be written.

    """
    digits = cms.hex().encode()
    # another way: the octets of one place are replaced in a private copy that nobody else reads
    with file.open("r+b") as written:
        _check(written, prepared, len(digits))
        written.seek(prepared.start + 1)
        written.write(digits)
        written.flush()
        os.fsync(written.fileno())


def _check(file: BinaryIO, prepared: PreparedPdf, digits: int) -> None:
    """Refuse a file that does not hold an empty hole between the octets that were hashed."""
    room = prepared.end - prepared.start - 2
    if digits > room:
        raise _damaged(f"{digits} digits do not fit into {room}")
    file.seek(prepared.start)
    if file.read(room + 2) != b"<" + b"0" * room + b">":
        raise _damaged("the hole is not empty")
    hasher = hashlib.new(prepared.hash)
    file.seek(0)
    _hash(file, prepared.start, hasher)
    file.seek(prepared.end)
    _hash(file, None, hasher)
    if hasher.digest() != prepared.digest:
        raise _damaged("the file is not the one that was hashed")


def _hash(file: BinaryIO, length: int | None, hasher: "hashlib._Hash") -> None:
    left = length
    while piece := file.read(_PIECE if left is None else min(left, _PIECE)):
        hasher.update(piece)
        left = None if left is None else left - len(piece)


def begins_with(file: Path, original: Path) -> bool:
    """Return whether a file begins with all octets of another, and goes on.

    Raises:
        OSError: one of them cannot be read.

    """
    with file.open("rb") as whole, original.open("rb") as first:
        while piece := first.read(_PIECE):
            if whole.read(len(piece)) != piece:
                return False
        return bool(whole.read(1))


def _damaged(detail: str) -> PdfError:
    return PdfError(detail, code=ErrorCode.DOCUMENT_DAMAGED)
