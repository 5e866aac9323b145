"""Notice that an agent came to rest after work, and give back what only the work needed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from agent.host.machine.start_pages import give_back
from agent.periodic import CHECKS, PeriodicChecks

QUIET_ROUNDS: Final = 10
"""Rounds of the periodic checks without work, after which an agent rests: 15 seconds."""
QUIET_SECONDS: Final = 0.005
"""Seconds of the processor's time that a round without work takes at most: a signature takes more,
and the checks themselves less."""


class Resting:
    """Gives memory back once the work that needed it is over: once, until there is more work.

    The start is work too, and over with the first round that has none. Work is told by the
    processor's time that the process took: whoever asked for it, and at whichever door.
    """

    def __init__(
        self,
        spent: Callable[[], float] = time.process_time,
        rest: Callable[[], object] = give_back,
    ) -> None:
        """Say what tells the processor's time in seconds, and what is done at rest."""
        self._spent = spent
        self._rest = rest
        self._last = spent()
        self._quiet_rounds = 0
        self._patience = 1
        self._is_due = True

    def check(self) -> None:
        """Look whether there was work since the last look, and rest if it is over for a while."""
        now = self._spent()
        worked, self._last = now - self._last > QUIET_SECONDS, now
        self._quiet_rounds = 0 if worked else self._quiet_rounds + 1
        self._is_due = self._is_due or worked
        if self._is_due and self._quiet_rounds >= self._patience:
            self._rest()
            self._last = self._spent()
            self._patience, self._is_due = QUIET_ROUNDS, False

    @contextmanager
    def running(self, checks: PeriodicChecks = CHECKS) -> Iterator[None]:
        """Look in every round of the periodic checks, for as long as the context lasts."""
        with checks.running(self.check):
            yield
