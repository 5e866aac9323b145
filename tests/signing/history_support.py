"""What the tests of the history share: entries, and a hand that changes the file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agent.history.line import Entry, EntryKind
from agent.history.store import History

HOLDER = "王測試"


def entry(number: int = 0, **fields: str | None) -> Entry:
    values: dict[str, str | None] = {
        "at": f"2030-01-01T12:00:00.{number % 1_000_000:06d}Z",
        "kind": EntryKind.SIGN,
        "outcome": "done",
        "site": "https://portal.example",
        "format": "cms",
        "hash": "SHA-256",
        "digest": f"{number:064x}",
        "document": f"測試文件 {number}",
        "reader": "Reader",
        "card_serial": "TEST000000000001",
        "thumbprint": "ab" * 32,
        "holder": HOLDER,
    }
    return Entry(**(values | fields))  # type: ignore[arg-type]  # every field but count is text


def written(path: Path, count: int) -> None:
    """Add lines 1, 2, … to a history."""
    with closing(History(path)) as history:
        for number in range(count):
            assert history.append(lambda number=number: (entry(number),)).result()


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as somebody would who knows how, and leave no trace in its structure."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
        triggers = connection.execute(sql).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, statement in triggers:
            connection.execute(statement)
