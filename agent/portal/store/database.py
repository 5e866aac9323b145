"""The database in threads of its own, which run whole transactions; the event loop never blocks.

SQLite and PostgreSQL mean the same here: transactions that write come **one after the other**,
whichever process they are of, so that what one has looked at does not change before it ends. SQLite
does that by itself (``BEGIN IMMEDIATE``), PostgreSQL by an advisory lock that each takes first.
Transactions that only read wait for nobody.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from agent.files import ensure_file
from agent.portal.store.keyring import Keyring, load_or_create_keyring
from agent.portal.store.schema import (
    HEAD,
    MigrationNeededError,
    is_current,
    migrate,
    revision_of,
)
from agent.portal.store.tables import SETTING
from agent.portal.store.transaction import EMPTY_JOURNAL, Transaction

_P = ParamSpec("_P")
_T = TypeVar("_T")

_BUSY_S: Final = 5.0
_THREADS: Final = 8
_KEY_CHECK: Final = "key-check"
_WRITERS_LOCK: Final = 0x616E6B6F6E67  # "ankong"
_READ_ONLY: Final = "portal_read_only"
_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    "secure_delete=ON",  # what is deleted is overwritten
)
_PATIENCE: Final[Mapping[str, str]] = {
    "connect_timeout": "5",  # seconds
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",  # milliseconds
}
"""What libpq does about a server that is silent, unless the address says something else."""
_SESSION_SETTINGS: Final = (
    "SET idle_in_transaction_session_timeout = '20s'",  # a process that hangs holds up nobody
    "SET statement_timeout = '20s'",
    "SET lock_timeout = '10s'",
)


class PortalDatabaseError(Exception):
    """The database cannot be used; the message says why and is for the operator."""


def database_url(address: str | Path) -> URL:
    """Return what an operator's address stands for: a path is a SQLite file.

    Raises:
        PortalDatabaseError: it is neither a path nor an address of PostgreSQL.

    """
    written = str(address)
    if "://" not in written:
        return URL.create("sqlite+pysqlite", database=written)
    try:
        url = make_url(written)
    except (ArgumentError, ValueError, AttributeError) as error:
        raise PortalDatabaseError("the address of the database cannot be read") from error
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise PortalDatabaseError(f"no database of the kind {url.drivername} is known here")
    return url.set(drivername="postgresql+psycopg")


class PortalDatabase:
    """The portal's database.

    On SQLite the journal is in WAL mode with ``synchronous=FULL``: what was answered is on disk,
    and what was not finished when the process was killed is undone. PostgreSQL promises the same.
    """

    def __init__(
        self,
        address: str | Path,
        clock: Callable[[], float] = time.time,
        key_file: Path | None = None,
    ) -> None:
        """Take the address and the clock of all transactions; :meth:`open` does the work.

        Args:
            address: a path of a SQLite file, or ``postgresql://…``.
            clock: seconds since 1970.
            key_file: where the key lies; by default beside a SQLite file.

        Raises:
            PortalDatabaseError: the address is none, or PostgreSQL has no key file.

        """
        self._url = database_url(address)
        self._clock = clock
        self._is_file = self._url.drivername.startswith("sqlite")
        self._path = Path(self._url.database or "") if self._is_file else None
        if key_file is None and self._path is None:
            raise PortalDatabaseError("a database of PostgreSQL needs a key file (--key-file)")
        self._key_file = key_file
        threads = 1 if self._is_file else _THREADS
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="portal-db")
        self._engine: Engine | None = None
        self._keyring: Keyring | None = None

    @property
    def name(self) -> str:
        """What an operator knows the database by, without a password."""
        return self._path.name if self._path else (self._url.database or self._url.host or "")

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
        """Open the database; make or upgrade a SQLite file.

        Raises:
            PortalDatabaseError: it is no database of this version, or its key is missing or wrong.

        """
        await asyncio.get_running_loop().run_in_executor(self._threads, self.open_here)

    async def run(
        self,
        work: Callable[Concatenate[Transaction, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run ``work`` in one transaction: all of it is kept when it returns, none if it raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, lambda: self.run_here(work, *args, **kwargs)
        )

    async def read(
        self,
        work: Callable[Concatenate[Transaction, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run ``work``, which writes nothing; sees one moment, and waits for nobody who writes."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, lambda: self.read_here(work, *args, **kwargs)
        )

    async def close(self) -> None:
        """Finish the transactions under way and close the database."""
        await asyncio.to_thread(self._threads.shutdown)
        await asyncio.to_thread(self.close_here)

    def open_here(self, *, may_migrate: bool | None = None) -> None:
        """Open the database in the calling thread; see :meth:`open`.

        Args:
            may_migrate: whether tables are made or upgraded; by default only in a file, which has
                no second process that may still be of the older version.

        Raises:
            PortalDatabaseError: as :meth:`open`.

        """
        try:
            self._keyring = load_or_create_keyring(self._checked_key_path())
            self._engine = self._connect()
            _bring_up_to_date(
                self._engine, self._keyring, self._is_file if may_migrate is None else may_migrate
            )
            self.run_here(_check_key)
        except (SQLAlchemyError, OSError, ValueError, MigrationNeededError) as error:
            self.close_here()
            raise PortalDatabaseError(f"{self.name}: {_reason(error)}") from error
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
        with self._opened().connect() as connection:
            with connection.begin():
                if not self._is_file:
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})"))
                transaction = Transaction(connection, self.keyring, int(self._clock()))
                result = work(transaction, *args, **kwargs)
            if connection.info.pop(EMPTY_JOURNAL, False) and self._is_file:
                _empty_journal(connection)
            return result

    def read_here(
        self,
        work: Callable[Concatenate[Transaction, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run a transaction that only reads in the calling thread; see :meth:`read`.

        Raises:
            PortalDatabaseError: the database is not open.

        """
        options: Mapping[str, Any] = {_READ_ONLY: True}
        if not self._is_file:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        engine = self._opened().execution_options(**options)
        with engine.connect() as connection, connection.begin():
            transaction = Transaction(connection, self.keyring, int(self._clock()))
            return work(transaction, *args, **kwargs)

    def run_apart(
        self,
        work: Callable[Concatenate[Transaction, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run single statements that need no order among writers, such as counters.

        A crash of PostgreSQL may lose the last of them.
        """
        with self._opened().connect() as connection, connection.begin():
            if not self._is_file:
                connection.execute(text("SET LOCAL synchronous_commit = off"))
            transaction = Transaction(connection, self.keyring, int(self._clock()))
            return work(transaction, *args, **kwargs)

    async def count(
        self,
        work: Callable[Concatenate[Transaction, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        """Run :meth:`run_apart` in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, lambda: self.run_apart(work, *args, **kwargs)
        )

    async def fault(self) -> str:
        """Return what is wrong with the database, for the operator; nothing where it answers."""
        try:
            revision = await self.read(lambda tx: revision_of(tx.connection))
        except SQLAlchemyError as error:
            return _reason(error)
        return "" if revision == HEAD else f"its tables are of {revision}, this portal's of {HEAD}"

    def close_here(self) -> None:
        """Close the database in the calling thread; may be called twice."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _opened(self) -> Engine:
        if self._engine is None:
            raise PortalDatabaseError("the database is not open")
        return self._engine

    def _checked_key_path(self) -> Path:
        if self._path is None:
            assert self._key_file is not None  # noqa: S101  # the constructor saw to it
            return self._key_file
        key_path = self._key_file or self._path.with_name(f"{self._path.name}.key")
        if self._path.exists() and self._path.stat().st_size and not key_path.exists():
            raise PortalDatabaseError(
                f"{key_path.name} is missing; without it no ID number is recognised"
            )
        return key_path

    def _connect(self) -> Engine:
        if self._path is None:
            engine = create_engine(
                self._url.set(query={**_PATIENCE, **self._url.query}),
                pool_size=_THREADS,
                max_overflow=1,
                pool_pre_ping=True,
                pool_recycle=600,
            )
            event.listen(engine, "connect", _set_up_postgresql)
            return engine
        ensure_file(self._path)
        engine = create_engine(self._url, connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine


def _bring_up_to_date(engine: Engine, keyring: Keyring, may_migrate: bool) -> None:
    if may_migrate:
        migrate(engine, keyring)
    elif not is_current(engine):
        raise MigrationNeededError("its tables are not of this version: ankong-portal migrate")


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _empty_journal(connection: Connection) -> None:
    """Write the journal back and cut it to nothing, unless another process reads from it now."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute("PRAGMA busy_timeout=0")  # who reads is not waited for
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.fetchall()
    finally:
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_S * 1000:.0f}")
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READ_ONLY)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _set_up_postgresql(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        for statement in _SESSION_SETTINGS:
            cursor.execute(statement)
    connection.commit()


def _check_key(tx: Transaction) -> None:
    check = tx.keyring.digest(_KEY_CHECK)
    found = tx.execute(select(SETTING.c.value).where(SETTING.c.name == _KEY_CHECK)).scalar()
    if found is None:
        tx.execute(insert(SETTING).values(name=_KEY_CHECK, value=check))
    elif bytes(found) != check:
        raise PortalDatabaseError("the key file belongs to another database")


def _reason(error: Exception) -> str:
    """Return a foreign error's first line, without the statement that SQLAlchemy quotes."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip() or type(error).__name__).splitlines()[0]
