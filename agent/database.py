"""A small SQLite database with a thread of its own: nothing waits for a disk on the event loop.

What is on disk after :meth:`Database.submit`'s future is done survives a kill and a power cut.
"""

import errno
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import structlog

from agent.errors import AgentError
from agent.files import ensure_file
from agent.periodic import CHECKS

T = TypeVar("T")
_Task: TypeAlias = Callable[[sqlite3.Connection], None]
LOCK_SECONDS: Final = 5.0
"""How long a write waits for another process's."""
CLOSE_SECONDS: Final = 5.0
"""How long closing waits for what was submitted."""
_SIDE_FILES: Final = ("", "-wal", "-shm", "-journal")
# https://www.sqlite.org/rescode.html: the primary codes for content that is no database of ours.
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_log = structlog.get_logger(__name__)


class DatabaseError(AgentError):
    """The database cannot be opened, read or written; ``detail`` says why, for a person."""


class _ForeignError(Exception):
    """The file is a sound database, and none of ours."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What has to be in the file.

    Attributes:
        statements: what makes it, in a file that is empty; a file with anything else in it is
            none of ours.
        additions: what later versions of the program added, oldest first; a file that lacks the
            last of them is given them.

    """

    statements: tuple[str, ...]
    additions: tuple[str, ...] = ()

    def missing(self, found: frozenset[tuple[str, ...]]) -> tuple[str, ...]:
        """Return the statements that a file still needs.

        Args:
            found: its rows of ``sqlite_schema``.

        Raises:
            _ForeignError: it has other tables than ours.

        """
        if not found:
            return self.statements + self.additions
        with closing(sqlite3.connect(":memory:")) as connection:
            _execute(connection, self.statements)
            for done, addition in enumerate(self.additions):
                if _contents(connection) == found:
                    return self.additions[done:]
                connection.execute(addition)
            if _contents(connection) == found:
                return ()
        raise _ForeignError("it has other tables than ours")


class Database:
    """One connection in one thread; every task runs there, in the order of submission."""

    def __init__(
        self, path: Path, schema: Schema, changed: Callable[[sqlite3.Connection], None] | None
    ) -> None:
        """Open or make the file; a corrupt one is renamed and replaced by an empty one.

        Blocks; not for the event loop.

        Args:
            path: of the database; its folder exists.
            schema: what has to be in it.
            changed: called in the database's thread after another process has written; None for
                no call.

        Raises:
            DatabaseError: it can be neither opened nor made.

        """
        self.path = path
        self.set_aside: Path | None = None
        """What a corrupt file was renamed to just now; None when all was well."""
        self._schema = schema
        self._changed = changed
        self._seen = 0  # the version of the data that is known
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        opened: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(opened,), name=f"database {path.stem}", daemon=True
        )
        self._thread.start()
        opened.result()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Run ``work`` in the database's thread; from any thread, without waiting.

        The future fails with :class:`DatabaseError` for what SQLite says, and after
        :meth:`close`.
        """
        future: Future[T] = Future()

        def task(connection: sqlite3.Connection) -> None:
            _settle(future, lambda: work(connection))

        if self._closed.is_set():
            future.set_exception(DatabaseError(f"{self.path.name} is closed"))
        else:
            self._tasks.put(task)
        return future

    def close(self) -> None:
        """Finish what was submitted and close the file; blocks for a few seconds at most."""
        if not self._closed.is_set():
            self._closed.set()
            self._tasks.put(None)
        self._thread.join(CLOSE_SECONDS)

    # In the database's thread.

    def _run(self, opened: Future[None]) -> None:
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(closing(self._open()))
                if self._changed is not None:
                    self._seen = _data_version(connection)
                    stack.enter_context(self._looking())
            except (OSError, sqlite3.Error) as error:
                refused = DatabaseError(f"{self.path}: {error}")
                refused.__cause__ = error
                opened.set_exception(refused)
                return
            opened.set_result(None)
            while (task := self._tasks.get()) is not None:
                task(connection)

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Submit :meth:`_look` after each write, for as long as the context lasts.

        The checks have a connection of their own, so that this thread sleeps while nothing is
        written.
        """
        with closing(
            sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        ) as connection:
            seen = _data_version(connection)

            def check() -> None:
                nonlocal seen
                try:
                    now = _data_version(connection)
                except sqlite3.Error as error:
                    self._complain(error)
                    return
                if now != seen:
                    seen = now
                    self._tasks.put(self._look)

            with CHECKS.running(check):
                yield

    def _look(self, connection: sqlite3.Connection) -> None:
        """Call ``changed`` if another connection has written; a write of ours is no news."""
        try:
            now = _data_version(connection)
            if now != self._seen and self._changed is not None:
                self._changed(connection)
        except sqlite3.Error as error:
            self._complain(error)
        else:
            self._seen = now

    def _complain(self, error: sqlite3.Error) -> None:
        _log.error("a database cannot be read", file=self.path.name, detail=str(error))

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except (sqlite3.DatabaseError, _ForeignError) as error:
            if isinstance(error, sqlite3.DatabaseError) and not _is_corrupt(error):
                raise
            self.set_aside = _rename(self.path)
            _log.error(
                "a database is corrupt and was set aside",
                file=self.path.name,
                renamed_to=None if self.set_aside is None else self.set_aside.name,
                detail=str(error),
            )
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        connection = connect(self.path)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise _ForeignError(verdict)
        self._schema.missing(_contents(connection))  # before anything is changed in the file
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        with transaction(connection):
            _execute(connection, self._schema.missing(_contents(connection)))


def connect(path: Path) -> sqlite3.Connection:
    """Open a database for this thread, readable by its owner only; make it when missing.

    Raises:
        OSError, sqlite3.Error: it cannot be opened.

    """
    # SQLite gives its side files the mode of the database itself; a link it would follow.
    for side in _SIDE_FILES[1:]:
        if path.with_name(path.name + side).is_symlink():
            raise OSError(errno.ELOOP, "is a symbolic link", f"{path}{side}")
    ensure_file(path)
    return sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write everything in the context, or nothing; other processes wait meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def set_aside_files(path: Path) -> tuple[Path, ...]:
    """Return the files that corrupt databases were renamed to, oldest first."""
    found = path.parent.glob(f"{path.name}.corrupt-*")
    return tuple(sorted(file for file in found if not file.name.endswith(("-wal", "-shm"))))


def _rename(path: Path) -> Path | None:
    """Rename a database and its side files; None when another process was faster."""
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    target = path.with_name(f"{path.name}.corrupt-{moment}")
    renamed: Path | None = None
    for side in _SIDE_FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(target.with_name(target.name + side))
            renamed = target
    return renamed


def _is_corrupt(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _CORRUPT


def _execute(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement)


def _contents(connection: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    return frozenset(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"))


def _data_version(connection: sqlite3.Connection) -> int:
    """Ask for a number that changes when another connection has written."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def _settle(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except sqlite3.Error as error:
        future.set_exception(DatabaseError(f"the database refuses: {error}"))
    except BaseException as error:  # noqa: BLE001  # whoever waits is told, whatever it was
        future.set_exception(error)
