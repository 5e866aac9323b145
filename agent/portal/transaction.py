"""A transaction on the database."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from agent.portal.keyring import Keyring

SqlValue: TypeAlias = str | int | bytes | None
"""What is bound to a parameter, and what comes back."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction under way.

    Attributes:
        connection: of the database; only for the database's own thread.
        keyring: the database's key.
        now: the time of the whole transaction, in seconds since 1970.

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
