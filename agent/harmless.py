"""Text that a page, a card or another program chose, made fit to be shown.

Data pass through the product unchanged; what stands here is applied where text meets a person's
eyes. Which characters do harm is told by what they do, never by whether this interpreter's Unicode
table knows them yet: people are named with ideographs that are newer than it, and with ones from
the private-use areas.
"""

from typing import Final
from unicodedata import category, combining, normalize

MAX_MARKS: Final = 2  # on one letter: Taiwanese and Vietnamese need so many, and more paint over
_LONGEST_LINE: Final = 512  # characters; more than any request allows
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_HARMFUL: Final = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_BREAKING: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))
_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
"""Letters, marks and a symbol that show nothing: default ignorable ones, and BRAILLE BLANK."""


def is_harmful(character: str) -> bool:
    """Return whether a character shows nothing, moves others or ends a line.

    Those are control and format characters, surrogates, line and paragraph separators, fillers,
    noncharacters, and the unassigned code points that Unicode reserves for ones that show nothing.
    """
    kind = category(character)
    if kind == "Cn":
        code = ord(character)
        never = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
        ignorable = code == 0x2065 or 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF
        return never or ignorable
    return kind in _HARMFUL or character in _FILLERS


def printable(text: str) -> str:
    """Put U+FFFD for every harmful character (see :func:`is_harmful`)."""
    return "".join(_REPLACEMENT if is_harmful(character) else character for character in text)


def unbroken(text: str) -> str:
    """Put U+FFFD for what breaks a string literal that somebody else builds around the text.

    Those are controls, surrogates, and the line and paragraph separators that end a line of old
    JavaScript; names stay as they are, whatever they look like.
    """
    return "".join(_REPLACEMENT if category(each) in _BREAKING else each for each in text)


def shortened(text: str, longest: int) -> str:
    """Make text printable and at most ``longest`` characters long; what is cut ends with "…"."""
    shown = printable(text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def has_content(text: str) -> bool:
    """Return whether text shows anything at all: a letter, a digit or a sign on its own."""
    return any(
        not is_harmful(character)
        and category(character)[0] not in "ZM"
        and character != _REPLACEMENT
        for character in text
    )


def one_line(text: str) -> str:
    """Return the first 512 characters as one line that any window can show.

    Beyond what :func:`printable` replaces, U+FFFD stands for marks that pile up and paint over
    other lines. What lies outside the planes of letters and ideographs can crash Tk on X11; its
    code point stands there instead.
    """
    blank_once = printable(" ".join(text[:_LONGEST_LINE].split()))
    shown: list[str] = []
    marks = 0
    for character in blank_once:
        marks = marks + 1 if category(character)[0] == "M" else 0
        shown.append(_on_a_line(character, marks, shown[-1] if shown else " "))
    return "".join(_composed(shown))


def code_point(character: str) -> str:
    """Write a character that cannot be drawn as its code point, ``U+3158E`` in brackets."""
    return f"\N{LEFT TORTOISE SHELL BRACKET}U+{ord(character):04X}\N{RIGHT TORTOISE SHELL BRACKET}"


def _on_a_line(character: str, marks: int, before: str) -> str:
    if not (character < "\U00010000" or "\U00020000" <= character < "\U00040000"):
        return code_point(character)
    fits = marks <= MAX_MARKS and before not in (" ", _REPLACEMENT) and category(character) != "Me"
    return character if marks == 0 or fits else _REPLACEMENT


def _composed(pieces: list[str]) -> list[str]:
    """Join each letter with its marks to one character where there is one.

    Never a letter alone: that would exchange a compatibility ideograph for another one.
    """
    joined: list[str] = []
    for piece in pieces:
        if joined and len(piece) == 1 and combining(piece):
            joined[-1] = normalize("NFC", joined[-1] + piece)
        else:
            joined.append(piece)
    return joined
