"""SQLite in a thread of its own, which runs whole transactions; the event loop never blocks."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from agent.files import ensure_file
from agent.portal.keyring import Keyring, load_or_create_keyring
from agent.portal.schema import STATEMENTS, UPGRADES, VERSION
from agent.portal.transaction import Transaction

_P = ParamSpec("_P")
_T = TypeVar("_T")

_BUSY_S: Final = 5.0
_KEY_CHECK: Final = "key-check"


class PortalDatabaseError(Exception):
    """The database file cannot be used; the message says why and is for the operator."""


class PortalDatabase:
    """The portal's one connection, in one thread, with one transaction at a time.

    Journal in WAL mode with ``synchronous=FULL``: what was answered is on disk, and what was not
    finished when the process was killed is undone.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Take the path and the clock of all transactions; :meth:`open` does the work."""
        self._path = path
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="portal-db")
        self._connection: sqlite3.Connection | None = None
        self._keyring: Keyring | None = None

    @property
    def keyring(self) -> Keyring:
        """The key that belongs to this database.

        Raises:
            PortalDatabaseError: the database is not open.

        """
        if self._keyring is None:
            raise PortalDatabaseError("the database is not open")
        return self._keyring

    async def open(self) -> None:
        """Open the file, or make it.

        Raises:
            DatabaseError: it is no database of this version, or its key file is missing or wrong.

        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self.open_here)

    async def run(
        self,
        work: Callable[Concatenate[Transaction, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run ``work`` in one transaction: all of it is kept when it returns, none if it raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._thread, lambda: self.run_here(work, *args, **kwargs)
        )

    async def close(self) -> None:
        """Finish the transactions under way and close the file."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.close_here)
        self._thread.shutdown(wait=False)

    def open_here(self) -> None:
        """Open the database in the calling thread; see :meth:`open`.

        Raises:
            PortalDatabaseError: as :meth:`open`.

        """
        try:
            self._keyring = load_or_create_keyring(self._key_path())
            self._connection = _connect(self._path)
            self.run_here(_migrate)
        except (sqlite3.Error, OSError, ValueError) as error:
            self.close_here()
            raise PortalDatabaseError(f"{self._path.name}: {error}") from error
        except PortalDatabaseError:
            self.close_here()
            raise

    def run_here(
        self,
        work: Callable[Concatenate[Transaction, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run a transaction in the calling thread; see :meth:`run`.

        Raises:
            PortalDatabaseError: the database is not open.

        """
        connection = self._connection
        if connection is None:
            raise PortalDatabaseError("the database is not open")
        transaction = Transaction(connection, self.keyring, int(self._clock()))
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(transaction, *args, **kwargs)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def close_here(self) -> None:
        """Close the file in the calling thread; may be called twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _key_path(self) -> Path:
        key_path = self._path.with_name(f"{self._path.name}.key")
        if self._path.exists() and self._path.stat().st_size and not key_path.exists():
            raise PortalDatabaseError(
                f"{key_path.name} is missing; without it no ID number is recognised"
            )
        return key_path


def _connect(path: Path) -> sqlite3.Connection:
    ensure_file(path)
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _migrate(tx: Transaction) -> None:
    (version,) = tx.execute("PRAGMA user_version").fetchone()
    check = tx.keyring.digest(_KEY_CHECK)
    if version == 0:
        for statement in STATEMENTS:
            tx.execute(statement)
        tx.execute("INSERT INTO setting (name, value) VALUES (?, ?)", (_KEY_CHECK, check))
        tx.execute(f"PRAGMA user_version={VERSION}")
        return
    if not 0 < version <= VERSION:
        raise PortalDatabaseError(
            f"the database has version {version}; this portal knows {VERSION}"
        )
    row = tx.execute("SELECT value FROM setting WHERE name = ?", (_KEY_CHECK,)).fetchone()
    if row is None or row["value"] != check:
        raise PortalDatabaseError("the key file belongs to another database")
    for older in range(version, VERSION):
        for statement in UPGRADES[older]:
            tx.execute(statement)
    tx.execute(f"PRAGMA user_version={VERSION}")
