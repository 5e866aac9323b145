"""The first entry of a cross-reference table, which is of no object (ISO 32000-1 §7.5.4).

Its generation has to be 65 535. Printers and browsers have written 65 536 for years, which every
reader passes over, since nothing is looked up there; the library calls the file damaged.
"""

import io
import mmap
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, Final

from pyhanko.pdf_utils.misc import PdfStrictReadError
from pyhanko.pdf_utils.reader import PdfFileReader

_ENTRY: Final = b"0000000000 65536 f"
_DIGIT: Final = _ENTRY.index(b"6 f")
_RIGHT: Final = ord("5")
_MAX_ENTRIES: Final = 1000
"""One for each update."""


class _Corrected(io.RawIOBase):
    """A file in which those entries are as they should be."""

    def __init__(self, file: BinaryIO, places: list[int]) -> None:
        self._file = file
        self._places = places

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # a buffer of our own
        at = self._file.tell()
        octets = bytearray(self._file.read(len(buffer)))
        for place in self._places:
            if at <= place < at + len(octets):
                octets[place - at] = _RIGHT
        buffer[: len(octets)] = octets
        return len(octets)


def read_strictly(file: BinaryIO) -> PdfFileReader:
    """Read a document, with that one mistake in its tables passed over.

    What is read afterwards is read from the file as it is.

    Raises:
        PdfError: of the library, it is damaged.

    """
    try:
        return PdfFileReader(file, strict=True)
    except PdfStrictReadError:
        places = list(islice(_places(file), _MAX_ENTRIES))
        if not places:
            raise
    reader = PdfFileReader(io.BufferedReader(_Corrected(file, places)), strict=True)
    reader.stream = file
    return reader


def _places(file: BinaryIO) -> Iterator[int]:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        at = octets.find(_ENTRY)
        while at >= 0:
            yield at + _DIGIT
            at = octets.find(_ENTRY, at + 1)
