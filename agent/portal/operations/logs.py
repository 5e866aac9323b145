"""The log on standard error, as text or as JSON lines, without personal data.

Our own modules log no personal data. Libraries may: an address, a request's first line, the text
of an exception. Of their messages only the pattern is kept, of exceptions the kind and the place.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from enum import StrEnum, unique
from typing import Any, Final

import structlog

_OURS: Final = "agent"
_MAX_PATTERN: Final = 200  # characters of a library's message

_SHARED: Final[tuple[structlog.types.Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


@unique
class LogFormat(StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"


def log_to_stderr(form: LogFormat) -> None:
    """Send what this process logs, from level INFO on, to standard error."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)


def _formatter(form: LogFormat) -> logging.Formatter:
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            _without_foreign_text,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer if form is LogFormat.JSON else _as_text,
        ],
    )


def _without_foreign_text(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace a library's message by its pattern, and an exception by its kind and place."""
    del logger, method
    record: logging.LogRecord = event["_record"]
    if record.name.partition(".")[0] != _OURS:
        event["event"] = str(record.msg).partition("\n")[0][:_MAX_PATTERN]
    found = event.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else None
    if isinstance(error, BaseException):
        event["exception"] = f"{type(error).__name__} at {place_of(error)}"
    return event


def _as_text(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    """Return a line such as ``2026-06-15T12:00:00Z WARNING the message request=1a2b3c4d``."""
    del logger, method
    head = [event.pop("timestamp"), str(event.pop("level")).upper(), event.pop("event")]
    event.pop("logger")
    rest = [f"{name}={value}" for name, value in sorted(event.items())]
    line = " ".join(map(str, [*head, *rest]))
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in line)


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def place_of(error: BaseException) -> str:
    """Return the functions and lines through which an exception came, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
