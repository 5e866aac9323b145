"""Break lines of Chinese and other text; Tk itself breaks either at spaces only or anywhere."""

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

_ELLIPSIS: Final = "…"
_NOT_FIRST: Final = "，。、；：！？）」』】》〉〕…"
_NOT_LAST: Final = "（「『【《〈〔"
_IDEOGRAPH: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
# Text that stays together: opening marks, one ideograph or one word, closing marks and spaces.
_PIECE: Final = re.compile(
    rf"(?:[{_NOT_LAST}]|\((?=[{_IDEOGRAPH}]))*"
    rf"(?:[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}{_NOT_LAST}{_NOT_FIRST}]+)?"
    rf"(?:[{_NOT_FIRST}]|(?<=[{_IDEOGRAPH}])[).,:;!?]+)*\s*"
)

_UNIT: Final = re.compile(r"\u3014U\+[0-9A-F]{4,6}\u3015|.", re.DOTALL)
"""A character, or the code point that stands for one (see :func:`agent.harmless.code_point`)."""


def wrap(text: str, measure: Callable[[str], int], width: int) -> str:
    """Return a paragraph broken into lines.

    No line begins with a closing mark or ends with an opening one. A word that is wider than a
    line (a long host name) is broken anywhere.

    Args:
        text: the paragraph, without line breaks.
        measure: returns the width of a text in pixels.
        width: the width of a line in pixels.

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
    """Return a text broken into ``lines`` lines at most; a longer one is shortened with ``…``.

    Args:
        text: without line breaks; of a code point that stands for a rare character all is kept, or
            nothing.
        measure: returns the width of a text in pixels.
        width: the width of a line in pixels.
        lines: the most lines that are returned.
        end_only: keep only the end of a longer text (of a host it matters most); otherwise two
            thirds of what is kept are its beginning and one third its end (``.exe``).

    """

    def shortened(kept: int) -> str:
        tail = kept if end_only else kept // 3
        return "".join((*units[: kept - tail], _ELLIPSIS, *units[len(units) - tail :]))

    units = _UNIT.findall(text)
    whole = wrap(text, measure, width)
    if whole.count("\n") < lines:
        return whole
    fits = bisect_left(
        range(len(units)),
        1,
        key=lambda kept: wrap(shortened(kept), measure, width).count("\n") >= lines,
    )
    return wrap(shortened(max(0, fits - 1)), measure, width)
