"""Short checks that are repeated while the process runs, all of them at the same moments.

An idle process is woken once per interval, however many things it has to look at: what another
process may change on disk, and what no system announces in the same way.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

INTERVAL: Final = 1.5
"""Seconds between two rounds of checks."""

_log = structlog.get_logger(__name__)


class PeriodicChecks:
    """Runs checks one after another in a thread of its own, which lasts as long as there are any.

    A check must be short and must not wait for another thread. One that raises is logged, and runs
    again in the next round.
    """

    def __init__(self, interval: float = INTERVAL) -> None:
        """Say how many seconds are between two rounds; the thread starts with the first check."""
        self._interval = interval
        self._checks: list[Callable[[], None]] = []
        self._guard = threading.Lock()  # of the list and the thread
        self._round = threading.RLock()  # held while checks run
        self._end = threading.Event()

    def add(self, check: Callable[[], None]) -> Callable[[], None]:
        """Run ``check`` in every round from the next one on; return what ends that.

        The returned function may be called more than once, from any thread. It waits for a check
        that is running, so that what the check uses may be closed afterwards.
        """
        with self._guard:
            self._checks.append(check)
            if len(self._checks) == 1:
                self._end = threading.Event()
                threading.Thread(
                    target=self._run, args=(self._end,), name="periodic checks", daemon=True
                ).start()

        def remove() -> None:
            with self._guard:
                if check in self._checks:
                    self._checks.remove(check)
                if not self._checks:
                    self._end.set()
            with self._round:
                pass

        return remove

    @contextmanager
    def running(self, check: Callable[[], None]) -> Iterator[None]:
        """Run ``check`` in every round for as long as the context lasts."""
        remove = self.add(check)
        try:
            yield
        finally:
            remove()

    def _run(self, end: threading.Event) -> None:
        while not end.wait(self._interval):
            with self._guard:
                checks = tuple(self._checks)
            for check in checks:
                self._run_one(check)

    def _run_one(self, check: Callable[[], None]) -> None:
        with self._round:
            with self._guard:
                if check not in self._checks:  # removed during this round
                    return
            try:
                check()
            except Exception:  # noqa: BLE001  # one check must not end the others
                _log.exception("a periodic check failed")


CHECKS: Final = PeriodicChecks()
"""Those of this process."""
