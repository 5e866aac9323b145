"""A store of each kind on a real system, as a child process can make it again from words."""

import sqlite3
from pathlib import Path

from agent.relying.records import ChallengeStore
from agent.relying.sql_store import CREATE_TABLE, SqlStore
from agent.relying.stores import RedisStore

KINDS = ("sqlite", "postgresql", "redis")


def make_store(kind: str, where: str, tries: int = 3) -> ChallengeStore:
    """Make a store: ``where`` is a file, an address, a socket; Redis is tried again so often."""
    if kind == "sqlite":
        return SqlStore(lambda: sqlite3.connect(where), paramstyle="qmark")
    if kind == "postgresql":
        import psycopg

        return SqlStore(lambda: psycopg.connect(where), paramstyle="pyformat")
    import redis.asyncio
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    retry = Retry(NoBackoff(), tries)
    return RedisStore(redis.asyncio.Redis(unix_socket_path=where, retry=retry))


def create_sqlite(path: Path) -> str:
    database = sqlite3.connect(path)
    database.execute(CREATE_TABLE)
    database.close()
    return str(path)
