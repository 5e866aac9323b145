"""Make the tables, and bring those of an older version up to date (Alembic).

Alembic itself is loaded only when there is something to do.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from agent.portal.store.keyring import Keyring

HEAD: Final = "0008"
"""The newest migration; a database of one that is not known here is refused."""

_NAMED: Final = 3
"""In ``PRAGMA user_version`` since migrations have names (it was 1 and 2 before), so that an older
portal leaves the file alone."""
_MIGRATORS_LOCK: Final = 0x616E6B6F6E68
_TABLE: Final = "alembic_version"


class MigrationNeededError(Exception):
    """The tables are of another version; the message is for the operator."""


def is_current(engine: Engine) -> bool:
    """Return whether the database has exactly the tables of this version."""
    with engine.connect() as connection:
        return revision_of(connection) == HEAD


def migrate(engine: Engine, keyring: Keyring) -> bool:
    """Make or upgrade the tables in one transaction; return whether there was anything to do.

    Many processes may do it at once: one works, the others wait and find it done.

    Raises:
        MigrationNeededError: the database is of a later version than this program.

    """
    with engine.connect() as connection, connection.begin():
        _refuse_the_future(connection)
        if revision_of(connection) == HEAD:
            return False
    with engine.connect() as connection:
        # Tables are renamed and dropped; the references are checked at the end.
        _check_references(connection, "OFF")
        try:
            with connection.begin():
                return _migrate(connection, keyring)
        finally:
            _check_references(connection, "ON")


def _migrate(connection: Connection, keyring: Keyring) -> bool:
    if not _is_file(connection):
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATORS_LOCK})"))
    if revision_of(connection) == HEAD:  # another process was faster
        return False
    _upgrade(connection, keyring)
    if _is_file(connection):
        connection.exec_driver_sql(f"PRAGMA user_version={_NAMED}")
    return True


def _check_references(connection: Connection, state: str) -> None:
    """Switch SQLite's foreign keys, which it allows outside a transaction only."""
    if _is_file(connection):
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  # it was just connected
        driver.execute(f"PRAGMA foreign_keys={state}")


def _is_file(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def revision_of(connection: Connection) -> str | None:
    """Return the newest migration that the database has; None for one without any."""
    if not inspect(connection).has_table(_TABLE):
        return None
    return connection.execute(select(column("version_num")).select_from(table(_TABLE))).scalar()


def _refuse_the_future(connection: Connection) -> None:
    revision = revision_of(connection)
    legacy = (
        connection.exec_driver_sql("PRAGMA user_version").scalar() if _is_file(connection) else 0
    )
    if (legacy or 0) > _NAMED:
        revision = str(legacy)
    elif revision is None or revision <= HEAD:
        return
    raise MigrationNeededError(f"the database has version {revision}; this portal knows {HEAD}")


def _upgrade(connection: Connection, keyring: Keyring) -> None:
    from alembic import command  # noqa: PLC0415  # loaded only when there is something to do
    from alembic.config import Config  # noqa: PLC0415  # likewise

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    config.attributes["keyring"] = keyring
    command.upgrade(config, "head")
    if _is_file(connection):
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise MigrationNeededError(f"{len(broken)} rows refer to what is not there")
