"""The database of the history: lines that are only ever added, each linked to the one before.

Nothing is deleted: a hundred thousand lines, which is many years of signing, take some 40 MB.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import structlog

from agent.database import Database, DatabaseError, Schema, connect, transaction
from agent.history.chain import Break, ChainVerdict, Flaw, Head, examine
from agent.history.line import (
    BROKEN,
    ENTRY_FIELDS,
    UNWRITTEN,
    Entry,
    EntryKind,
    HistoryLine,
    entry_values,
)
from agent.history.old_table import renew_table
from agent.history.witness import Testimony, Witness, WitnessError

T = TypeVar("T")
CHECKED_AT_OPEN: Final = 2_000
"""How many of the newest lines are checked before the first new one; all by :func:`verify`."""
PAGE: Final = 500
"""How many lines :func:`read` returns unless told otherwise."""
_SCHEMA: Final = Schema(
    (
        """
        CREATE TABLE lines (
            seq INTEGER PRIMARY KEY,
            segment INTEGER NOT NULL,
            at TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (
                kind IN ('sign', 'authenticate', 'decrypt', 'connect', 'segment')
            ),
            outcome TEXT NOT NULL,
            site TEXT NOT NULL,
            format TEXT,
            hash TEXT,
            digest TEXT,
            document TEXT,
            count INTEGER NOT NULL,
            reader TEXT,
            card_serial TEXT,
            thumbprint TEXT,
            holder TEXT,
            detail TEXT,
            previous BLOB NOT NULL,
            link BLOB NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE head (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            seq INTEGER NOT NULL,
            segment INTEGER NOT NULL,
            link BLOB NOT NULL
        ) STRICT
        """,
        # Against accidents; against intent there is the chain.
        """
        CREATE TRIGGER lines_stay BEFORE DELETE ON lines
        BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END
        """,
        """
        CREATE TRIGGER lines_stand BEFORE UPDATE ON lines
        BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END
        """,
    )
)
_WITNESSED: Final = 1
"""The number in the database (PRAGMA user_version) once its lines have a witness."""
_NO_LIMIT: Final = -1  # as SQLite has it: https://www.sqlite.org/lang_select.html
_COLUMNS: Final = ("seq", "segment", *ENTRY_FIELDS, "previous", "link")
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM lines"  # noqa: S608  # our own names
_INSERT: Final = (
    f"INSERT INTO lines ({', '.join(_COLUMNS)}) "  # noqa: S608  # our own names
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)

_log = structlog.get_logger(__name__)


class History:
    """The writer; every method may be called from any thread and waits for no disk."""

    def __init__(
        self, path: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Open or make the database and check its end; blocks, not for the event loop.

        A broken chain is not repaired: a new segment begins, with a line that says why.

        Args:
            path: of the database; its folder exists.
            clock: the time of day, with a time zone.

        Raises:
            DatabaseError: it can be neither opened nor made.

        """
        self._clock = clock
        self._problem: str | None = None
        self._unwritten = 0  # entries, as far as the witness does not know of them
        try:
            self._witness = Witness.to_write(path)
        except OSError as error:
            raise DatabaseError(f"{path}: {error}") from error
        renew_table(path, _SCHEMA.statements)
        self._database = Database(path, _SCHEMA, None)
        self._database.submit(self._begin).result()

    @property
    def set_aside(self) -> Path | None:
        """What a corrupt database was renamed to when this was opened; None when all was well."""
        return self._database.set_aside

    @property
    def problem(self) -> str | None:
        """Why the last line could not be written, for a person; None when it was."""
        return self._problem

    def append(self, make: Callable[[], Sequence[Entry]]) -> Future[tuple[HistoryLine, ...]]:
        """Write lines, all or none; they are on disk when the future is done.

        Args:
            make: returns the entries; called in the database's thread, so it may block.

        Returns:
            A future that does not fail: it gives no lines when they could not be written, which
            the log says too.

        """

        def work(connection: sqlite3.Connection) -> tuple[HistoryLine, ...]:
            entries: Sequence[Entry] = ()
            try:
                entries = make()
                lines = self._write(connection, entries)
            except Exception as error:  # noqa: BLE001  # an answer never waits for nothing
                self._problem = str(error)
                _log.error("the history could not be written", detail=str(error))
                self._remember_gap(len(entries) or 1)
                return ()
            self._problem = None
            return lines

        future = self._database.submit(work)
        if future.done() and (error := future.exception()) is not None:
            _log.error("the history could not be written", detail=str(error))
            future = Future()
            future.set_result(())
        return future

    def close(self) -> None:
        """Write what is not yet on disk and close the database; blocks for seconds at most."""
        self._database.close()

    # In the database's thread.

    def _begin(self, connection: sqlite3.Connection) -> None:
        # One transaction: of two processes that start at once, only one begins a segment.
        with transaction(connection):
            head = _head(connection)
            testimony, flaw = _hear(self._witness)
            why = self._why_anew(connection, head, _contradictions(connection, testimony, flaw))
            if why is not None:
                _log.error("the history does not hold; a new segment begins", detail=why)
                known = Head() if self._database.set_aside is not None else testimony.head
                self._begin_segment(connection, known, why)
        self._testify(connection, testimony.unwritten)

    def _begin_segment(self, connection: sqlite3.Connection, known: Head, why: str) -> None:
        sql = "SELECT coalesce(max(seq), 0), coalesce(max(segment), 0) FROM lines"
        seq, segment = connection.execute(sql).fetchone()
        head = _head(connection)
        end = Head(max(head.seq, known.seq, seq), max(head.segment, known.segment, segment) + 1)
        at = moment(self._clock())
        _insert(
            connection, end, (Entry(at=at, kind=EntryKind.SEGMENT, outcome=BROKEN, detail=why),)
        )

    def _why_anew(
        self, connection: sqlite3.Connection, head: Head, contradictions: Sequence[Break]
    ) -> str | None:
        """Return why the chain cannot go on; None when it can."""
        if self._database.set_aside is not None:
            return f"the file was corrupt and is now {self._database.set_aside.name}"
        newest = f"{_SELECT} ORDER BY seq DESC LIMIT ?"
        lines = list(_lines(connection, newest, CHECKED_AT_OPEN + 1))[::-1]
        before = lines.pop(0) if len(lines) > CHECKED_AT_OPEN else None
        verdict = examine(lines, head, before)
        for each in contradictions:
            verdict.add(each)
        found = verdict.in_segment(head.segment)
        return None if found is None else f"line {found.seq}: {found.what}"

    def _write(
        self, connection: sqlite3.Connection, entries: Sequence[Entry]
    ) -> tuple[HistoryLine, ...]:
        """Write entries, and before them how many others could not be written."""
        with transaction(connection):
            head, known = _head(connection), _hear(self._witness)[0]
            if head == Head() and not known.is_there:
                # A kill between the first lines and their witness would look like a theft.
                self._witness.write(Testimony(Head()))
            unwritten = max(self._unwritten, known.unwritten)
            gap = (self._gap(unwritten),) if unwritten else ()
            lines = _insert(connection, head, (*gap, *entries))
        self._unwritten = 0
        self._testify(connection, 0)
        return lines[len(gap) :]

    def _gap(self, unwritten: int) -> Entry:
        return Entry(
            at=moment(self._clock()),
            kind=EntryKind.SEGMENT,
            outcome=UNWRITTEN,
            count=unwritten,
            detail=f"{unwritten} of them",
        )

    def _remember_gap(self, entries: int) -> None:
        testimony, flaw = _hear(self._witness)
        self._unwritten = max(self._unwritten, testimony.unwritten) + entries
        if flaw is None:
            self._witness.write(replace(testimony, unwritten=self._unwritten))

    def _testify(self, connection: sqlite3.Connection, unwritten: int) -> None:
        """Let the witness know where the chain ends; after the lines are on disk."""
        head = _head(connection)
        known, flaw = _hear(self._witness)
        if head == Head() and flaw is None and not known.unwritten:
            return  # nothing was ever written
        if flaw is None and known == Testimony(head, unwritten):
            return
        if flaw is None and known.head.seq > head.seq and known.head.segment == head.segment:
            return  # another process was faster
        self._witness.write(Testimony(head, unwritten))


def moment(at: datetime) -> str:
    """Format a time as the history does: RFC 3339, UTC, microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def verify(path: Path) -> ChainVerdict:
    """Check every line, and what the witness says; blocks, some seconds for a hundred thousand.

    Raises:
        DatabaseError: the file cannot be read.

    """
    # Before the lines: another process writes them first, and its witness afterwards.
    testimony, flaw = _hear(Witness.to_read(path))
    nothing = ChainVerdict()
    for found in _contradictions(None, testimony, flaw):
        nothing.add(found)

    def check(connection: sqlite3.Connection) -> ChainVerdict:
        head = _head(connection)
        verdict = examine(_lines(connection, _SELECT), head)
        is_known = verdict.in_segment(head.segment) is not None
        for found in _contradictions(connection, testimony, flaw):
            if not (is_known and found.flaw in {Flaw.CUT, Flaw.OTHER}):  # not the same again
                verdict.add(found)
        return verdict

    return _reading(path, nothing, check)


def read(
    path: Path, *, limit: int | None = PAGE, before: int | None = None
) -> tuple[HistoryLine, ...]:
    """Read lines, the newest first; blocks.

    Args:
        path: of the database; one that is not there has no lines.
        limit: how many; None for all.
        before: only lines with smaller numbers than this; None for the newest.

    Raises:
        DatabaseError: the file cannot be read.

    """
    sql = f"{_SELECT} WHERE seq < ? ORDER BY seq DESC LIMIT ?"
    end = 2**63 - 1 if before is None else before
    return _reading(
        path, (), lambda db: tuple(_lines(db, sql, end, _NO_LIMIT if limit is None else limit))
    )


def _reading(path: Path, nothing: T, use: Callable[[sqlite3.Connection], T]) -> T:
    if not path.exists():
        return nothing
    try:
        with closing(connect(path)) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")  # one moment for all that is read
            return use(connection)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(f"{path}: {error}") from error


def _hear(witness: Witness) -> tuple[Testimony, str | None]:
    """Return what the witness says, and why it is worth nothing; None when it is sound.

    Where there is no witness it says nothing, which is sound before the first line.
    """
    try:
        found = witness.read()
    except WitnessError as error:
        return Testimony(Head()), str(error)
    return found or Testimony(Head(), is_there=False), None


def _contradictions(
    connection: sqlite3.Connection | None, testimony: Testimony, flaw: str | None
) -> tuple[Break, ...]:
    """Compare the chain with what the witness says; None for a database that is not there."""
    head = Head() if connection is None else _head(connection)
    known, found = testimony.head, []
    if flaw is not None:
        found.append(Break(head.seq, head.segment, Flaw.WITNESS, flaw))
    elif not testimony.is_there and connection is not None and _is_witnessed(connection):
        found.append(Break(head.seq, head.segment, Flaw.WITNESS, "it is not there"))
    elif known.seq > head.seq:
        count = f"{known.seq - head.seq} of them"
        found.append(Break(head.seq, head.segment, Flaw.CUT, count))
    elif connection is not None and known.seq and _link_of(connection, known.seq) != known.link:
        found.append(Break(known.seq, head.segment, Flaw.OTHER))
    if testimony.unwritten:
        count = f"{testimony.unwritten} of them"
        found.append(Break(head.seq, head.segment, Flaw.UNWRITTEN, count))
    return tuple(found)


def _is_witnessed(connection: sqlite3.Connection) -> bool:
    """Return whether lines were written together with a witness."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(version == _WITNESSED)


def _link_of(connection: sqlite3.Connection, seq: int) -> bytes | None:
    row = connection.execute("SELECT link FROM lines WHERE seq = ?", (seq,)).fetchone()
    return None if row is None else bytes(row[0])


def _lines(connection: sqlite3.Connection, sql: str, *values: int) -> Iterator[HistoryLine]:
    for seq, segment, *rest, previous, link in connection.execute(sql, values):
        yield HistoryLine(seq, segment, Entry(*rest), previous, link)


def _head(connection: sqlite3.Connection) -> Head:
    row = connection.execute("SELECT seq, segment, link FROM head").fetchone()
    return Head() if row is None else Head(*row)


def _insert(
    connection: sqlite3.Connection, head: Head, entries: Sequence[Entry]
) -> tuple[HistoryLine, ...]:
    """Append entries to the chain, inside a transaction."""
    lines: list[HistoryLine] = []
    seq, previous = head.seq, head.link
    for entry in entries:
        seq += 1
        line = HistoryLine.after(seq, head.segment, previous, entry)
        previous = line.link
        lines.append(line)
        values = (seq, head.segment, *entry_values(entry), line.previous, line.link)
        connection.execute(_INSERT, values)
    connection.execute(f"PRAGMA user_version = {_WITNESSED}")
    connection.execute(
        "INSERT OR REPLACE INTO head (one, seq, segment, link) VALUES (1, ?, ?, ?)",
        (seq, head.segment, previous),
    )
    return tuple(lines)
