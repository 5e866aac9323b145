"""Columns and lines of a terminal, whose cells an ideograph takes two of (UAX #11)."""

import unicodedata
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import Final

NARROWEST: Final = 40
"""Cells; a narrower terminal breaks lines itself."""
WIDEST: Final = 100
"""Cells; longer lines are hard to read."""
_ZERO_WIDTH: Final = frozenset(("Mn", "Me", "Cf"))
_BEGINS_NO_LINE: Final = frozenset(
    "\u3001\u3002\uff0c\uff1b\uff1a\uff1f\uff01\uff09\u300d\u300f\u300b"
)
_ENDS_NO_LINE: Final = frozenset("\uff08\u300c\u300e\u300a")


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes on one line."""
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in _ZERO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def padded(text: str, width: int) -> str:
    """Fill a text with spaces up to a width in cells; a wider one stays as it is."""
    return text + " " * (width - cells(text))


def screen_width() -> int:
    """Return the cells of a line that people read, between :data:`NARROWEST` and :data:`WIDEST`.

    The variable COLUMNS comes first, then the terminal of standard output, then 80.
    """
    return max(NARROWEST, min(get_terminal_size().columns, WIDEST))


def wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines of at most ``width`` cells, at spaces and between ideographs.

    A word that is longer than a line stays whole: it may be an address, or a path.
    """
    lines, line = [], ""
    for piece in pieces(text):
        if line and cells(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()]


def pieces(text: str) -> Iterator[str]:
    """Yield what no line break may part, each with the spaces behind it."""
    piece = ""
    for character in text:
        if piece and _may_break(piece[-1], character):
            yield piece
            piece = ""
        piece += character
    yield piece


def _may_break(before: str, behind: str) -> bool:
    if behind == " " or behind in _BEGINS_NO_LINE or before in _ENDS_NO_LINE:
        return False
    return before == " " or _cells(before) == 2 or _cells(behind) == 2  # wide
