"""The thread that waits for a provider's readers to change."""

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from agent.errors import ServiceUnavailableError
from agent.signing.patience import Patience
from agent.transport.base import CardProvider, ReaderState

WAIT: Final = 60.0
"""Seconds that one look at the readers lasts when nothing happens."""

_log = structlog.get_logger(__name__)


class ReaderMonitor:
    """Watches a provider in a thread of its own."""

    def __init__(
        self, provider: CardProvider, tell: Callable[[tuple[ReaderState, ...] | None], None]
    ) -> None:
        """Prepare to watch.

        Args:
            provider: of the readers.
            tell: is told in that thread what there is now; None for no service.

        """
        self._provider = provider
        self._tell_states = tell
        self._told_of_no_service = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="readers", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell nothing any more."""
        self._closing.set()

    def is_alive(self) -> bool:
        """Return whether the thread runs."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> bool:
        """Wait for the end of the thread; return whether it came."""
        # More than once: a cancel that comes just before a wait wakes nobody.
        deadline = time.monotonic() + seconds
        while self._thread.is_alive() and time.monotonic() < deadline:
            self._provider.cancel()
            self._thread.join(0.02)
        return not self._thread.is_alive()

    def _watch(self) -> None:
        known: tuple[ReaderState, ...] | None = None
        patience = Patience()
        while not self._closing.is_set():
            try:
                if known is None:
                    known = self._provider.readers()
                    self._tell(known)
                    patience.renew()
                states = self._provider.wait(known, WAIT)
                if states != known:
                    self._tell(states)
                known = states
            except ServiceUnavailableError:
                known = None
                self._tell(None)
                self._closing.wait(patience.next_pause())
            except Exception:  # noqa: BLE001  # whatever a library throws: go on watching
                _log.exception("watching the readers failed")
                known = None
                self._tell(None)
                self._closing.wait(patience.next_pause())

    def _tell(self, states: tuple[ReaderState, ...] | None) -> None:
        if states is None and self._told_of_no_service:
            return  # once is enough: the loop is not to wake up with each look for a service
        self._told_of_no_service = states is None
        if not self._closing.is_set():
            self._tell_states(states)
