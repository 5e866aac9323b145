"""The database of a test's site: a SQLite file in its folder, or a database of PostgreSQL.

Which of them is chosen for each test, by ``conftest.py``; a folder keeps its database, so that a
site that is started again in it finds what was there.
"""

import shutil
from enum import StrEnum, unique
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from tests.portal.postgres import INSTALL, Cluster, is_installed

_TEMPLATE: Final = "template_of_tests"
_NUMBERS: Final = count()


@unique
class DatabaseKind(StrEnum):
    """What a site keeps its data in."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class PostgresTests:
    """Databases in one cluster, each a copy of one that has the tables already."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        """Make the first one, whose key lies in ``folder``."""
        self._cluster = cluster
        self._key = folder / "template.key"
        self._known: dict[Path, dict[str, Any]] = {}
        first = PortalDatabase(cluster.create_database(_TEMPLATE), key_file=self._key)
        first.open_here(may_migrate=True)
        first.close_here()

    def settings_in(self, folder: Path) -> dict[str, Any]:
        """Return the settings that name the database of a folder; make it where there is none."""
        if folder not in self._known:
            name = f"test_{next(_NUMBERS)}"
            key = folder / "portal.key"
            shutil.copy(self._key, key)
            address = self._cluster.create_database(name, template=_TEMPLATE)
            self._known[folder] = {"db": address, "key_file": str(key)}
        return self._known[folder]


class ChosenDatabase:
    """The kind of the test that runs; every process of pytest has one."""

    kind = DatabaseKind.SQLITE
    postgres: PostgresTests | None = None

    def use_postgresql(self, databases: PostgresTests | None = None) -> None:
        """Choose PostgreSQL for the rest of a test, perhaps of a cluster of its own."""
        self.kind = DatabaseKind.POSTGRESQL
        self.postgres = databases or self.postgres

    def settings_in(self, folder: Path) -> dict[str, Any]:
        """Return the settings of a site that keeps everything else in ``folder``."""
        if self.kind is DatabaseKind.SQLITE:
            return {"db": str(folder / "portal.db")}
        assert self.postgres is not None
        return self.postgres.settings_in(folder)

    def open_in(self, folder: Path, **options: Any) -> PortalDatabase:
        """Open the same database by itself, in the calling thread."""
        settings = self.settings_in(folder)
        key_file = settings.get("key_file")
        db = PortalDatabase(settings["db"], key_file=key_file and Path(key_file), **options)
        db.open_here()
        return db

    def rows_in(self, folder: Path, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query in the calling thread."""
        db = self.open_in(folder)
        try:
            return db.read_here(_rows, sql)
        finally:
            db.close_here()


def _rows(tx: Transaction, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in tx.connection.exec_driver_sql(sql)]


CHOSEN: Final = ChosenDatabase()


def require_postgres() -> None:
    """Skip a test where no server can be started."""
    if not is_installed():
        pytest.skip(f"PostgreSQL is missing: {INSTALL}")
