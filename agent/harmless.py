"""Text that a page, a card or another program chose, made fit to be shown or written down."""

from typing import Final

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
