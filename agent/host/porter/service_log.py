"""Where the porter's lines go on Windows: a service has nobody who reads what it prints."""

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final, NoReturn

import structlog

from agent.host.event_sinks import EventSink, WindowsSink
from agent.host.events import Severity, SystemEvent

NUMBER: Final = 100
"""The id of every line of the porter; those of agents are lower (:mod:`agent.host.events`)."""
_MESSAGE_ID: Final = "6d8c1f6ab4d94c1ca53a1b7f0d1f7c55"


def _write(
    sink: EventSink, logger: object, method: str, event: MutableMapping[str, Any]
) -> NoReturn:
    """Write one line into a system's log, and have structlog do nothing more."""
    del logger
    severity = Severity.INFO if method == "info" else Severity.ERROR
    text = str(event.pop("event"))
    kind = SystemEvent(NUMBER, "porter", _MESSAGE_ID, severity, text)
    with suppress(OSError):  # there is nowhere else to say it
        sink.write(kind, {name: str(value) for name, value in event.items()})
    raise structlog.DropEvent


@contextmanager
def logging_to_events(sink: EventSink | None = None) -> Iterator[None]:
    """Send every line of this process to the system's log for as long as the context lasts.

    Args:
        sink: that log; None for the one of Windows, and nothing where that does not answer.

    """
    if sink is None and sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # WinDLL is there on Windows only

        with suppress(OSError):
            sink = WindowsSink(ctypes.WinDLL("advapi32"))
    processors: list[Any] = [_drop] if sink is None else [partial(_write, sink)]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger("INFO"),
        logger_factory=structlog.ReturnLoggerFactory(),  # a service has nothing to print on
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        if sink is not None:
            sink.close()


def _drop(logger: object, method: str, event: MutableMapping[str, Any]) -> NoReturn:
    del logger, method, event
    raise structlog.DropEvent
