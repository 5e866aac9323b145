"""How often somebody may ask: token buckets in the database, the same for every process.

Of a bucket only the moment is kept at which it is full again (the generic cell rate algorithm,
ITU-T I.371 Annex A); so taking a token is one statement, which also counts when many transactions
run side by side.
"""

import hashlib
from collections.abc import Hashable
from typing import Final

from sqlalchemy import case, delete
from sqlalchemy.dialects import postgresql, sqlite

from agent.portal.store.database import PortalDatabase
from agent.portal.store.tables import RATE
from agent.portal.store.transaction import Transaction
from agent.rate import Rate

_MILLION: Final = 1_000_000
_NEVER: Final = 100 * 365 * 24 * 60 * 60 * _MILLION
"""Microseconds until a token comes back that does not."""


class SharedBuckets:
    """One bucket for each key, under a name of their own."""

    def __init__(self, db: PortalDatabase, name: str, rate: Rate) -> None:
        """Keep the buckets of ``name`` in ``db``."""
        self._db = db
        self._name = name
        self._rate = rate

    async def take(self, *key: Hashable) -> bool:
        """Take a token of this key; return whether there was one."""
        return await self._db.count(take, self._name, key, self._rate)


def take(tx: Transaction, name: str, key: tuple[Hashable, ...], rate: Rate) -> bool:
    """Take a token of a bucket; return whether there was one."""
    now = tx.now * _MILLION
    one = int(_MILLION / rate.per_second) if rate.per_second else _NEVER
    full = rate.burst * one
    # No bucket takes longer to fill than an empty one: a later moment is of a clock set back.
    since = case((RATE.c.full_at.between(now, now + full), RATE.c.full_at), else_=now)
    flavour = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    taking = (
        flavour.insert(RATE)
        .values(key=_key_of(name, key), full_at=now + one)
        .on_conflict_do_update(
            index_elements=[RATE.c.key],
            set_={"full_at": since + one},
            where=since + one <= now + full,
        )
        .returning(RATE.c.key)
    )
    return tx.first(taking) is not None


def _key_of(name: str, key: tuple[Hashable, ...]) -> bytes:
    """Return under what a bucket is kept: no address or contact stands there in clear."""
    return hashlib.sha256(repr((name, key)).encode()).digest()


def purge_rates(tx: Transaction) -> int:
    """Delete buckets that are full, which say nothing; return how many."""
    return tx.execute(delete(RATE).where(RATE.c.full_at <= tx.now * _MILLION)).rowcount
