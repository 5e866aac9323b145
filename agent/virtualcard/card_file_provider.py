"""A provider of virtual cards from files: each file has a reader and its card while it exists.

A tester without a reader pulls a card by renaming its file, and inserts it by renaming it back.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from agent.errors import AgentError
from agent.periodic import CHECKS
from agent.virtualcard import cardfile
from agent.virtualcard.provider import VirtualProvider


class CardFileProvider(VirtualProvider):
    """A provider whose cards are inserted and removed with their files."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Insert all cards, one reader for each in the given order.

        A file that goes or comes is noticed at the next of the process's periodic checks.

        Without files there is one empty reader.

        Raises:
            BadRequestError: a file is missing, or not a card file.

        """
        cards = [cardfile.load(file) for file in files]
        super().__init__(readers=max(1, len(files)))
        names = [state.name for state in self.readers()]
        self._files = dict(zip(names, files, strict=False))
        for name, card in zip(names, cards, strict=False):
            self.insert(name, card)
        self._there = dict.fromkeys(self._files, True)
        self._stop_looking = CHECKS.add(self._look) if files else lambda: None

    def close(self) -> None:
        """Remove every card and stop looking for the files."""
        self._stop_looking()
        super().close()

    def _look(self) -> None:
        for name, file in self._files.items():
            now = file.exists()
            if now != self._there[name]:
                self._there[name] = now
                self._follow(name, file, now)

    def _follow(self, name: str, file: Path, there: bool) -> None:
        """Insert or remove a card; a file that is not a card file leaves the reader empty."""
        # Also when somebody has unplugged the reader meanwhile there is nothing left to do.
        with contextlib.suppress(AgentError):
            self.remove(name)
            if there:
                self.insert(name, cardfile.load(file))
