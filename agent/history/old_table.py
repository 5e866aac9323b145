"""Bring the table of an older version's history to today's form; the lines stay as they are."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from agent.database import connect, transaction

_OLD_CHECK: Final = "CHECK (kind IN ('sign', 'decrypt', 'connect', 'segment'))"
"""What the table of the first versions says of a line's kind; it knows no logins."""


def renew_table(path: Path, statements: Sequence[str]) -> None:
    """Make the table of lines anew where an older version made it; blocks.

    Args:
        path: of the database, which may be missing. What is damaged or of another form is left to
            whoever opens it.
        statements: today's, of which the first makes the table, and those that begin with
            ``CREATE TRIGGER`` its triggers.

    """
    if not path.is_file():
        return
    with suppress(OSError, sqlite3.Error), closing(connect(path)) as connection:
        if not _is_old(connection):
            return
        with transaction(connection):
            if _is_old(connection):  # no other process was faster
                _renew(connection, statements)


def _is_old(connection: sqlite3.Connection) -> bool:
    row = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'lines'").fetchone()
    return row is not None and _OLD_CHECK in row[0]


def _renew(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    named = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'lines'"
    for (trigger,) in connection.execute(named).fetchall():
        connection.execute(f'DROP TRIGGER "{trigger}"')
    connection.execute("ALTER TABLE lines RENAME TO lines_before")
    connection.execute(statements[0])
    connection.execute("INSERT INTO lines SELECT * FROM lines_before")
    connection.execute("DROP TABLE lines_before")
    for statement in statements:
        if statement.lstrip().startswith("CREATE TRIGGER"):
            connection.execute(statement)
