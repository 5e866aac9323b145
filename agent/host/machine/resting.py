"""Notice that an agent came to rest after work, and give back what only the work needed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from agent.host.machine.start_pages import give_back, resident_size
from agent.periodic import CHECKS, PeriodicChecks

QUIET_ROUNDS: Final = 10
"""Rounds of the periodic checks without work, after which an agent rests: 15 seconds."""
QUIET_SECONDS: Final = 0.005
"""Seconds of the processor's time that a round without work takes at most."""
WORTH: Final = 2_000_000
"""Bytes by which the process has grown since it last rested, for less of which it does not."""


class Resting:
    """Gives memory back once the work that needed it is over, and the process has grown by it.

    The start is work too, and over with the first round that has none. Work is told by the
    processor's time that the process took: whoever asked for it, and at whichever door.
    """

    def __init__(
        self,
        spent: Callable[[], float] = time.process_time,
        size: Callable[[], int] = resident_size,
        rest: Callable[[], object] = give_back,
    ) -> None:
        """Begin with the start.

        Args:
            spent: tells the processor's time that the process took, in seconds.
            size: tells its memory, in bytes; 0 where nobody knows.
            rest: is done at rest.

        """
        self._spent, self._size, self._rest = spent, size, rest
        self._last = spent()
        self._quiet_rounds = 0
        self._patience = 1
        self._rested_size = 0

    def check(self) -> None:
        """Look whether there was work since the last look, and rest if it is over for a while."""
        now = self._spent()
        worked, self._last = now - self._last > QUIET_SECONDS, now
        self._quiet_rounds = 0 if worked else self._quiet_rounds + 1
        if self._quiet_rounds < self._patience:
            return
        if self._size() - self._rested_size >= WORTH:
            self._rest()
            self._patience, self._quiet_rounds = QUIET_ROUNDS, 0
            self._rested_size, self._last = self._size(), self._spent()

    @contextmanager
    def running(self, checks: PeriodicChecks = CHECKS) -> Iterator[None]:
        """Look in every round of the periodic checks, for as long as the context lasts."""
        with checks.running(self.check):
            yield
