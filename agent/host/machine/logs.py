"""The log: JSON lines in the state folder, in files of limited size, without secrets.

Lines are written by a thread of their own, so that a slow disk never holds the event loop. No
place in the code writes many of them: files of limited size would lose what came before.
"""

import logging
import logging.handlers
import queue
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

import structlog

from agent.files import private_opener
from agent.host.machine.log_flood import FloodFilter

MAX_FILE_SIZE = 1024 * 1024  # bytes
KEPT_FILES = 4  # besides the one being written
MAX_BACKLOG = 10_000  # lines waiting for the disk; more are dropped
MAX_DEPTH = 8  # of nested values; nothing that we log is deeper
REDACTED: Final = "[redacted]"

_HIDDEN = "(?:pin|puk|password|passwd|passphrase|secret|private_key)s?"
_SECRET_KEY = re.compile(rf"(?:^|_){_HIDDEN}(?:$|_)", re.IGNORECASE)
# ISO 7816-4: VERIFY 20/21, CHANGE REFERENCE DATA 24/25, RESET RETRY COUNTER 2C/2D with any class,
# written as hex, with or without gaps; at least header, length and one byte.
_SECRET_COMMAND = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{2}[\s:,-]?(?:2[0145cd])(?:[\s:,-]?[0-9a-f]{2}){4,}", re.IGNORECASE
)
# The same names in somebody's formatted text: JSON, a repr, key=value.
_SECRET_PAIR = re.compile(
    rf"""(["']?(?<![a-z0-9])(?:[a-z0-9]+_)*{_HIDDEN}(?:_[a-z0-9]+)*["']?\s*[:=]\s*)"""
    r"""(b?"[^"]*"|b?'[^']*'|[^\s,;}]+)""",
    re.IGNORECASE,
)
_BYTES_LITERAL = re.compile(r"""\bb(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""")


def redact(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Hide what is named like a secret or looks like a PIN command; bytes become their length."""
    del logger, method
    return {key: _clean(key, value, 0) for key, value in event.items()}


def _clean(key: object, value: Any, depth: int) -> Any:
    if isinstance(key, str) and _SECRET_KEY.search(key):
        return REDACTED
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return REDACTED if depth >= MAX_DEPTH else _clean_items(value, depth + 1)
    text = value if isinstance(value, str) else repr(value)
    return _clean_text(text)


def _clean_text(text: str) -> str:
    for pattern, instead in (
        (_SECRET_PAIR, rf"\1{REDACTED}"),
        (_SECRET_COMMAND, REDACTED),
        (_BYTES_LITERAL, "<bytes>"),
    ):
        text = pattern.sub(instead, text)
    return text


def _clean_items(value: Mapping[Any, Any] | Iterable[Any], depth: int) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _clean(name, item, depth) for name, item in value.items()}
    return [_clean(None, item, depth) for item in value]


_SHARED: Final[tuple[structlog.types.Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    # Here, because the exception that is being handled is known in this thread only.
    structlog.processors.format_exc_info,
)


def formatter() -> logging.Formatter:
    """Return the formatter that turns a record, ours or a library's, into one line of JSON."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


class _Backlog(logging.handlers.QueueHandler):
    """Pass records on unformatted; the listener formats them, in the same process."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return the record as it is, with the structured event that the formatter needs."""
        return record

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's own name
        """Drop the record: the queue is full because the disk is slow."""
        del record


class _PrivateFiles(logging.handlers.RotatingFileHandler):
    """Write files for their owner only, and never through a link."""

    def _open(self) -> TextIOWrapper:
        # another way: a log is added to
        return open(self.baseFilename, "a", encoding=self.encoding, opener=private_opener)


def _open(folder: Path) -> logging.Handler:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = _PrivateFiles(
        folder / "ankong.log", maxBytes=MAX_FILE_SIZE, backupCount=KEPT_FILES, encoding="utf-8"
    )
    handler.setFormatter(formatter())
    return handler


@contextmanager
def logging_to(folder: Path, level: str = "info") -> Iterator[None]:
    """Send every log line of this process to ``folder`` for as long as the context lasts.

    Args:
        folder: made when missing, for its owner only.
        level: debug, info, warning or error.

    Raises:
        OSError: the folder or the file cannot be written.

    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _open(folder)
    backlog: queue.Queue[logging.LogRecord] = queue.Queue(MAX_BACKLOG)
    listener = logging.handlers.QueueListener(backlog, handler)
    root = logging.getLogger()
    front = _Backlog(backlog)
    front.addFilter(FloodFilter())
    before = root.level
    root.addHandler(front)
    root.setLevel(level.upper())
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(front)
        root.setLevel(before)
        listener.stop()
        handler.close()
        structlog.reset_defaults()
