"""Print a command's answer on standard output, and remarks and warnings on standard error."""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import structlog


def say(text: str = "", *, flush: bool = False) -> None:
    """Print text and a line end on standard output."""
    print(text, flush=flush)  # noqa: T201  # a command line prints


def say_aside(text: str) -> None:
    """Print a remark on standard error: it is no part of the answer."""
    if sys.stderr is not None:  # else it would stand in the answer
        print(text, file=sys.stderr)  # noqa: T201  # a command line prints


def say_json(answer: Any, *, flush: bool = False) -> None:
    """Print an answer as one line of JSON, in ASCII if standard output is not UTF-8."""
    is_plain = getattr(sys.stdout, "encoding", None) not in {"utf-8", "UTF-8"}
    say(json.dumps(answer, ensure_ascii=is_plain), flush=flush)


def is_standard_output(file: Path | None) -> bool:
    """Return whether a file is where this program's answer goes, as ``/dev/stdout`` is."""
    try:
        return file is not None and os.path.samestat(file.stat(), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):  # none there, or no file at all
        return False


def log_aside(level: int = logging.WARNING) -> None:
    """Send log messages from a level on to standard error, and drop the others."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
