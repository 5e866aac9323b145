"""Finding lines in the history: the newest first, a page at a time."""

from pathlib import Path
from typing import Final

from agent.history import store as history
from agent.history.line import HistoryLine

ROWS: Final = 50
"""Lines that are given at once."""
LOOKED_THROUGH: Final = 20_000
"""Lines that one search looks at; whoever asks goes on from there."""
_SEARCHED: Final = ("site", "document", "holder", "digest", "reader", "card_serial", "outcome")


def find(path: Path, wanted: str, before: int | None) -> tuple[list[HistoryLine], int | None]:
    """Find lines that contain a text; blocks.

    Args:
        path: of the database.
        wanted: in small letters (``str.casefold``); empty finds every line.
        before: only lines with smaller numbers than this; None for the newest.

    Returns:
        The lines, and where to go on; None when there are no more.

    Raises:
        DatabaseError: the file cannot be read.

    """
    found: list[HistoryLine] = []
    looked = 0
    while looked < LOOKED_THROUGH:
        lines = history.read(path, before=before)
        for line in lines:
            looked, before = looked + 1, line.seq
            if not wanted or _says(line, wanted):
                found.append(line)
            if len(found) == ROWS:
                return found, before
        if len(lines) < history.PAGE:
            return found, None
    return found, before


def _says(line: HistoryLine, wanted: str) -> bool:
    texts = (getattr(line.entry, name) for name in _SEARCHED)
    return any(wanted in text.casefold() for text in texts if text)
