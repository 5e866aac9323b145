"""What a piece of work on the database is handed."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from agent.portal.keyring import Keyring

SqlValue: TypeAlias = str | int | bytes | None
"""What is bound to a parameter, and what comes back."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction under way.

    Attributes:
        connection: where it happens; belongs to the database's own thread.
        keyring: the database's key.
        now: one moment for all of it, in seconds since 1970.

    """

    connection: sqlite3.Connection
    keyring: Keyring
    now: int

    def execute(
        self, sql: str, parameters: Sequence[SqlValue] | Mapping[str, SqlValue] = ()
    ) -> sqlite3.Cursor:
        """Run one statement.

        Raises:
            sqlite3.Error: SQLite refuses.

        """
        return self.connection.execute(sql, parameters)
