"""Write a Compact Font Format program (Adobe Technical Note 5176): CIDs that are glyph numbers."""

import struct
from collections.abc import Sequence
from typing import Final

NOTDEF: Final = b"\xf7\x88\x0e"
"""A glyph of 244 units' width without a shape, which text never names (Technical Note 5177)."""
_HEADER: Final = b"\x01\x00\x04\x04"  # version 1.0, four octets of header, offsets of four octets
_FIRST_OWN_STRING: Final = 391
_PRIVATE: Final = b"\x8b\x14\x8b\x15"  # defaultWidthX 0, nominalWidthX 0
_FONT_BBOX: Final = b"\x05"
_CHARSET: Final = b"\x0f"
_CHAR_STRINGS: Final = b"\x11"
_PRIVATE_OPERATOR: Final = b"\x12"
_ROS: Final = b"\x0c\x1e"
_CID_COUNT: Final = b"\x0c\x22"
_FD_ARRAY: Final = b"\x0c\x24"
_FD_SELECT: Final = b"\x0c\x25"


def cff_program(name: str, glyphs: Sequence[bytes], box: Sequence[int]) -> bytes:
    """Return a CID-keyed font of 1000 units to the em.

    Args:
        name: of the font, ASCII.
        glyphs: Type 2 charstrings of CID 0, 1, …, each of which begins with its width.
        box: of all glyphs together: left, bottom, right, top.

    """
    count = len(glyphs)
    before = _HEADER + _index([name.encode("ascii")])
    strings = _index([b"Adobe", b"Identity"]) + _index([])  # no global subroutines
    charset = struct.pack(">BHH", 2, 1, count - 2)
    select = struct.pack(">BHHBH", 3, 1, 0, 0, count)
    shapes = _index(glyphs)
    at = len(before) + len(_index([_top(box, count, (0, 0, 0, 0))])) + len(strings)
    places = (at, at + len(charset), at + len(charset) + len(select))
    private = places[2] + len(shapes)
    font = _number(len(_PRIVATE)) + _number(private) + _PRIVATE_OPERATOR
    top = _top(box, count, (*places, private + len(_PRIVATE)))
    return b"".join(
        (before, _index([top]), strings, charset, select, shapes, _PRIVATE, _index([font]))
    )


def _top(box: Sequence[int], count: int, places: tuple[int, int, int, int]) -> bytes:
    charset, select, shapes, fonts = map(_number, places)
    ordering = (_FIRST_OWN_STRING, _FIRST_OWN_STRING + 1, 0)
    return b"".join(
        (
            *map(_number, ordering),
            _ROS,
            *map(_number, box),
            _FONT_BBOX,
            _number(count) + _CID_COUNT,
            charset + _CHARSET,
            select + _FD_SELECT,
            shapes + _CHAR_STRINGS,
            fonts + _FD_ARRAY,
        )
    )


def _number(value: int) -> bytes:
    """Return an integer of a DICT, always in five octets, so that offsets can be filled in."""
    return struct.pack(">Bi", 29, value)


def _index(entries: Sequence[bytes]) -> bytes:
    if not entries:
        return b"\x00\x00"
    offsets, at = [1], 1
    for each in entries:
        at += len(each)
        offsets.append(at)
    head = struct.pack(">HB", len(entries), 4)
    return head + b"".join(struct.pack(">I", each) for each in offsets) + b"".join(entries)
