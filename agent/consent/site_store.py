"""What the citizen has decided about each site: in memory for the asking, on disk for good."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from agent.consent.questions import Scope
from agent.database import Database, Schema, transaction
from agent.errors import BadRequestError
from agent.origin import Origin

FOR_NOW: Final = 15 * 60.0
"""Seconds that "this time" lasts: reading, signing and a second thought."""
TOUCH_SECONDS: Final = 60.0
"""How old the last use on disk may be."""
_SCHEMA: Final = Schema(
    (
        """
    CREATE TABLE sites (
        origin TEXT PRIMARY KEY,
        decision TEXT NOT NULL CHECK (decision IN ('this_time', 'allowed', 'blocked')),
        since TEXT NOT NULL,
        last_used TEXT
    ) STRICT
    """,
    ),
    # Not a column of the first one: a site that a policy allows has no row there.
    additions=(
        """
    CREATE TABLE blind (
        origin TEXT PRIMARY KEY,
        decision TEXT NOT NULL CHECK (decision IN ('this_time', 'allowed', 'blocked')),
        since TEXT NOT NULL,
        last_used TEXT
    ) STRICT
    """,
    ),
)
_TABLES: Final = {Scope.CARD: "sites", Scope.BLIND: "blind"}
_INSERT: Final = """
    INSERT INTO {table} (origin, decision, since, last_used) VALUES (?, ?, ?, ?)
    ON CONFLICT (origin) DO UPDATE SET decision = excluded.decision, since = excluded.since
