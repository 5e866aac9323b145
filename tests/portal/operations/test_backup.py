"""A backup shows one moment of a database in use, and never what is deleted with a decision."""

import sqlite3
import stat
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from agent.portal import audit, members
from agent.portal.contact import parse_contact
from agent.portal.online import applying
from agent.portal.online.records import cases_of_member
from agent.portal.online.restored import end_lost_cases
from agent.portal.online.states import CaseForm, CaseState, DocumentKind, Side
from agent.portal.online.tables import CASE_KEY, PICTURE
from agent.portal.operations.backup import (
    LEFT_OUT,
    BackupError,
    back_up_file,
    back_up_server,
    dump_words,
)
from agent.portal.store.database import PortalDatabase
from agent.portal.store.tables import NOTICE
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from tests.portal.databases import CHOSEN, PostgresTests
from tests.portal.postgres import Cluster, find_program

MARKER = b"marker-of-a-picture" * 50


def register(tx: Transaction, number: int) -> str:
    member = members.register(tx, parse_contact(f"{number}@example.test"))
    audit.record(tx, audit.AuditEvent.REGISTERED, "ok", member=member)
    return member


def content(path: Path) -> dict[str, object]:
    """Return everything that a database holds, and how it is made."""
    with closing(sqlite3.connect(path)) as db:
        made = db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
        found: dict[str, object] = {"made": made.fetchall()}
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            quoted = name.replace('"', '""')
            rows = db.execute(f'SELECT rowid, * FROM "{quoted}" ORDER BY rowid')  # noqa: S608  # its own
            found[name] = rows.fetchall()
        found["version"] = db.execute("PRAGMA user_version").fetchall()
    return found


@pytest.mark.sqlite
def test_a_copy_of_a_database_in_use_has_everything_and_serves(tmp_path: Path) -> None:
    source, copy = tmp_path / "portal.db", tmp_path / "copy.db"
    db = PortalDatabase(source)
    db.open_here()
    ids = [db.run_here(register, number) for number in range(3)]
    back_up_file(source, copy, ())
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert content(copy) == content(source)
    db.run_here(register, 99)  # the service went on
    db.close_here()
    (tmp_path / "copy.db.key").write_bytes((tmp_path / "portal.db.key").read_bytes())
    restored = PortalDatabase(copy)
    restored.open_here()

    def found(tx: Transaction) -> list[str]:
        return [member.id for each in ids if (member := members.find_member(tx, each))]

    assert restored.read_here(found) == ids
    with pytest.raises(sqlite3.IntegrityError), closing(sqlite3.connect(copy)) as raw:
        raw.execute("DELETE FROM audit")  # its triggers came along
    restored.close_here()
    assert {path.name for path in tmp_path.iterdir()} >= {"portal.db", "copy.db"}
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("copy.db.t")]


@pytest.mark.sqlite
def test_what_is_left_out_stands_nowhere_in_the_copy(tmp_path: Path) -> None:
    source, copy = tmp_path / "portal.db", tmp_path / "copy.db"
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute('CREATE TABLE "odd ""name" (a, b AS (a || 1), c)')
        db.execute('INSERT INTO "odd ""name" (a, c) VALUES (1, 2)')
        db.execute("CREATE TABLE picture (id INTEGER PRIMARY KEY AUTOINCREMENT, content BLOB)")
        db.execute("INSERT INTO picture (content) VALUES (?)", (MARKER,))
        db.execute("CREATE INDEX picture_by_content ON picture (content)")
        back_up_file(source, copy, ("picture",))
        assert MARKER in source.read_bytes() + (tmp_path / "portal.db-wal").read_bytes()
    assert MARKER not in copy.read_bytes()
    found = content(copy)
    assert found["picture"] == []
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute('SELECT a, b, c FROM "odd ""name"').fetchall() == [(1, "11", 2)]


@pytest.mark.sqlite
def test_a_backup_that_cannot_be_made_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    source = tmp_path / "portal.db"
    with pytest.raises(BackupError, match="is not there"):
        back_up_file(source, tmp_path / "copy.db", ())
    source.write_bytes(b"no database at all" * 1000)
    with pytest.raises(BackupError, match="not a database"):
        back_up_file(source, tmp_path / "copy.db", ())
    (tmp_path / "old.db").write_bytes(b"the last good one")
    with pytest.raises(BackupError, match="is there already"):
        back_up_file(source, tmp_path / "old.db", ())
    with pytest.raises(BackupError, match="was not written"):
        back_up_file(source, tmp_path / "no folder" / "copy.db", ())
    assert {path.name for path in tmp_path.iterdir()} == {"portal.db", "old.db"}


