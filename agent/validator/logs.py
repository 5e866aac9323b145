"""The log on standard error: a JSON line for each event, without personal data.

Our own modules log none. Libraries may: of their messages only the pattern is kept, of exceptions
the kind and the place.
"""

import json
import logging
import sys
import time
import traceback
from contextlib import suppress
from typing import Final

_OURS: Final = __name__.partition(".")[0]
_MAX_TEXT: Final = 300  # characters


def log_line(event: str, **facts: object) -> None:
    """Write one line; facts that are None are left out.

    Where it cannot be written, on a disk that is full or to a reader that is gone, it is lost, and
    the service goes on.
    """
    told = {name: value for name, value in facts.items() if value is not None}
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **told}
    if sys.stderr is not None:  # as where a program starts with it closed
        with suppress(OSError):
            sys.stderr.write(json.dumps(line, ensure_ascii=True) + "\n")
            sys.stderr.flush()


def place_of(error: BaseException) -> str:
    """Return the kind of an exception and where it was raised; its text may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


class LineHandler(logging.Handler):
    """Writes what is logged by other means in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        ours = record.name.partition(".")[0] == _OURS
        text = record.getMessage() if ours else str(record.msg).partition("\n")[0]
        error = record.exc_info[1] if record.exc_info else None
        log_line(
            "message",
            level=record.levelname.lower(),
            logger=record.name,
            text=text[:_MAX_TEXT],
            exception=None if error is None else place_of(error),
        )


def log_lines() -> None:
    """Send what this process logs, from warnings on, to standard error as lines."""
    logging.basicConfig(handlers=[LineHandler()], level=logging.WARNING, force=True)
