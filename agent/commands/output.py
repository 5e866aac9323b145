"""What a command says: answers on standard output, and what is worth a warning on the other."""

import json
import logging
import sys
from typing import Any

import structlog


def say(text: str = "", *, flush: bool = False) -> None:
    """Print one line, or several."""
    print(text, flush=flush)  # noqa: T201  # a command line prints


def say_aside(text: str) -> None:
    """Print a remark for whoever reads along; it is no part of the answer."""
    print(text, file=sys.stderr)  # noqa: T201  # a command line prints


def say_json(answer: Any, *, flush: bool = False) -> None:
    """Print an answer for programs, on one line; in ASCII where the output is not in UTF-8."""
    is_plain = getattr(sys.stdout, "encoding", None) not in {"utf-8", "UTF-8"}
    say(json.dumps(answer, ensure_ascii=is_plain), flush=flush)


def log_aside() -> None:
    """Send warnings to standard error: the answer must be all there is on standard output."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
