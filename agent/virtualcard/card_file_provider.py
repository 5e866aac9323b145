"""A provider of virtual cards from files: each file has a reader and its card while it exists.

A tester without a reader pulls a card by renaming its file, and inserts it by renaming it back.
"""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

from agent.errors import AgentError
from agent.virtualcard import cardfile
from agent.virtualcard.provider import VirtualProvider

LOOK_INTERVAL = 0.4  # seconds; as often as pcscd looks at a slot


class CardFileProvider(VirtualProvider):
    """A provider whose cards are inserted and removed with their files."""

    def __init__(self, files: Sequence[Path]) -> None:
        """Insert all cards, one reader for each in the given order, and watch the files.

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
        self._end = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="card-files", daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Pull every card and stop watching."""
        self._end.set()
        super().close()
        self._watcher.join()

    def _watch(self) -> None:
        there = dict.fromkeys(self._files, True)
        while not self._end.wait(LOOK_INTERVAL):
            for name, file in self._files.items():
                now = file.exists()
                if now != there[name]:
                    there[name] = now
                    self._follow(name, file, now)

    def _follow(self, name: str, file: Path, there: bool) -> None:
        """Insert or remove a card; a file that is not a card file leaves the reader empty."""
        # Also when somebody has unplugged the reader meanwhile there is nothing left to do.
        with contextlib.suppress(AgentError):
            self.remove(name)
            if there:
                self.insert(name, cardfile.load(file))
