"""Copy a live database, without the pictures of identity documents and the keys of their cases.

Both are deleted with the decision, everywhere. So neither is ever in a backup: a copy would outlive
the decision. After a restore, applicants of cases that were open are told to apply again.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL

from agent.files import create_file, sync_folder
from agent.portal.online.tables import CASE_KEY, PICTURE

LEFT_OUT: Final = (PICTURE.name, CASE_KEY.name)
"""The tables whose rows are in no backup."""

_BUSY_S: Final = 30.0
_PASSWORD: Final = "password"  # noqa: S105  # of an address's query, by libpq's name


class BackupError(Exception):
    """No backup was made; the message says why and is for the operator."""


def back_up_file(source: Path, target: Path, without: Sequence[str] = LEFT_OUT) -> None:
    """Copy a SQLite database that may be in use; the copy shows one moment.

    Args:
        source: the database.
        target: the copy, which must not exist yet; it appears when it is whole.
        without: tables that are made, and stay empty.

    Raises:
        BackupError: there is such a file already, or one of them cannot be read or written.

    """
    if target.exists():
        raise BackupError(f"{target} is there already")
    if not source.is_file():
        raise BackupError(f"{source} is not there")
    try:
        with _unfinished(target) as copy:
            _copy(source, copy, without)
            _check(copy)
            os.link(copy, target)  # fails where somebody was faster
            sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{target} was not written: {error}") from error


@contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """Make an empty file beside ``target``, for its owner only; it is gone afterwards."""
    # another way: SQLite itself writes it
    descriptor, name = tempfile.mkstemp(prefix=f"{target.name}.", dir=target.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for each in (name, f"{name}-journal"):
            Path(each).unlink(missing_ok=True)


def _copy(source: Path, copy: Path, without: Sequence[str]) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None, uri=True, timeout=_BUSY_S)) as db:
        db.execute("ATTACH ? AS source", (f"{source.resolve().as_uri()}?mode=ro",))
        db.execute("BEGIN")  # one moment of the source from here on
        (version,) = db.execute("PRAGMA source.user_version").fetchone()
        made = db.execute("SELECT type, name, sql FROM source.sqlite_schema").fetchall()
        for kind, name, sql in made:
            if kind == "table" and not name.startswith("sqlite_"):
                db.execute(sql)
                if name not in without:
                    _copy_rows(db, _quoted(name))
        for kind, _, sql in made:
            if kind != "table" and sql is not None:
                db.execute(sql)
        db.execute(f"PRAGMA main.user_version={int(version)}")
        db.execute("COMMIT")


def _copy_rows(db: sqlite3.Connection, table: str) -> None:
    columns = ", ".join(_quoted(row[1]) for row in db.execute(f"PRAGMA source.table_info({table})"))
    # The names are the database's own.
    db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}")  # noqa: S608


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _check(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as db:
        (found,) = db.execute("PRAGMA integrity_check").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(str(found))


def dump_words(url: URL, target: Path, without: Sequence[str]) -> list[str]:
    """Return the command that backs up a database of PostgreSQL; it holds no password."""
    plain = URL.create(
        "postgresql",
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query={name: value for name, value in url.query.items() if name != _PASSWORD},
    )
    return [
        "pg_dump",
        f"--dbname={plain.render_as_string(hide_password=False)}",
        "--format=custom",
        "--no-owner",
        f"--file={target}",
        *(f"--exclude-table-data={name}" for name in without),
    ]


def back_up_server(url: URL, target: Path, without: Sequence[str] = LEFT_OUT) -> None:
    """Run ``pg_dump`` on a database of PostgreSQL.

    Args:
        url: the database.
        target: the file to write, which must not exist yet.
        without: tables whose rows are left out.

    Raises:
        BackupError: there is such a file already, pg_dump is missing, or it failed.

    """
    if target.exists():
        raise BackupError(f"{target} is there already")
    words = dump_words(url, target, without)
    if shutil.which(words[0]) is None:
        raise BackupError(f"pg_dump is not installed here; where it is: {' '.join(words)}")
    environment = dict(os.environ)
    password = url.password or url.query.get(_PASSWORD)
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    create_file(target, b"")  # for its owner only
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own words
    if done.returncode != 0:
        target.unlink(missing_ok=True)
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise BackupError(f"pg_dump failed: {lines[0]}")
