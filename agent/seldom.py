"""Log what others can make happen as often as they like: once a minute, and how often it was."""

import time
from collections.abc import Callable
from typing import Any, Final

import structlog

SECONDS: Final = 60.0


class SeldomLog:
    """Writes each event at most once in a time; what was left out is counted on the next line."""

    def __init__(
        self,
        name: str,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write nothing yet.

        Args:
            name: of the logger.
            seconds: between two lines about one event.
            clock: seconds that only grow.

        """
        self._log = structlog.get_logger(name)
        self._seconds = seconds
        self._clock = clock
        self._due: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def note(self, event: str, **facts: Any) -> None:
        """Write a warning, or count it.

        Args:
            event: a fixed text: each has its own time and count, kept for good.
            facts: of this one time.

        """
        now = self._clock()
        if now < self._due.get(event, now):
            self._left_out[event] = self._left_out.get(event, 0) + 1
            return
        self._due[event] = now + self._seconds
        self._log.warning(event, **facts, left_out=self._left_out.pop(event, 0))