def test_the_command_for_postgresql_holds_no_password() -> None:
    url = make_url("postgresql+psycopg://ankong:secret@db.example:5433/portal?password=secret2")
    words = dump_words(url, Path("/backups/portal.dump"), ("picture", "case_key"))
    assert not [word for word in words if "secret" in word]
    assert "--dbname=postgresql://ankong@db.example:5433/portal" in words
    assert words[-2:] == ["--exclude-table-data=picture", "--exclude-table-data=case_key"]


@pytest.mark.postgresql
def test_a_backup_of_postgresql_can_be_restored(
    postgres: PostgresTests, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CHOSEN.use_postgresql(postgres)
    db = CHOSEN.open_in(tmp_path)
    member = db.run_here(register, 1)
    db.close_here()
    pg_dump = find_program("pg_dump")
    assert pg_dump is not None
    monkeypatch.setenv("PATH", str(Path(pg_dump).parent), prepend=":")
    url = make_url(CHOSEN.settings_in(tmp_path)["db"])
    target = tmp_path / "portal.dump"
    back_up_server(url, target, ("session",))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    cluster.create_database("restored")
    cluster.restore("restored", target)
    assert cluster.query("restored", "SELECT id FROM member") == [member]
    with pytest.raises(BackupError, match="is there already"):
        back_up_server(url, target, ())
    wrong = url.set(database="no_such_database")
    with pytest.raises(BackupError, match=r"pg_dump failed: .*no_such_database"):
        back_up_server(wrong, tmp_path / "wrong.dump", ())
    assert not (tmp_path / "wrong.dump").exists()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BackupError, match="pg_dump is not installed here; where it is: pg_dump"):
        back_up_server(url, tmp_path / "other.dump", ())


def send_case(tx: Transaction, member: str) -> str:
    """Send an application online; return its number."""
    applying.begin(tx, member)
    number = generate_id_number(7)
    written = CaseForm(
        id_number=number, name="王測試", born=date(1990, 2, 28), document=DocumentKind.ID_CARD
    )
    applying.write_form(tx, member, written)
    for side in Side:
        applying.add_picture(tx, member, side, MARKER)
    return str(applying.send(tx, member).number)


def sealed_in(tx: Transaction) -> list[bytes]:
    """Return what an open case has: pictures and key, as they are kept."""
    found = [*tx.execute(select(PICTURE.c.sealed)).scalars()]
    return [bytes(each) for each in (*found, *tx.execute(select(CASE_KEY.c.wrapped)).scalars())]


@pytest.mark.sqlite
def test_neither_pictures_nor_keys_are_in_a_backup_and_whoever_waited_is_told(
    tmp_path: Path,
) -> None:
    source, copy = tmp_path / "portal.db", tmp_path / "copy.db"
    db = PortalDatabase(source)
    db.open_here()
    member = db.run_here(register, 1)
    case = db.run_here(send_case, member)
    sealed = db.read_here(sealed_in)
    assert len(sealed) == 3
    back_up_file(source, copy)
    assert not [each for each in sealed if each[:16] in copy.read_bytes()]
    assert db.run_here(end_lost_cases) == 0  # in the database in use nothing is lost
    db.close_here()
    restored = PortalDatabase(copy, key_file=tmp_path / "portal.db.key")
    restored.open_here()
    assert restored.run_here(end_lost_cases) == 1
    assert restored.run_here(end_lost_cases) == 0
    (ended,) = restored.read_here(cases_of_member, member)
    assert (ended.number, ended.state) == (case, CaseState.EXPIRED)
    kinds = restored.read_here(lambda tx: list(tx.execute(select(NOTICE.c.kind)).scalars()))
    assert kinds[-1] == "case_lost"
    restored.run_here(send_case, member)  # and may apply again
    restored.close_here()


@pytest.mark.postgresql
def test_neither_is_in_a_backup_of_postgresql(
    postgres: PostgresTests, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CHOSEN.use_postgresql(postgres)
    db = CHOSEN.open_in(tmp_path)
    db.run_here(send_case, db.run_here(register, 1))
    assert len(db.read_here(sealed_in)) == 3
    db.close_here()
    pg_dump = find_program("pg_dump")
    assert pg_dump is not None
    monkeypatch.setenv("PATH", str(Path(pg_dump).parent), prepend=":")
    target = tmp_path / "portal.dump"
    back_up_server(make_url(CHOSEN.settings_in(tmp_path)["db"]), target)
    cluster.create_database("restored_cases")
    cluster.restore("restored_cases", target)
    counted = [
        cluster.query("restored_cases", f"SELECT count(*) FROM {name}")  # noqa: S608  # ours
        for name in ("online_case", *LEFT_OUT)
    ]
    assert counted == [["1"], ["0"], ["0"]]
