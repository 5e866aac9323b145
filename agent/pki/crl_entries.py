"""Find the entries of a revocation list by serial number (RFC 5280 §5.1.2.6).

A list of the citizens' authority has more than 100 000 entries. Each is looked at once, in the
octets: where it begins is kept, and only one that is asked for is parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.cms.errors import CmsError

MAX_ENTRIES: Final = 1_000_000
_INTEGER: Final = 0x02
_SEQUENCE: Final = 0x30
_TIMES: Final = (0x17, 0x18)  # UTCTime, GeneralizedTime
_LONG: Final = 0x80


@dataclass(frozen=True, slots=True)
class ElementPosition:
    """Where an element stands in DER: its tag, where it begins, its contents and their end."""

    tag: int
    at: int
    contents: int
    end: int


def position_of(der: bytes, at: int, end: int) -> ElementPosition:
    """Read the header of the element at an offset (X.690 §8.1).

    Args:
        der: the octets.
        at: offset of the element.
        end: offset that it must not go beyond.

    Raises:
        CmsError: it goes beyond, has an indefinite length, or a length of more than four octets.

    """
    if at + 2 > end:
        raise CmsError("a revocation list that is cut short")
    length, contents = der[at + 1], at + 2
    if length >= _LONG:
        octets = length - _LONG
        if not 1 <= octets <= 4:  # 4 GiB
            raise CmsError("a length that is no DER")
        contents += octets
        length = int.from_bytes(der[at + 2 : contents], "big")
    if contents + length > end:
        raise CmsError("a revocation list that is cut short")
    return ElementPosition(der[at], at, contents, contents + length)


def revoked_certificates(der: bytes, body: ElementPosition) -> ElementPosition | None:
    """Find ``revokedCertificates`` in a TBSCertList; None where the list has no entry.

    Args:
        der: the whole list.
        body: the TBSCertList in it.

    Raises:
        CmsError: malformed.

    """
    at = body.contents
    seen_time = False
    while at < body.end:
        found = position_of(der, at, body.end)
        if found.tag == _SEQUENCE and seen_time:
            return found
        seen_time = seen_time or found.tag in _TIMES
        at = found.end
    return None


def index_entries(der: bytes, listed: ElementPosition) -> Mapping[int, int]:
    """Return the offset of each entry by serial number, which may be zero, negative or long.

    Args:
        der: the whole list.
        listed: ``revokedCertificates`` in it.

    Raises:
        CmsError: an entry is malformed, or there are more than a million.

    """
    found: dict[int, int] = {}
    at, end = listed.contents, listed.end
    number = int.from_bytes
    for _ in range(MAX_ENTRIES):
        if at >= end:
            return found
        # Short lengths, which nearly all of them are, are read in place: this runs 200 000 times.
        if at + 5 <= end and der[at + 1] < _LONG:
            tag, length, inner, octets, sign = der[at : at + 5]
            first, stop = at + 4, at + 2 + length
            if stop > end:
                raise CmsError("a revocation list that is cut short")
        else:
            entry = position_of(der, at, end)
            tag, first, stop = entry.tag, entry.contents + 2, entry.end
            inner, octets, sign = der[first - 2 : first + 1] if first < stop else (0, 0, 0)
        serial_end = first + octets
        if tag != _SEQUENCE or inner != _INTEGER or not first < serial_end <= stop:
            raise CmsError("an entry of a revocation list without a serial number")
        serial = der[first:serial_end]
        found[number(serial) if sign < _LONG else number(serial, signed=True)] = at
        at = stop
    if at < end:
        raise CmsError(f"a revocation list of more than {MAX_ENTRIES} entries")
    return found
