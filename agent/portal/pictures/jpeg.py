"""Recognise a JPEG that holds nothing but a picture (ITU-T T.81)."""

from typing import Final

_START, _END = b"\xff\xd8", b"\xff\xd9"
_JFIF: Final = 0xE0
_SCAN: Final = 0xDA
_ALLOWED: Final = frozenset({_JFIF, 0xDB, 0xC0, 0xC4, _SCAN})
"""JFIF, quantisation tables, baseline frame, Huffman tables, scan (T.81 table B.1)."""
_JFIF_BYTES: Final = 16
"""A JFIF segment's length where it holds no thumbnail (ITU-T T.871 §10.1)."""


def is_plain_jpeg(data: bytes) -> bool:
    """Return whether a file has only what a baseline JPEG needs, and nothing after its end.

    No EXIF, XMP, colour profile, thumbnail or comment has a place in such a file.
    """
    if not data.startswith(_START) or not data.endswith(_END):
        return False
    at = len(_START)
    while at + 4 <= len(data):
        mark, code = data[at], data[at + 1]
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if mark != 0xFF or code not in _ALLOWED:
            return False
        if code == _JFIF and (length != _JFIF_BYTES or data[at + 4 : at + 9] != b"JFIF\0"):
            return False
        at += 2 + length
        if code == _SCAN:
            return _ends_with_its_scan(data[at:])
    return False


def _ends_with_its_scan(coded: bytes) -> bool:
    """Return whether no marker but the last follows: each FF in coded data has a 00 behind it."""
    return coded.count(b"\xff") == coded.count(b"\xff\x00") + 1
