"""Keeps this user's browsers trusting us while the agent runs, and knows which must be restarted.

The rhythm: the process's periodic checks wake every agent anyway (:mod:`agent.periodic`), so a
look at them costs no waking of its own; it lists the numbers of all processes and reads the times
of one file.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from agent.host.tls.browsers import Browsers
from agent.host.tls.manifest import Manifest, ManifestError
from agent.host.tls.readers import Readers
from agent.periodic import CHECKS, PeriodicChecks

_log = structlog.get_logger(__name__)


class TrustKeeper:
    """Looks after the trust stores of one user; any thread may use it."""

    def __init__(
        self, manifest: Path, browsers: Browsers | None = None, checks: PeriodicChecks = CHECKS
    ) -> None:
        """Prepare it; nothing is looked at before :meth:`running`.

        Args:
            manifest: the file in which changes of trust stores are written down.
            browsers: those that the user is running; None for the real ones.
            checks: the rounds in which it looks.

        """
        self._manifest = manifest
        self._browsers = Browsers() if browsers is None else browsers
        self._checks = checks
        self._guard = threading.Lock()  # of what follows
        self._restart: tuple[str, ...] = ()
        self._listeners: list[Callable[[], None]] = []
        self._seen: tuple[int, int, int] | None = None  # of the manifest's file
        self._readers: list[Readers] = []

    def restart_needed(self) -> tuple[str, ...]:
        """Return the browsers that run and trust us only after a restart, as people call them.

        Empty when all is well, and where nobody can know: on Windows and macOS, Chromium and its
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

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look again and again for as long as the context lasts."""
        with self._checks.running(self.look):
            yield

    def look(self) -> None:
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
        found = (Readers.in_facts(step.facts) for step in steps)
        self._readers = [each for each in found if each.processes]


def _signature(file: Path) -> tuple[int, int, int] | None:
    """Return what changes with a file's content; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
