"""The operator's command: what it says, and with which exit status."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.portal import members, sessions
from agent.portal.contact import parse_contact
from agent.portal.operations.command import main
from agent.portal.store.schema import HEAD
from tests.portal.databases import CHOSEN
from tests.portal.postgres import Cluster

pytestmark = pytest.mark.sqlite
Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ANKONG_PORTAL_DB", raising=False)
    monkeypatch.delenv("ANKONG_PORTAL_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


def test_tables_are_made_and_a_second_time_nothing_is_done(capsys: Said) -> None:
    for _ in range(2):
        assert main(["migrate", "--db", "new.db"]) == 0
        assert capsys.readouterr().out == f"the tables are of version {HEAD}\n"
    assert Path("new.db.key").stat().st_size == 32


def test_flags_come_before_the_environment_and_that_before_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("portal.toml").write_text(
        'db = "file.db"\nport = 1\nanchors = ["a"]\nics_url = "https://ics.test/"\n', "utf-8"
    )
    assert main(["migrate", "--config", "portal.toml"]) == 0
    assert Path("file.db").exists()
    monkeypatch.setenv("ANKONG_PORTAL_DB", "environment.db")
    monkeypatch.setenv("ANKONG_PORTAL_KEY", "environment.key")
    assert main(["migrate", "--config", "portal.toml"]) == 0
    assert Path("environment.db").exists()
    assert Path("environment.key").exists()
    assert main(["migrate", "--config", "portal.toml", "--db", "flag.db"]) == 0
    assert Path("flag.db").exists()


def test_a_server_s_tables_are_made_by_command_only(
    cluster: Cluster, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANKONG_PORTAL_DB", cluster.create_database("by_command"))
    assert main(["purge"]) == 2
    assert "needs a key file" in capsys.readouterr().err
    monkeypatch.setenv("ANKONG_PORTAL_KEY", "server.key")
    assert main(["purge"]) == 2
    assert "ankong-portal migrate" in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert main(["purge"]) == 0


def test_what_is_over_is_deleted(capsys: Said, tmp_path: Path) -> None:
    db = CHOSEN.open_in(tmp_path, clock=lambda: 1_000.0)
    db.run_here(sessions.open_session)
    db.run_here(members.register, parse_contact("0900000001"))
    db.close_here()
    assert main(["purge", "--db", "portal.db"]) == 0
    assert "sessions: 1\n" in capsys.readouterr().out
    assert main(["purge", "--db", "portal.db"]) == 0
    assert "sessions: 0\n" in capsys.readouterr().out


def test_a_backup_says_what_is_not_in_it(capsys: Said) -> None:
    assert main(["migrate", "--db", "portal.db"]) == 0
    capsys.readouterr()
    assert main(["backup", "--db", "portal.db", "copy.db"]) == 0
    said = capsys.readouterr().out
    assert "copy.db has everything but pictures of documents" in said
    with closing(sqlite3.connect("copy.db")) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    assert main(["backup", "--db", "portal.db", "copy.db"]) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["migrate", "--db", "no folder/portal.db"], "no folder/portal.db"),
        (["migrate", "--db", "mysql://localhost/x"], "mysql"),
        (["migrate", "--db", "postgresql://localhost:1/x"], "key file"),
        (["migrate", "--config", "missing.toml"], "missing.toml"),
        (["backup", "--db", "missing.db", "copy.db"], "missing.db is not there"),
        (["serve", "--db", "x.db"], "anchor"),
        ([], "anchor"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_said_in_a_line(
    words: list[str], complaint: str, capsys: Said
) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert complaint in said.err


@pytest.mark.parametrize(
    "secret_address",
    [
        "postgresql://ankong:s3cret@127.0.0.1:1/portal",
        "postgresql://ankong@127.0.0.1:1/portal?password=s3cret",
        "postgresql://ankong:s3cret@127.0.0.1:notaport/portal",
    ],
)
def test_no_password_is_ever_shown(secret_address: str, capsys: Said) -> None:
    assert main(["migrate", "--db", secret_address, "--key-file", "server.key"]) == 2
    said = capsys.readouterr()
    assert "s3cret" not in said.err
    assert "portal: " in said.err


def test_the_commands_are_listed(capsys: Said) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for name in ("serve", "migrate", "backup", "purge"):
        assert f"\n    {name}" in said


def test_a_database_of_the_future_is_left_alone(capsys: Said) -> None:
    assert main(["migrate", "--db", "portal.db"]) == 0
    with closing(sqlite3.connect("portal.db")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    before = Path("portal.db").read_bytes()
    for command in ("migrate", "purge"):
        assert main([command, "--db", "portal.db"]) == 2
        assert "9999" in capsys.readouterr().err
    assert Path("portal.db").read_bytes() == before
