"""Colours on a terminal: they underline what the words say already, and never say it alone."""

import os
import sys
from enum import StrEnum
from typing import Any, Final

_END: Final = "\x1b[0m"
_FORCING: Final = ("FORCE_COLOR", "CLICOLOR_FORCE")
_WINDOWS: Final = ("WT_SESSION", "ANSICON", "ConEmuANSI", "TERM")
"""Variables of consoles of Windows that know the sequences; the oldest one prints them."""


class Colour(StrEnum):
    """What a text is shown in (ECMA-48 §8.3.117, SGR)."""

    BOLD = "\x1b[1m"
    GREEN = "\x1b[32m"
    YELLOW = "\x1b[33m"
    RED = "\x1b[31m"


def coloured(text: str, colour: Colour | None, stream: Any = None) -> str:
    """Return a text in a colour, if the readers of a stream see colours; else as it is.

    Args:
        text: on one line.
        colour: of all of it; None for that of other texts.
        stream: that it is printed on; None for standard output.

    """
    if colour is None or not shows_colours(stream or sys.stdout):
        return text
    return f"{colour}{text}{_END}"


def shows_colours(stream: Any) -> bool:
    """Return whether a stream is a terminal that shows colours, and the user wants them.

    NO_COLOR, set to anything, comes first, then FORCE_COLOR or CLICOLOR_FORCE, set to anything but
    0, which want colours in pipes too; then TERM=dumb and CLICOLOR=0.
    """
    asked = os.environ.get
    if asked("NO_COLOR"):
        return False
    if any(asked(name, "0") not in {"", "0"} for name in _FORCING):
        return True
    if stream is None or not stream.isatty() or asked("CLICOLOR") == "0":
        return False
    if sys.platform == "win32":
        return asked("TERM") != "dumb" and any(map(asked, _WINDOWS))
    return (asked("TERM") or "dumb") != "dumb"
