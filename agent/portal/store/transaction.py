"""A transaction on the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Executable, Row

from agent.portal.store.keyring import Keyring

EMPTY_JOURNAL: Final = "portal_empty_journal"
"""In a connection's notes: what :meth:`Transaction.leave_no_trace` asked for."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction under way.

    Attributes:
        connection: of the database; only for the thread that runs the work.
        keyring: the database's key.
        now: the time of the whole transaction, in seconds since 1970.

    """

    connection: Connection
    keyring: Keyring
    now: int

    def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Run one statement of SQLAlchemy Core.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database refuses.

        """
        return self.connection.execute(statement, parameters)

    def first(self, statement: Executable) -> Row[Any] | None:
        """Run one statement and return its first row; None where there is none."""
        return self.execute(statement).first()

    def insert_id(self, statement: Executable) -> int:
        """Run an INSERT of one row and return the number that it got."""
        key = self.execute(statement).inserted_primary_key
        assert key is not None  # noqa: S101  # every table with numbers has one
        return int(key[0])

    def leave_no_trace(self) -> None:
        """Have SQLite empty its journal after this transaction: it holds what is deleted here."""
        self.connection.info[EMPTY_JOURNAL] = True
