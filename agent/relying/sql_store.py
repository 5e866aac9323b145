"""Challenges in a database, over any driver of DB-API 2.0 (PEP 249)."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal, Protocol, TypeVar

from agent.relying.records import (
    KEPT,
    SKEW,
    ChallengeStoreError,
    Record,
    Taken,
    TakenState,
    from_milliseconds,
    judge,
    to_milliseconds,
)

T = TypeVar("T")

TABLE: Final = "ankong_challenge"
ParamStyle = Literal["qmark", "numeric", "named", "format", "pyformat"]

_PURGE_EVERY: Final = timedelta(minutes=10)
_TRIES: Final = 5
# Another transaction came between, and nothing was done (ISO 9075: serialization failure; and
# PostgreSQL's deadlock).
_TRANSIENT: Final = frozenset({"40001", "40P01"})
_NAME: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_]*")
_PLACE: Final = re.compile(r"\{(\w+)\}")

_ADD: Final = """INSERT INTO TABLE (id, session, challenge, issued_at, expires_at)
VALUES ({id}, {session}, {challenge}, {issued_at}, {expires_at})"""
# The one statement that decides: a database lets one writer at a time have a row, and the next one
# sees what it wrote.
_TAKE: Final = """UPDATE TABLE SET used_at = {now}, token = {token}
WHERE id = {id} AND session = {session} AND used_at IS NULL
AND issued_at <= {latest_issue} AND expires_at > {now}"""
_LOOK: Final = """SELECT session, challenge, issued_at, expires_at, token
FROM TABLE WHERE id = {id}"""
_PURGE: Final = "DELETE FROM TABLE WHERE expires_at < {oldest}"


def _checked(table: str) -> str:
    if _NAME.fullmatch(table) is None:
        raise ValueError(f"no plain name of a table: {table!r}")
    return table


def create_table(table: str = TABLE) -> str:
    """Return the statement that creates the table where it is not there.

    Times are milliseconds since 1970 (UTC); session and token are SHA-256 in hexadecimal.

    Raises:
        ValueError: that is no plain name of a table.

    """
    return f"""CREATE TABLE IF NOT EXISTS {_checked(table)} (
    id VARCHAR(22) PRIMARY KEY,
    session CHAR(64) NOT NULL,
    challenge CHAR(43) NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    token CHAR(64)
)"""


CREATE_TABLE: Final = create_table()


class SqlCursor(Protocol):
    """What is used of a cursor."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed."""

    def execute(self, operation: str, parameters: Any, /) -> Any:
        """Run a statement."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def close(self) -> Any:
        """Give it back."""


class SqlConnection(Protocol):
    """What is used of a connection."""

    def cursor(self) -> Any:
        """Return a :class:`SqlCursor`."""

    def commit(self) -> Any:
        """End the transaction."""

    def rollback(self) -> Any:
        """Undo the transaction."""

    def close(self) -> Any:
        """Close it, or give it back to the pool it came from."""


Connect = Callable[[], SqlConnection | AbstractContextManager[SqlConnection]]


class SqlStore:
    """Challenges in a database, for any number of processes.

    Statements run in threads beside the event loop, each with a connection of its own, never
    within a transaction of the site: a challenge stays used when the site's transaction is undone.
    """

    def __init__(self, connect: Connect, *, paramstyle: ParamStyle, table: str = TABLE) -> None:
        """Use a database that has the table of :func:`create_table`.

        Args:
            connect: returns a connection, which is closed after its use, or a context manager that
                gives one, as ``pool.connection`` does. It is called in any thread.
            paramstyle: of the driver, as its module says; ``"format"`` for a connection of Django.
            table: its name, perhaps with a schema before it.

        Raises:
            ValueError: that is no plain name of a table, or no style of DB-API.

        """
        if paramstyle not in _PLACES:
            raise ValueError(f"no paramstyle of DB-API 2.0: {paramstyle}")
        self._connect = connect
        self._style: ParamStyle = paramstyle
        self._table = _checked(table)
        self._purged: datetime | None = None

    async def add(self, record: Record) -> None:
        """Keep a record; forget old ones now and then.

        Raises:
            Exception: whatever the driver raises.

        """
        now = record.issued_at
        if self._purged is None or not timedelta(0) <= now - self._purged < _PURGE_EVERY:
            self._purged = now
            await self.purge(now)
        values = {
            "id": record.challenge_id,
            "session": record.session,
            "challenge": record.challenge,
            "issued_at": to_milliseconds(record.issued_at),
            "expires_at": to_milliseconds(record.expires_at),
        }
        await asyncio.to_thread(self._run, _ADD, values)

    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        """Let the first token have the challenge.

        Raises:
            Exception: whatever the driver raises.
            ChallengeStoreError: the driver does not tell how many rows it changed, or the database
                contradicts itself.

        """
        return await asyncio.to_thread(self._take, challenge_id, session, token_hash.hex(), now)

    async def purge(self, now: datetime) -> int:
        """Delete what ended more than an hour before ``now``; return how many rows.

        :meth:`add` does so every ten minutes.

        Raises:
            Exception: whatever the driver raises.

        """
        return await asyncio.to_thread(self._run, _PURGE, {"oldest": to_milliseconds(now - KEPT)})

    def _take(self, challenge_id: str, session: str, token: str, now: datetime) -> Taken:
        values = {
            "id": challenge_id,
            "session": session,
            "token": token,
            "now": to_milliseconds(now),
            "latest_issue": to_milliseconds(now + SKEW),
        }
        with _opened(self._connect()) as connection:
            changed = self._change(connection, _TAKE, values)
            # A transaction of its own: whatever its isolation, it sees what was committed by now.
            row = self._look(connection, challenge_id)
        if changed not in (0, 1):
            raise ChallengeStoreError(f"the driver says that {changed} rows of one were changed")
        if row is None:
            return Taken(TakenState.UNKNOWN)
        owner, challenge, issued_at, expires_at, taken_by = row
        if not isinstance(issued_at, int) or not isinstance(expires_at, int):
            raise ChallengeStoreError(f"{self._table} is not the table of create_table: see times")
        if changed == 1:
            return Taken(TakenState.FIRST, challenge)
        times = from_milliseconds(issued_at), from_milliseconds(expires_at)
        record = Record(challenge_id, owner, challenge, *times)
        taken = judge(record, taken_by or "", session, token, now)
        if taken.state is TakenState.FIRST:
            raise ChallengeStoreError("the row is free and could not be taken: is this a replica?")
        return taken

    def _run(self, statement: str, values: Mapping[str, object]) -> int:
        with _opened(self._connect()) as connection:
            return self._change(connection, statement, values)

    def _change(
        self, connection: SqlConnection, statement: str, values: Mapping[str, object]
    ) -> int:
        """Run a statement in a transaction of its own; return how many rows it changed."""
        return _tried(partial(self._change_once, connection, statement, values))

    def _change_once(
        self, connection: SqlConnection, statement: str, values: Mapping[str, object]
    ) -> int:
        with _transaction(connection) as cursor:
            cursor.execute(*self._written(statement, values))
            return cursor.rowcount

    def _look(self, connection: SqlConnection, challenge_id: str) -> Sequence[Any] | None:
        return _tried(partial(self._look_once, connection, challenge_id))

    def _look_once(self, connection: SqlConnection, challenge_id: str) -> Sequence[Any] | None:
        with _transaction(connection) as cursor:
            cursor.execute(*self._written(_LOOK, {"id": challenge_id}))
            row: Sequence[Any] | None = cursor.fetchone()
            return row

    def _written(self, statement: str, values: Mapping[str, object]) -> tuple[str, Any]:
        """Return a statement as the driver wants it, and its parameters."""
        names: list[str] = []

        def place(found: re.Match[str]) -> str:
            names.append(found[1])
            return _PLACES[self._style].format(name=found[1], number=len(names))

        text = _PLACE.sub(place, statement.replace("TABLE", self._table))
        if self._style in ("named", "pyformat"):
            return text, dict(values)
        return text, [values[name] for name in names]


_PLACES: Final[Mapping[ParamStyle, str]] = {
    "qmark": "?",
    "numeric": ":{number}",
    "named": ":{name}",
    "format": "%s",
    "pyformat": "%({name})s",
}


def _opened(
    got: SqlConnection | AbstractContextManager[SqlConnection],
) -> AbstractContextManager[SqlConnection]:
    """Return what gives the connection and closes it.

    Drivers' own connections are context managers, too, of transactions, and stay open.
    """
    if hasattr(got, "cursor"):
        connection: Any = got
        return closing(connection)
    return got


@contextmanager
def _transaction(connection: SqlConnection) -> Iterator[SqlCursor]:
    try:
        cursor: SqlCursor = connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()
        connection.commit()
    except BaseException:
        with suppress(Exception):  # what happened first is what is told
            connection.rollback()
        raise


def _tried(work: Callable[[], T]) -> T:
    """Do the work of one transaction, again where another transaction came between."""
    for _ in range(_TRIES - 1):
        try:
            return work()
        except Exception as error:
            if _state(error) not in _TRANSIENT:
                raise
    return work()


def _state(error: Exception) -> str | None:
    """Return the SQLSTATE of a driver's exception, or of the one that it wraps."""
    for each in (error, error.__cause__):
        state = getattr(each, "sqlstate", None) or getattr(each, "pgcode", None)
        if state is not None:
            return str(state)
    return None
