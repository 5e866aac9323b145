"""Objects and trailers that stand in a file, and that no cross-reference accounts for.

No reader looks at them, until one repairs the file: for an entry that leads nowhere, say. Then it
takes whatever looks like an object, the last one of each number. So behind a signature there may be
none: they would be what somebody signed.
"""

import mmap
import re
from collections.abc import Iterator
from typing import Final

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.xref import XRefSectionType

_WHITE: Final = b"\0\t\n\v\f\r "
_GAP: Final = rb"(?:[\0\t\n\f\r ]|%[^\r\n]*+[\r\n])"
_HEAD: Final = re.compile(rb"%b*+[0-9]++%b++[0-9]++%b*+obj" % (_GAP, _GAP, _GAP))
_OBJECT: Final = b"obj"
_TRAILER: Final = b"trailer"
_PIECE: Final = 4096


def last_unlisted(reader: PdfFileReader, start: int) -> int:
    """Return where the last one ends that begins at ``start`` or behind it; 0 where there is none.

    Raises:
        OSError: the file cannot be read.

    """
    if start >= reader.stream.seek(0, 2):
        return 0
    with mmap.mmap(reader.stream.fileno(), 0, access=mmap.ACCESS_READ) as octets:
        listed = set(_listed(reader, octets, start))
        return max((end for end in _found(octets, start) if end not in listed), default=0)


def _found(octets: mmap.mmap, start: int) -> Iterator[int]:
    """Yield where the heads of objects and trailers end, or what could be taken for one."""
    for word in (_OBJECT, _TRAILER):  # one after the other is many times faster
        for found in re.compile(word + rb"(?![A-Za-z0-9])").finditer(octets, start):
            begin = found.start()
            is_word = not octets[begin - 1 : begin].isalpha()
            if is_word and (word == _TRAILER or _follows_number(octets, begin)):
                yield found.end()


def _follows_number(octets: mmap.mmap, end: int) -> bool:
    """Return whether a number stands before a word, or a comment, before which one may stand."""
    before = end
    while before and octets[before - 1] in _WHITE:
        begin = max(before - _PIECE, 0)
        before = begin + len(octets[begin:before].rstrip(_WHITE))
    if octets[max(before - 1, 0)] in b"0123456789":
        return True
    is_next_line = not {10, 13}.isdisjoint(octets[before:end])
    line = max(octets.rfind(b"\n", 0, before), octets.rfind(b"\r", 0, before), 0)
    return is_next_line and octets.find(b"%", line, before) >= 0


def _listed(reader: PdfFileReader, octets: mmap.mmap, start: int) -> Iterator[int]:
    """Yield where what is accounted for ends: heads of objects from ``start`` on, and trailers."""
    for revision in range(reader.xrefs.total_revisions):
        data = reader.xrefs.get_xref_data(revision)
        section = reader.xrefs.get_xref_container_info(revision)
        places = [offset for _, offset in data.standard_xrefs.values()]
        if data.hybrid is not None:
            places += [offset for _, offset in data.hybrid.xref_data.standard_xrefs.values()]
            places.append(data.hybrid.meta_info.start_location)
        if section.xref_section_type is XRefSectionType.STREAM:
            places.append(section.start_location)
        else:
            at = octets.rfind(_TRAILER, section.start_location, section.end_location)
            yield at + len(_TRAILER)
        for place in places:
            found = _HEAD.match(octets, place) if place >= start else None
            if found is not None:
                yield found.end()
