"""The hole that a prepared PDF has for its signature (ISO 32000-1 §12.8.1): hexadecimal digits.

Nothing here reads the format: the worker said where the hole is, and both sides are checked.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from agent.errors import ErrorCode
from agent.pdf.wire import PdfError, PreparedPdf

Ranges: TypeAlias = tuple[int, int, int, int]
"""What a signature covers, as in ``/ByteRange``: offset and length in bytes, twice."""
_PIECE: Final = 1024 * 1024


def fill(file: Path, prepared: PreparedPdf, cms: bytes, *, again: bool = False) -> None:
    """Write a CMS into the hole of a prepared file, and have it on the disk.

    Args:
        file: that the worker wrote.
        prepared: what it said of it.
        cms: DER.
        again: whether another CMS may be there, which is replaced.

    Raises:
        PdfError: ``document_damaged``, the file is not as it was prepared, or the hole too small.
        OSError: it cannot be written.

    """
    digits = cms.hex().encode()
    # another way: the octets of one place are replaced in a private copy that nobody else reads
    with file.open("r+b") as written:
        _check(written, prepared, len(digits), again=again)
        written.seek(prepared.start + 1)
        written.write(digits.ljust(_room(prepared), b"0") if again else digits)
        written.flush()
        os.fsync(written.fileno())


def has_room(prepared: PreparedPdf, cms: bytes) -> bool:
    """Return whether a CMS fits into the hole of a prepared file."""
    return 2 * len(cms) <= _room(prepared)


def _room(prepared: PreparedPdf) -> int:
    return prepared.end - prepared.start - 2


def _check(file: BinaryIO, prepared: PreparedPdf, digits: int, *, again: bool) -> None:
    """Refuse a file that does not hold an empty hole between the octets that were hashed."""
    room = _room(prepared)
    if digits > room:
        raise _damaged(f"{digits} digits do not fit into {room}")
    file.seek(prepared.start)
    found = file.read(room + 2)
    if found[:1] + found[-1:] != b"<>" or len(found) != room + 2:
        raise _damaged("there is no hole")
    if not again and found.strip(b"<0>"):
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


def digests_around(file: BinaryIO, ranges: Iterable[Ranges], name: str) -> dict[Ranges, bytes]:
    """Hash what many signatures of one file cover; what they have in common is read once.

    Args:
        file: that they are in.
        ranges: of each, the second behind the first.
        name: of the digest algorithm, for ``hashlib``.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no such algorithm.

    """
    found: dict[Ranges, bytes] = {}
    begun, shared, at = None, hashlib.new(name), 0
    for each in sorted(set(ranges)):
        start, length, second, rest = each
        if start != begun:
            begun, shared, at = start, hashlib.new(name), start
        file.seek(at)
        _hash(file, start + length - at, shared)
        at = start + length
        own = shared.copy()
        file.seek(second)
        _hash(file, rest, own)
        found[each] = own.digest()
    return found


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
