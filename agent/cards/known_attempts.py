"""How many PIN attempts each card has left, as it last said: known after a restart too.

No command is known that asks a card for its counter without spending an attempt. So what it said
is kept on disk, under a keyed hash of its number, which stands nowhere in the clear.
"""

import hashlib
import hmac
import sqlite3
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final, Protocol, Self

import structlog

from agent.database import Database, DatabaseError, Schema, transaction

PURPOSE: Final = b"ankong-pin-attempts-v1"
"""What the key of :class:`StoredAttempts` is derived from the secret of an installation for."""
VALID_FOR: Final = timedelta(days=90)
"""How long a counter counts: other programs and other computers use up attempts too."""
MAX_UNWRITTEN: Final = 64  # cards that are remembered where there is no disk for it
_CLOCK_SLACK: Final = timedelta(hours=1)  # that a clock may have been put back by
_SCHEMA: Final = Schema(
    (
        """
        CREATE TABLE attempts (
            card BLOB PRIMARY KEY CHECK (length(card) = 32),
            attempts_left INTEGER NOT NULL CHECK (attempts_left BETWEEN 0 AND 15),
            seen INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
    )
)
_WRITE: Final = """
    INSERT INTO attempts (card, attempts_left, seen) VALUES (?, ?, ?)
    ON CONFLICT (card) DO UPDATE SET attempts_left = excluded.attempts_left, seen = excluded.seen
"""

_log = structlog.get_logger(__name__)


class KnownAttempts(Protocol):
    """Remembers the PIN attempts left by card number; may block, usable from any thread."""

    def read(self, serial: str) -> int | None:
        """Return the attempts left, 0 to 15; None when that is not known."""

    def write(self, serial: str, attempts_left: int) -> None:
        """Remember the attempts left, 0 to 15; on disk when this returns, if there is a disk."""


class MemoryAttempts:
    """Remembers for as long as the program runs, of the 64 cards that were used last."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, int] = OrderedDict()
        self._lock = Lock()

    def read(self, serial: str) -> int | None:
        """Return the attempts left; None when that is not known."""
        with self._lock:
            return self._left.get(serial)

    def write(self, serial: str, attempts_left: int) -> None:
        """Remember the attempts left."""
        with self._lock:
            self._left[serial] = attempts_left
            self._left.move_to_end(serial)
            while len(self._left) > MAX_UNWRITTEN:
                self._left.popitem(last=False)

    def forget(self, serial: str) -> None:
        """Forget a card."""
        with self._lock:
            self._left.pop(serial, None)


class StoredAttempts:
    """Remembers in a database, which several programs of one user may have open.

    It never fails: what cannot be read is not known, and what cannot be written is remembered
    while the program runs. The log says so.
    """

    def __init__(
        self,
        database: Database | None,
        key: bytes,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use a database that is open.

        Args:
            database: with the schema of :meth:`open`; None for none.
            key: secret of this installation, 32 bytes, for the hash of a card's number.
            clock: the time of day, with a time zone.

        """
        self._database = database
        self._key = key
        self._clock = clock
        self._unwritten = MemoryAttempts()

    @classmethod
    def open(
        cls, path: Path, key: bytes, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> Self:
        """Open or make the database; blocks, not for the event loop.

        A file that cannot be used, be it another user's, is as good as none. A damaged one is
        renamed and replaced.

        Args:
            path: of the database; its folder exists.
            key: as of the constructor.
            clock: likewise.

        """
        try:
            return cls(Database(path, _SCHEMA, None), key, clock)
        except DatabaseError as error:
            _complain("PIN attempts are not remembered on disk", error)
            return cls(None, key, clock)

    def read(self, serial: str) -> int | None:
        """Return the attempts left; None when that is not known, or is older than 90 days."""
        unwritten = self._unwritten.read(serial)
        if unwritten is not None or self._database is None:
            return unwritten
        card = self._card(serial)
        try:
            row = self._database.submit(lambda connection: _select(connection, card)).result()
        except DatabaseError as error:
            _complain("known PIN attempts cannot be read", error)
            return None
        if row is None:
            return None
        left, seen = row
        age = self._clock().timestamp() - seen
        is_valid = -_CLOCK_SLACK.total_seconds() <= age <= VALID_FOR.total_seconds()
        return left if is_valid else None

    def write(self, serial: str, attempts_left: int) -> None:
        """Remember the attempts left; on disk when this returns, if that is possible."""
        # First in memory: another thread that reads meanwhile learns the new number.
        self._unwritten.write(serial, attempts_left)
        if self._database is None:
            return
        card, now = self._card(serial), int(self._clock().timestamp())

        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                _delete_old(connection, now)
                connection.execute(_WRITE, (card, attempts_left, now))

        try:
            self._database.submit(work).result()
        except DatabaseError as error:
            _complain("known PIN attempts cannot be written", error)
        else:
            self._unwritten.forget(serial)

    def forget_all(self) -> None:
        """Forget every card, as if none had ever been used here; blocks."""
        self._unwritten = MemoryAttempts()
        if self._database is None:
            return
        try:
            self._database.submit(_delete_all).result()
        except DatabaseError as error:
            _complain("known PIN attempts cannot be forgotten", error)

    def close(self) -> None:
        """Let go of the database; blocks for a few seconds at most."""
        if self._database is not None:
            self._database.close()

    def _card(self, serial: str) -> bytes:
        """Return what stands for a card in the database: HMAC-SHA-256, 32 bytes."""
        return hmac.digest(self._key, serial.encode(), hashlib.sha256)


def _select(connection: sqlite3.Connection, card: bytes) -> tuple[int, int] | None:
    query = "SELECT attempts_left, seen FROM attempts WHERE card = ?"
    row: tuple[int, int] | None = connection.execute(query, (card,)).fetchone()
    return row


def _delete_old(connection: sqlite3.Connection, now: int) -> None:
    oldest = now - int(VALID_FOR.total_seconds())
    connection.execute("DELETE FROM attempts WHERE seen < ?", (oldest,))


def _delete_all(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM attempts")


def _complain(what: str, error: DatabaseError) -> None:
    _log.error(what, detail=error.detail)
