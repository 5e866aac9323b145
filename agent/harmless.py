"""Text that a page, a card or another program chose, made fit to be shown or written down."""

from typing import Final
from unicodedata import category, normalize

_LONGEST_LINE: Final = 512  # characters; more than any request allows
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Put U+FFFD for every character that shows nothing, moves others or ends a line.

    That is what :meth:`str.isprintable` refuses: control, format, unassigned, private-use and
    surrogate characters, and separators but the blank.
    """
    return "".join(character if character.isprintable() else _REPLACEMENT for character in text)


def shortened(text: str, longest: int) -> str:
    """Make text printable and at most ``longest`` characters long; what is cut ends with "…"."""
    shown = printable(text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def one_line(text: str) -> str:
    """Return the first 512 characters as one line that any window can show.

    Beyond what :func:`printable` replaces, U+FFFD stands for marks that pile up and paint over
    other lines, and for what lies outside the planes of letters and ideographs (emoji), which can
    crash Tk on X11.
    """
    whole = " ".join(normalize("NFC", text[:_LONGEST_LINE]).split())
    return "".join(character if _fits_a_line(character) else _REPLACEMENT for character in whole)


def _fits_a_line(character: str) -> bool:
    code = ord(character)
    in_planes = code < 0x10000 or 0x20000 <= code < 0x40000
    return character.isprintable() and in_planes and category(character) != "Mn"
