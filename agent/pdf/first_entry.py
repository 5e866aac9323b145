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
from pyhanko.pdf_utils.xref import XRefSectionType

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

    What is read afterwards is read from the file as it is; and so is a cross-reference stream in
    which the same octets happen to stand, or were put: there they say something else to everybody.

    Raises:
        PdfError: of the library, it is damaged.

    """
    try:
        return PdfFileReader(file, strict=True)
    except PdfStrictReadError:
        places = list(islice(_places(file), _MAX_ENTRIES))
        if not places:
            raise
    reader = _read_corrected(file, places)
    of_tables = _in_tables(places, reader)
    if of_tables != places:
        reader = _read_corrected(file, of_tables)
        if _in_tables(of_tables, reader) != of_tables:
            raise PdfStrictReadError("tables that depend on what is corrected")
    return reader


def _read_corrected(file: BinaryIO, places: list[int]) -> PdfFileReader:
    reader = PdfFileReader(io.BufferedReader(_Corrected(file, places)), strict=True)
    reader.stream = file
    return reader


def _in_tables(places: list[int], reader: PdfFileReader) -> list[int]:
    """Return those that are within tables that were read, and in no stream."""
    tables: list[range] = []
    streams: list[range] = []
    for revision in range(reader.xrefs.total_revisions):
        found = reader.xrefs.get_xref_container_info(revision)
        is_stream = found.xref_section_type is XRefSectionType.STREAM
        extent = range(found.start_location, found.end_location)
        (streams if is_stream else tables).append(extent)
        hybrid = reader.xrefs.get_xref_data(revision).hybrid
        if hybrid is not None:
            meta = hybrid.meta_info
            streams.append(range(meta.start_location, meta.end_location))
    return [
        each
        for each in places
        if any(each in table for table in tables) and not any(each in one for one in streams)
    ]


def _places(file: BinaryIO) -> Iterator[int]:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        at = octets.find(_ENTRY)
        while at >= 0:
            yield at + _DIGIT
            at = octets.find(_ENTRY, at + 1)
