"""The stores: in one process's memory, in a database, in Redis."""

import heapq
import os
from datetime import datetime
from threading import Lock
from typing import Final

from agent.relying.records import (
    ChallengeStore,
    ChallengeStoreError,
    Record,
    Taken,
    TakenState,
    judge,
)
from agent.relying.redis_store import RedisStore
from agent.relying.sql_store import CREATE_TABLE, SqlStore, create_table

__all__ = [
    "CREATE_TABLE",
    "ChallengeStore",
    "ChallengeStoreError",
    "MemoryStore",
    "Record",
    "RedisStore",
    "SqlStore",
    "Taken",
    "TakenState",
    "create_table",
]

MAX_RECORDS: Final = 100_000  # some 50 MB


class MemoryStore:
    """Challenges in the memory of one process, for tests and for small sites of one process."""

    def __init__(self, *, max_records: int = MAX_RECORDS) -> None:
        """Begin with none.

        Args:
            max_records: that are kept at once; expired ones make room.

        Raises:
            RuntimeError: ``WEB_CONCURRENCY`` tells that there are several processes, of which
                each would have challenges of its own.

        """
        workers = os.environ.get("WEB_CONCURRENCY", "")
        if workers.isdecimal() and int(workers) > 1:
            raise RuntimeError(
                f"MemoryStore is for one process and WEB_CONCURRENCY is {workers}:"
                " use SqlStore or RedisStore"
            )
        self._process = os.getpid()
        self._max_records = max_records
        self._lock = Lock()  # the blocking names and a site's own loop may share a store
        self._records: dict[str, tuple[Record, str]] = {}  # with the digest of who has it
        self._ends: list[tuple[datetime, str]] = []  # a heap, with an entry for each of them

    async def add(self, record: Record) -> None:
        """Keep a record.

        Raises:
            ChallengeStoreError: it is full of challenges that have not expired.
            RuntimeError: the process forked after the store was made.

        """
        with self._lock:
            self._require_own_process()
            while len(self._records) >= self._max_records:
                self._forget_one(record.issued_at)
            self._records[record.challenge_id] = record, ""
            heapq.heappush(self._ends, (record.expires_at, record.challenge_id))

    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        """Let the first token have the challenge.

        Raises:
            RuntimeError: the process forked after the store was made.

        """
        with self._lock:
            self._require_own_process()
            found = self._records.get(challenge_id)
            if found is None:
                return Taken(TakenState.UNKNOWN)
            taken = judge(*found, session, token_hash.hex(), now)
            if taken.state is TakenState.FIRST:
                self._records[challenge_id] = found[0], token_hash.hex()
            return taken

    def _forget_one(self, now: datetime) -> None:
        """Forget the one that ended first, if it has; whoever fills the store costs no more."""
        if not self._ends or self._ends[0][0] > now:
            raise ChallengeStoreError(
                f"{self._max_records} challenges are waiting: the store is full"
            )
        self._records.pop(heapq.heappop(self._ends)[1], None)

    def _require_own_process(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError(
                "MemoryStore was made before this process forked, and its siblings would have"
                " challenges of their own: make it in the worker, or use SqlStore or RedisStore"
            )
