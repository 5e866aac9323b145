"""Line breaking for Chinese and English: Tk itself breaks at spaces only, or anywhere."""

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

_ELLIPSIS: Final = "…"
_NOT_FIRST: Final = "，。、；：！？）」』】》〉…"
_NOT_LAST: Final = "（「『【《〈"
_IDEOGRAPH: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
# What must stay together: marks before it, one ideograph or one word, marks and spaces after it.
_PIECE: Final = re.compile(
    rf"(?:[{_NOT_LAST}]|\((?=[{_IDEOGRAPH}]))*"
    rf"(?:[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}{_NOT_LAST}{_NOT_FIRST}]+)?"
    rf"(?:[{_NOT_FIRST}]|(?<=[{_IDEOGRAPH}])[).,:;!?]+)*\s*"
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
        elif measure(piece.rstrip()) <= width:
            lines.append(piece)
        else:
            _break_anywhere(lines, piece, measure, width)
    return "\n".join(line.rstrip() for line in lines if line)


def _break_anywhere(
    lines: list[str], piece: str, measure: Callable[[str], int], width: int
) -> None:
    for character in piece:
        if lines[-1] and measure((lines[-1] + character).rstrip()) > width:
            lines.append("")
        lines[-1] += character


def fit(
    text: str, measure: Callable[[str], int], width: int, lines: int, *, end_only: bool = False
) -> str:
    """Break a text into so many lines at most; leave out its middle where it is longer.

    Its end says as much as its beginning (``.exe``).

    Args:
        text: without line breaks.
        measure: tells how many pixels wide a text is.
        width: of a line, in pixels.
        lines: at most.
        end_only: whether only the end is kept: what matters of a host.

    """

    def cut(kept: int) -> str:
        tail = kept if end_only else kept // 3
        return text[: kept - tail] + _ELLIPSIS + text[len(text) - tail :]

    whole = wrap(text, measure, width)
    if whole.count("\n") < lines:
        return whole
    fits = bisect_left(
        range(len(text)), 1, key=lambda kept: wrap(cut(kept), measure, width).count("\n") >= lines
    )
    return wrap(cut(max(0, fits - 1)), measure, width)
