"""Hands events to the system's log, in a thread of its own: nobody waits for it, nothing fails.

What waits is bounded. An event that finds no room, and one that cannot be written, is dropped; our
own log says so once.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from agent.harmless import shortened
from agent.host.event_sinks import EventSink, open_sink
from agent.host.events import SITE, SystemEvent
from agent.host.machine.logs import redact

MOST_WAITING: Final = 256  # events
LONGEST_VALUE: Final = 200  # characters; with all fields far below what one datagram holds
_END_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)
_Told = tuple[SystemEvent, Mapping[str, str]]


class EventLog:
    """The events of one process; any thread may tell one.

    Attributes:
        is_on: whether anything is written at all.
        with_sites: whether sites are told.

    """

    def __init__(
        self,
        *,
        is_on: bool = False,
        with_sites: bool = False,
        open_log: Callable[[], EventSink] = open_sink,
    ) -> None:
        """Prepare it; the system's log is opened with the first event.

        Args:
            is_on: whether anything is written at all.
            with_sites: whether sites are told.
            open_log: opens the system's log.

        """
        self.is_on = is_on
        self.with_sites = with_sites
        self._open_log = open_log
        self._waiting: queue.Queue[_Told | None] = queue.Queue(MOST_WAITING)
        self._guard = threading.Lock()
        self._worker: threading.Thread | None = None
        self._has_complained = False

    def tell(self, event: SystemEvent, **fields: object) -> None:
        """Have an event written; never waits, never raises.

        Args:
            event: which.
            fields: what else is told, all of them fields of that event.

        """
        if not self.is_on:
            return
        try:
            self._waiting.put_nowait((event, self._fit(event, fields)))
        except queue.Full:
            self._complain("they come faster than they are written")
        self._ensure_worker()

    def close(self) -> None:
        """Have written what waits; blocks for two seconds at most."""
        worker = self._worker
        if worker is None:
            return
        try:
            self._waiting.put(None, timeout=_END_SECONDS)
        except queue.Full:
            return
        worker.join(_END_SECONDS)

    def _fit(self, event: SystemEvent, fields: Mapping[str, object]) -> Mapping[str, str]:
        """Return the event's own fields, each fit for one line of a log."""
        told = {name: fields[name] for name in event.fields if name in fields}
        if not self.with_sites:
            told.pop(SITE, None)
        clean = redact(None, event.name, {name: str(value) for name, value in told.items()})
        return {name: shortened(str(value), LONGEST_VALUE) for name, value in clean.items()}

    def _ensure_worker(self) -> None:
        with self._guard:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="events", daemon=True)
                self._worker.start()

    def _work(self) -> None:
        sink: EventSink | None = None
        while (told := self._waiting.get()) is not None:
            try:
                sink = sink or self._open_log()
                sink.write(*told)
            except Exception as error:  # noqa: BLE001  # no log is worth an agent
                self._complain(str(error) or type(error).__name__)
        if sink is not None:
            sink.close()

    def _complain(self, detail: str) -> None:
        if not self._has_complained:
            self._has_complained = True
            _log.warning("events do not reach the system's log", detail=detail)