"""
_Key: TypeAlias = tuple[Origin, Scope]
SiteListener: TypeAlias = Callable[[Origin, "Decision", Scope], None]
_Statement: TypeAlias = tuple[str, tuple[str | None, ...]]

_log = structlog.get_logger(__name__)


@unique
class Decision(StrEnum):
    """What a site may do; about unknown ones the citizen is asked."""

    UNKNOWN = "unknown"
    THIS_TIME = "this_time"  # for a quarter of an hour, and no longer than the agent runs
    ALLOWED = "allowed"
    BLOCKED = "blocked"

    @property
    def allows(self) -> bool:
        """Whether the site may go on without a question."""
        return self in (Decision.THIS_TIME, Decision.ALLOWED)


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """One site that something was decided about.

    Attributes:
        site: which.
        decision: about its use of the card; ``UNKNOWN`` where only ``blind`` was decided.
        since: when it was decided, UTC.
        last_used: when the site last used it, UTC; None when never.
        blind: about signatures over what cannot be shown.

    """

    site: Origin
    decision: Decision
    since: datetime
    last_used: datetime | None = None
    blind: Decision = Decision.UNKNOWN


class SiteStore:
    """The decisions; every method may be called from any thread and waits for no disk.

    What another process writes, such as ``ankong sites block``, counts within two seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        fresh: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open or make the database; blocks, not for the event loop.

        A corrupt one is set aside, and then nobody is allowed.

        Args:
            path: of the database; its folder exists.
            fresh: whether an agent starts with this, so that every "this time" has ended.
            clock: the time of day, with a time zone.
            monotonic: seconds that only grow.

        Raises:
            DatabaseError: it can be neither opened nor made.

        """
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._records: dict[_Key, _Decided] = {}
        self._fresh = fresh
        self._until: dict[_Key, float] = {}
        self._writing = 0
        self._touched: dict[Origin, float] = {}
        self._listener: SiteListener = _tell_nobody
        self._database = Database(path, _SCHEMA, self._reload if fresh else None)
        self._database.submit(self._end_this_time if fresh else self._reload).result()

    @property
    def set_aside(self) -> Path | None:
        """What a corrupt database was renamed to when this was opened; None when all was well."""
        return self._database.set_aside

    def on_decided(self, listener: SiteListener) -> None:
        """Have it told of each decision from now on, also of those that other processes write.

        Args:
            listener: called in any thread with site, decision and scope; must not block or raise.

        """
        self._listener = listener

    def decision(self, site: Origin, scope: Scope = Scope.CARD) -> Decision:
        """Look up what was decided about a site."""
        with self._lock:
            return self._decision((site, scope))

    def remember(self, site: Origin, decision: Decision, scope: Scope = Scope.CARD) -> Future[None]:
        """Decide about a site, at once; the future is done when it is on disk.

        ``UNKNOWN`` forgets it. Whoever may not use the card keeps no other permission either.
        The future fails with ``DatabaseError``, which is logged too: the decision then lasts as
        long as the agent runs.
        """
        self._listener(site, decision, scope)
        with self._lock:
            statements = []
            if scope is Scope.CARD and not decision.allows:
                statements.append(self._forget((site, Scope.BLIND)))
            is_kept = decision is not Decision.UNKNOWN
            key = site, scope
            statements.append(self._keep(key, decision) if is_kept else self._forget(key))
            return self._write(*statements)

    def forget(self, site: Origin) -> Future[None]:
        """Ask about the site again next time; the future is as for :meth:`remember`."""
        return self.remember(site, Decision.UNKNOWN)

    def forget_all(self) -> None:
        """Ask about every site again; returns when that is on disk, so it blocks.

        Raises:
            DatabaseError: it cannot be written.

        """
        for record in self.snapshot():
            self.forget(record.site).result()

    def touch(self, site: Origin) -> None:
        """Remember that the site is using what was decided; on disk once a minute at most."""
        now = self._monotonic()
        key = site, Scope.CARD
        with self._lock:
            record = self._records.get(key)
            if record is None:
                return
            used = self._clock()
            self._records[key] = replace(record, last_used=used)
            if now - self._touched.get(site, float("-inf")) >= TOUCH_SECONDS:
                self._touched[site] = now
                sql = "UPDATE sites SET last_used = ? WHERE origin = ?"
                self._write((sql, (_as_text(used), str(site))))

    def snapshot(self) -> tuple[SiteRecord, ...]:
        """List every site that something stands decided about, in the order of their origins."""
        with self._lock:
            sites = {site for site, _ in self._records}
            found = [record for site in sites if (record := self._record(site)) is not None]
        return tuple(sorted(found, key=lambda record: str(record.site)))

    def close(self) -> None:
        """Write what is not yet on disk and let go of the database; blocks for seconds at most."""
        self._database.close()

    # With the lock held.

    def _forget(self, key: _Key) -> _Statement:
        self._until.pop(key, None)
        self._records.pop(key, None)
        site, scope = key
        return f"DELETE FROM {_TABLES[scope]} WHERE origin = ?", (str(site),)  # noqa: S608  # a constant

    def _keep(self, key: _Key, decision: Decision) -> _Statement:
        self._until.pop(key, None)
        before = self._records.get(key)
        used = None if before is None else before.last_used
        record = _Decided(decision, self._clock().replace(microsecond=0), used)
        self._records[key] = record
        if decision is Decision.THIS_TIME:
            self._until[key] = self._monotonic() + FOR_NOW
        site, scope = key
        since = _as_text(record.since)
        insert = _INSERT.format(table=_TABLES[scope])
        return insert, (str(site), decision.value, since, _as_text(used))

    def _record(self, site: Origin) -> SiteRecord | None:
        """Return what stands about a site; None when nothing does."""
        decision = self._decision((site, Scope.CARD))
        blind = self._decision((site, Scope.BLIND))
        scope = Scope.BLIND if decision is Decision.UNKNOWN else Scope.CARD
        decided = self._records.get((site, scope))
        if decided is None or (decision, blind) == (Decision.UNKNOWN, Decision.UNKNOWN):
            return None
        return SiteRecord(site, decision, decided.since, decided.last_used, blind)

    def _decision(self, key: _Key) -> Decision:
        record = self._records.get(key)
        if record is None:
            return Decision.UNKNOWN
        if record.decision is Decision.THIS_TIME and self._has_ended(key, record):
            return Decision.UNKNOWN
        return record.decision

    def _has_ended(self, key: _Key, record: "_Decided") -> bool:
        until = self._until.get(key)
        if until is not None:
            return self._monotonic() >= until
        # Nobody but the agent itself allows anything for now; others only look at it.
        return self._fresh or self._clock() >= record.since + timedelta(seconds=FOR_NOW)

    def _write(self, *statements: _Statement) -> Future[None]:
        """Write in the database's thread."""

        def work(connection: sqlite3.Connection) -> None:
            try:
                with transaction(connection):
                    for sql, values in statements:
                        connection.execute(sql, values)
            finally:
                with self._lock:
                    self._writing -= 1

        self._writing += 1
        future = self._database.submit(work)
        future.add_done_callback(_complain)
        return future

    # In the database's thread.

    def _end_this_time(self, connection: sqlite3.Connection) -> None:
        with transaction(connection):
            for table in _TABLES.values():
                connection.execute(f"DELETE FROM {table} WHERE decision = 'this_time'")  # noqa: S608  # a constant
        self._reload(connection)

    def _reload(self, connection: sqlite3.Connection) -> None:
        read = dict(
            entry
            for scope, table in _TABLES.items()
            for row in connection.execute(f"SELECT origin, decision, since, last_used FROM {table}")  # noqa: S608  # a constant
            if (entry := _entry(scope, row)) is not None
        )
        with self._lock:
            known, is_newer = self._records, not self._writing
            if is_newer:
                self._records = {
                    key: _latest(record, known.get(key)) for key, record in read.items()
                }
        if is_newer:
            self._tell_of_others(known, read)
            return
        # Somebody decided meanwhile: what was read is older than what is known.
        self._database.submit(self._reload)

    def _tell_of_others(
        self, known: Mapping[_Key, "_Decided"], read: Mapping[_Key, "_Decided"]
    ) -> None:
        for key in read.keys() | known.keys():
            before, now = known.get(key), read.get(key)
            decision = Decision.UNKNOWN if now is None else now.decision
            if decision is not (Decision.UNKNOWN if before is None else before.decision):
                self._listener(key[0], decision, key[1])


def _tell_nobody(site: Origin, decision: Decision, scope: Scope) -> None:
    """Take a decision that nobody wants to hear of."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """One row: never ``UNKNOWN``, and its times as in :class:`SiteRecord`."""

    decision: Decision
    since: datetime
    last_used: datetime | None


def _latest(read: _Decided, known: _Decided | None) -> _Decided:
    """Keep a last use that is not on disk yet."""
    if known is None or known.last_used is None:
        return read
    return replace(read, last_used=max(known.last_used, read.last_used or known.last_used))


def _entry(scope: Scope, row: tuple[str, str, str, str | None]) -> tuple[_Key, _Decided] | None:
    """Read one row; None for one that we did not write."""
    origin, decision, since, used = row
    try:
        decided = _Decided(
            Decision(decision),
            datetime.fromisoformat(since),
            None if used is None else datetime.fromisoformat(used),
        )
        return (Origin.parse_any(origin), scope), decided
    except (BadRequestError, ValueError):
        _log.error("a decision about a site makes no sense and is ignored", origin=origin)
        return None


def _as_text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _complain(future: Future[None]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        _log.error("a decision about a site could not be written", detail=str(error))
