"""Keeps this user's browsers trusting us while the agent runs, and knows which must be restarted.

The rhythm: the process's periodic checks wake every agent anyway (:mod:`agent.periodic`), so a
look at them costs no waking of its own. It lists the numbers of all processes and reads the times
of one file: half a millisecond. Once a minute, and for half a minute after a browser has started,
it has a thread look at the browsers' stores, which may wait for a disk or a tool.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from agent.host.tls.machine import Machine
from agent.host.tls.manifest import Manifest, ManifestError, TrustStep
from agent.host.tls.store_readers import StoreReaders
from agent.host.tls.tending import TrustTending
from agent.periodic import CHECKS, PeriodicChecks

INTERVAL: Final = 60.0
"""Seconds between two looks at the stores."""
HURRY_SECONDS: Final = 30.0
"""For so long after a browser's start they are looked at in every round: it makes them then."""
_END_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


class TrustKeeper:
    """Looks after the trust stores of one user; any thread may use it."""

    def __init__(
        self,
        manifest: Path,
        authority: Callable[[], Path],
        machine: Machine | None = None,
        checks: PeriodicChecks = CHECKS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare it; nothing is looked at before :meth:`running`.

        Args:
            manifest: the file in which changes of trust stores are written down.
            authority: returns the file of the certificate that is to be trusted.
            machine: whose browsers they are; None for this computer.
            checks: the rounds in which it looks.
            clock: seconds, from any moment on.

        """
        machine = Machine() if machine is None else machine
        self._manifest = manifest
        self._browsers = machine.browsers
        self._tending = TrustTending(manifest, authority, machine, clock)
        self._checks = checks
        self._clock = clock
        self._guard = threading.Lock()  # of what is known of restarts
        self._restart: tuple[str, ...] = ()
        self._listeners: list[Callable[[], None]] = []
        self._step_listener: Callable[[Sequence[TrustStep]], None] = _heed_nothing
        # What follows belongs to the thread of the periodic checks.
        self._seen: tuple[int, int, int] | None = None  # of the manifest's file
        self._readers: list[StoreReaders] = []
        self._pids: frozenset[int] = frozenset()
        self._young: frozenset[int] = frozenset()  # new in the last round
        self._next_look = clock()
        self._hurry_until = clock()
        self._wake = threading.Event()
        self._end = threading.Event()

    def restart_needed(self) -> tuple[str, ...]:
        """Return the browsers that run and trust us only after a restart, as people call them.

        Empty when all is well, and where nobody can know: on Windows and macOS Chromium and its
        relatives follow the system's store by themselves, and Firefox reads it when it starts.
        """
        with self._guard:
            return self._restart

    @contextmanager
    def watched(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call ``listener`` whenever what :meth:`restart_needed` returns has changed.

        It is called in a thread of the keeper's, and must not wait for anything.
        """
        with self._guard:
            self._listeners.append(listener)
        try:
            yield
        finally:
            with self._guard:
                self._listeners.remove(listener)

    def on_steps(self, listener: Callable[[Sequence[TrustStep]], None]) -> None:
        """Have it told what was changed in trust stores, at the first look and after each change.

        Args:
            listener: called in the thread of the periodic checks; must not raise, nor take long.

        """
        self._step_listener = listener

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look again and again for as long as the context lasts."""
        self._end.clear()
        worker = threading.Thread(target=self._work, name="trust keeper", daemon=True)
        worker.start()
        try:
            with self._checks.running(self.look):
                yield
        finally:
            self._end.set()
            self._wake.set()
            worker.join(_END_SECONDS)  # a tool may take longer; what it does is written down

    def look(self) -> None:
        """See what has changed since the last round; never waits."""
        self._see_browsers()
        self._see_restarts()

    def tend(self) -> None:
        """Look at the browsers' stores once, and serve those that do not trust us yet."""
        self._tending.look()

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._end.is_set():
                return
            try:
                self.tend()
            except Exception:  # noqa: BLE001  # the next look must still come
                _log.exception("a look at the browsers failed")

    def _see_browsers(self) -> None:
        now = self._clock()
        pids = self._browsers.table.pids()
        new, self._pids = pids - self._pids, pids
        # A script that starts a browser becomes the browser a moment later.
        young, self._young = new | self._young, new
        if any(True for _ in self._browsers.among(young)):
            self._hurry_until = now + HURRY_SECONDS
        if now >= self._next_look or now < self._hurry_until:
            self._next_look = now + INTERVAL
            self._wake.set()

    def _see_restarts(self) -> None:
        """See which browsers need a restart now; tell the listeners if that has changed."""
        self._read_manifest()
        names = {name for each in self._readers for name in each.still_running(self._browsers)}
        found = tuple(sorted(names))
        with self._guard:
            has_changed, self._restart = found != self._restart, found
            listeners = tuple(self._listeners) if has_changed else ()
        if has_changed:
            _log.info("browsers that need a restart", browsers=list(found))
        for listener in listeners:
            listener()

    def _read_manifest(self) -> None:
        """Read it again if anybody has changed it: the setup and the doctor do, too."""
        seen = _signature(self._manifest)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            steps = Manifest(self._manifest).steps
        except (ManifestError, OSError):
            steps = ()  # the doctor reports it
        else:
            self._step_listener(steps)
        found = (StoreReaders.in_facts(step.facts) for step in steps)
        self._readers = [each for each in found if each.processes]


def _heed_nothing(steps: Sequence[TrustStep]) -> None:
    """Take steps that nobody wants to hear of."""


def _signature(file: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file's content; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
