"""Load very many members into a database at once, past the service.

Every fourth is gold, every tenth has an application that was decided, and some have one that waits.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

_LOAD = (
    """
    INSERT INTO member
        (id, created, grade, gold_since, gold_way, id_number_hash, id_number_last4)
    SELECT {id}, 1, 'ordinary', NULL, NULL, NULL, NULL FROM {numbers} WHERE i % 4 <> 0
    """,
    """
    INSERT INTO member
        (id, created, grade, gold_since, gold_way, id_number_hash, id_number_last4)
    SELECT {id}, 1, 'gold', 1, 'card', {digest}, '6789' FROM {numbers} WHERE i % 4 = 0
    """,
    """
    INSERT INTO login (member, kind, key, label, created)
    SELECT {id}, 'email', 'm' || i || '@example.test', 'm***@example.test', 1 FROM {numbers}
    """,
    """
    INSERT INTO login (member, kind, key, label, created)
    SELECT {id}, 'card', {hex}, '•••• 0000', 1 FROM {numbers} WHERE i % 4 = 0
    """,
    """
    INSERT INTO upgrade (member, way, at, evidence)
    SELECT {id}, 'card', 1, '{{"card":true}}' FROM {numbers} WHERE i % 4 = 0
    """,
    """
    INSERT INTO online_case (number, member, state, created, sent_at, ended)
    SELECT 'D' || i, {id}, 'approved', 1, 1, 1 FROM {numbers} WHERE i % 10 = 1
    """,
    """
    INSERT INTO online_case (number, member, state, created, sent_at, form)
    SELECT 'W' || i, {id}, 'sent', 1, 1700000000 + i, {digest} FROM {numbers}
    WHERE i % {every} = 0
    """,
    """
    INSERT INTO online_case_key ("case", wrapped)
    SELECT id, form FROM online_case WHERE state = 'sent'
    """,
)
_SQLITE = {
    "id": "printf('%016x', i)",
    "digest": "randomblob(32)",
    "hex": "lower(hex(randomblob(32)))",
    "numbers": "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n"
    " WHERE i + 1 < {count}) SELECT i FROM n)",
}
_POSTGRESQL = {
    "id": "lpad(to_hex(i), 16, '0')",
    "digest": "decode(md5(i::text) || md5((-i)::text), 'hex')",
    "hex": "md5(i::text) || md5((-i)::text)",
    "numbers": "generate_series(0, {count} - 1) AS n(i)",
}


def contact(number: int) -> str:
    """Return by what a loaded member logs in."""
    return f"m{number}@example.test"


def load_file(path: Path, count: int, every: int) -> None:
    """Load members into a SQLite file that has the tables and that nobody uses.

    Args:
        path: of the file.
        count: how many members.
        every: one in how many has an application that waits.

    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-400000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("BEGIN")
        for statement in _statements(_SQLITE, count, every):
            db.execute(statement)
        db.execute("COMMIT")
        db.execute("ANALYZE")
        db.execute("PRAGMA journal_mode=WAL")


def load_server(address: str, count: int, every: int) -> None:
    """Load members into a database of PostgreSQL that has the tables; as :func:`load_file`."""
    with psycopg.connect(address) as db:
        db.execute("SET session_replication_role = replica")  # references are right as they are
        for statement in _statements(_POSTGRESQL, count, every):
            db.execute(statement.encode())
    with psycopg.connect(address, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")


def _statements(dialect: dict[str, str], count: int, every: int) -> list[str]:
    numbers = dialect["numbers"].format(count=count)
    return [
        statement.format(**{**dialect, "numbers": numbers, "every": str(every)})
        for statement in _LOAD
    ]
