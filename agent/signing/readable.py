"""Which documents are so short and plain that a window can show all of what is signed."""

from typing import Final

from agent.consent.questions import MAX_TEXT
from agent.harmless import has_content, is_harmful, one_line

MAX_LINES: Final = 10
_MAX_BYTES: Final = 4 * MAX_TEXT + MAX_LINES  # UTF-8, and a carriage return for each line
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def readable_text(data: bytes) -> str | None:
    """Return the text that a document is, if a window can show it as it is; else None.

    It is UTF-8, has at most 200 characters and 10 lines, says something, and has nothing in it that
    a window would have to replace. Lines end with a line feed in what is returned, the last one
    with nothing.
    """
    if len(data) > _MAX_BYTES:
        return None
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    lines = text.removesuffix("\n").split("\n")
    fits = len(text) <= MAX_TEXT and len(lines) <= MAX_LINES
    return "\n".join(lines) if fits and has_content(text) and all(map(_is_whole, lines)) else None


def _is_whole(line: str) -> bool:
    """Return whether a window shows all of a line, but for how many blanks there are."""
    return not any(map(is_harmful, line)) and _REPLACEMENT not in one_line(line)
