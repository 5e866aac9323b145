"""Line breaking for Chinese and English: Tk itself breaks at spaces only, or anywhere."""

import re
from collections.abc import Callable
from typing import Final

_NOT_FIRST: Final = "，。、；：！？）」』】》〉…"
_NOT_LAST: Final = "（「『【《〈"
_IDEOGRAPH: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
# What must stay together: marks before it, one ideograph or one word, marks and spaces after it.
_PIECE: Final = re.compile(
    rf"[{_NOT_LAST}]*(?:[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}{_NOT_LAST}{_NOT_FIRST}]+)?"
    rf"[{_NOT_FIRST}]*\s*"
)


def wrap(text: str, measure: Callable[[str], int], width: int) -> str:
    """Break a paragraph into lines.

    No line begins with a mark that closes or ends with one that opens. A piece that is wider
    than a line (a long host name) is broken anywhere.

    Args:
        text: without line breaks.
        measure: tells how many pixels wide a text is.
        width: of a line, in pixels.

    """
    lines = [""]
    for piece in _PIECE.findall(text):
        if measure((lines[-1] + piece).rstrip()) <= width:
            lines[-1] += piece
            continue
        lines += _cut(piece, measure, width)
    return "\n".join(line.rstrip() for line in lines if line)


def _cut(piece: str, measure: Callable[[str], int], width: int) -> list[str]:
    parts = [""]
    for character in piece:
        if parts[-1] and measure((parts[-1] + character).rstrip()) > width:
            parts.append("")
        parts[-1] += character
    return parts
