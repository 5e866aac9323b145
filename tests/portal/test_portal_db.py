"""What the database keeps, whatever happens to the process and whoever writes to it."""

import asyncio
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import CursorResult, update
from sqlalchemy.exc import DataError, IntegrityError

from agent.portal import audit, challenges, members, sessions
from agent.portal.audit import AuditEvent
from agent.portal.challenges import ChallengePurpose
from agent.portal.contact import parse_contact
from agent.portal.members import CardLogin, Proven, Way
from agent.portal.store.database import PortalDatabase, PortalDatabaseError
from agent.portal.store.keyring import Keyring, load_or_create_keyring
from agent.portal.store.tables import MEMBER
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from tests.portal.databases import CHOSEN, DatabaseKind

ROUNDS = 5


def _proven(number: int, card: int | None = None) -> Proven:
    login = CardLogin(f"{number if card is None else card:064x}", "••••")
    return Proven(Way.CARD, generate_id_number(number), None, {"card": True}, card=login)


def _sql(tx: Transaction, statement: str) -> CursorResult[Any]:
    return tx.connection.exec_driver_sql(statement)


@pytest.fixture
def db(tmp_path: Path) -> PortalDatabase:
    return CHOSEN.open_in(tmp_path)


def _register(tx: Transaction, contact: str = "0900000001") -> str:
    return members.register(tx, parse_contact(contact))


@pytest.mark.both_databases
def test_a_kill_at_any_moment_leaves_whole_members_and_all_that_was_answered(
    tmp_path: Path,
) -> None:
    answered: set[str] = set()
    for number in range(ROUNDS):
        answered |= _hammer_and_kill(tmp_path, number)
        _check_invariants(tmp_path, answered)
    assert len(answered) > ROUNDS


def _hammer_and_kill(folder: Path, number: int) -> set[str]:
    settings = CHOSEN.settings_in(folder)
    key = [settings["key_file"]] if "key_file" in settings else []
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.portal.hammer", settings["db"], str(number), *key],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    # The first one may be killed while the tables are made, the others once they are at work.
    lines = [process.stdout.readline()] if number else []
    delay = random.uniform(0, 0.3 if number else 1)  # noqa: S311 - any moment is as good
    killer = threading.Timer(delay, process.send_signal, [signal.SIGKILL])
    killer.start()
    lines += process.stdout.readlines()
    killer.join()
    _, complaints = process.communicate()
    assert process.returncode == -signal.SIGKILL, complaints
    return {line.split()[1] for line in lines if line.startswith("gold ") and line.endswith("\n")}


def _check_invariants(folder: Path, answered: set[str]) -> None:
    database = CHOSEN.open_in(folder)
    try:
        database.run_here(_check_all, answered)
    finally:
        database.close_here()


def _check_all(tx: Transaction, answered: set[str]) -> None:
    if tx.connection.dialect.name == "sqlite":
        assert [tuple(row) for row in _sql(tx, "PRAGMA integrity_check")] == [("ok",)]
        assert _sql(tx, "PRAGMA foreign_key_check").fetchall() == []
    assert audit.check_chain(tx) is None
    gold = {row.id for row in _sql(tx, "SELECT id FROM member WHERE grade = 'gold'")}
    assert answered <= gold
    numbers = _sql(tx, "SELECT id_number_hash FROM member WHERE grade = 'gold'").fetchall()
    assert len({row[0] for row in numbers}) == len(gold)
    for sql in (
        # gold without the card's login, without an audit line, or without a settled challenge
        """SELECT id FROM member WHERE grade = 'gold' AND 1 <> (
            SELECT count(*) FROM login WHERE member = member.id AND kind = 'card')""",
        """SELECT id FROM member WHERE grade = 'gold' AND 1 <> (SELECT count(*) FROM audit
            WHERE audit.member = member.id AND event = 'upgrade_card' AND outcome = 'ok')""",
        """SELECT id FROM member WHERE grade = 'gold' AND 1 <> (SELECT count(*) FROM challenge
            WHERE challenge.member = member.id AND outcome = 'ok')""",
        # a member who is not gold but has a card, or a settled challenge
        """SELECT login.id FROM login JOIN member ON login.member = member.id
            WHERE kind = 'card' AND grade <> 'gold'""",
        """SELECT challenge.id FROM challenge JOIN member ON challenge.member = member.id
            WHERE outcome = 'ok' AND grade <> 'gold'""",
        # a member whom nobody can be
        "SELECT id FROM member WHERE NOT EXISTS (SELECT 1 FROM login WHERE member = member.id)",
    ):
        assert _sql(tx, sql).fetchall() == [], sql


@pytest.mark.sqlite
def test_it_is_written_through_and_checks_references(db: PortalDatabase) -> None:
    def pragmas(tx: Transaction) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [_sql(tx, f"PRAGMA {name}").scalar() for name in names]

    assert db.run_here(pragmas) == ["wal", 2, 1]
    db.close_here()


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE member SET grade = 'gold'",
        "UPDATE member SET gold_since = 1",
        "UPDATE member SET grade = 'platinum'",
        "UPDATE member SET id_number_hash = CAST('0' AS {octets})",
        "INSERT INTO login (member, kind, key, label, created) VALUES ('x', 'email', 'a', '', 0)",
        "INSERT INTO login SELECT NULL, member, kind, key, label, created FROM login",
        "INSERT INTO login SELECT NULL, member, 'fax', key, label, created FROM login",
        "UPDATE audit SET chain = CAST('0' AS {octets})",
        "UPDATE member SET id = NULL, created = 'yesterday'",
        "DELETE FROM member",
        "DELETE FROM audit",
        "UPDATE audit SET outcome = 'nothing'",
    ],
)
def test_the_tables_themselves_refuse_what_may_not_be(sql: str, db: PortalDatabase) -> None:
    def work(tx: Transaction) -> None:
        audit.record(tx, AuditEvent.REGISTERED, "ok", member=_register(tx))

    db.run_here(work)
    octets = "BLOB" if CHOSEN.kind is DatabaseKind.SQLITE else "BYTEA"
    with pytest.raises((IntegrityError, DataError)):
        db.run_here(lambda tx: _sql(tx, sql.format(octets=octets)))
    db.close_here()


@pytest.mark.both_databases
def test_an_id_number_or_a_card_belongs_to_one_member(db: PortalDatabase) -> None:
    def work(tx: Transaction) -> list[object]:
        first, second = _register(tx), _register(tx, "0900000002")
        return [
            members.make_gold(tx, first, _proven(1)),
            members.make_gold(tx, first, _proven(2)),
            members.make_gold(tx, second, _proven(1, card=9)),
            members.make_gold(tx, second, _proven(9, card=1)),
            members.make_gold(tx, second, _proven(9)),
        ]

    assert db.run_here(work) == [None, "already_gold", "id_number_taken", "id_number_taken", None]
    with pytest.raises(IntegrityError):
        db.run_here(lambda tx: tx.execute(update(MEMBER).values(id_number_hash=bytes(32))))
    db.close_here()


@pytest.mark.both_databases
def test_a_used_challenge_cannot_be_used_again_even_by_a_mistake_of_ours(
    db: PortalDatabase,
) -> None:
    def work(tx: Transaction) -> None:
        session = sessions.open_session(tx).session
        challenge = challenges.issue(tx, session, ChallengePurpose.LOGIN)
        challenges.claim(tx, session, ChallengePurpose.LOGIN, challenge.id, bytes(32))

    db.run_here(work)
    for sql in (
        "UPDATE challenge SET used_at = 2",
        "UPDATE challenge SET signature_hash = NULL, used_at = NULL",
    ):
        with pytest.raises(IntegrityError, match="used once"):
            db.run_here(lambda tx, sql=sql: _sql(tx, sql))
    db.close_here()


@pytest.mark.both_databases
def test_work_that_fails_leaves_nothing(db: PortalDatabase) -> None:
    def work(tx: Transaction) -> None:
        _register(tx)
        raise KeyError

    with pytest.raises(KeyError):
        db.run_here(work)
    assert db.run_here(lambda tx: _sql(tx, "SELECT count(*) FROM member").scalar()) == 0
    db.close_here()


@pytest.mark.sqlite
async def test_the_loop_goes_on_while_the_database_works(tmp_path: Path) -> None:
    database = PortalDatabase(tmp_path / "portal.db")
    await database.open()
    began, go_on = threading.Event(), threading.Event()

    def slow(_: Transaction) -> None:
        began.set()
        go_on.wait(30)

    busy = asyncio.create_task(database.run(slow))
    await asyncio.to_thread(began.wait, 30)
    waiting = asyncio.create_task(database.run(_register))
    await asyncio.sleep(0)
    assert not busy.done()
    go_on.set()
    await busy
    assert len(await waiting) == 16
    await database.close()


@pytest.mark.both_databases
def test_sessions_end_but_not_before_their_children(db: PortalDatabase) -> None:
    clock = [1_000.0]
    db._clock = lambda: clock[0]

    def begin(tx: Transaction) -> tuple[str, str]:
        opened = sessions.open_session(tx)
        return opened.token, sessions.log_in(tx, opened.session, _register(tx)).token

    first, _ = db.run_here(begin)

    def log_in_later(tx: Transaction) -> str:
        session = sessions.find_session(tx, first)
        assert session is not None
        return sessions.log_in(tx, session, _register(tx, "0900000002")).token

    clock[0] += sessions.LIFETIME - 1
    late = db.run_here(log_in_later)
    clock[0] += 2
    db.run_here(sessions.purge_sessions)
    assert db.run_here(sessions.find_session, first) is None
    assert db.run_here(sessions.find_session, late) is not None
    clock[0] += sessions.LIFETIME
    for _ in range(2):  # a parent goes in the round after its last child
        db.run_here(sessions.purge_sessions)
    assert db.run_here(lambda tx: _sql(tx, "SELECT count(*) FROM session").scalar()) == 0
    db.close_here()


@pytest.mark.sqlite
def test_the_key_lies_beside_the_database_for_its_owner_only(
    tmp_path: Path, db: PortalDatabase
) -> None:
    db.close_here()
    for name in ("portal.db", "portal.db.key"):
        mode = stat.S_IMODE((tmp_path / name).stat().st_mode)
        assert mode == 0o600, name
    assert (tmp_path / "portal.db.key").read_bytes() not in (tmp_path / "portal.db").read_bytes()


@pytest.mark.sqlite
def test_a_database_without_its_key_or_with_another_is_refused(
    tmp_path: Path, db: PortalDatabase
) -> None:
    db.close_here()
    key = tmp_path / "portal.db.key"
    kept = key.read_bytes()
    for content, complaint in ((bytes(32), "another database"), (b"short", "32 bytes")):
        key.write_bytes(content)
        with pytest.raises(PortalDatabaseError, match=complaint):
            PortalDatabase(tmp_path / "portal.db").open_here()
    key.unlink()
    with pytest.raises(PortalDatabaseError, match="missing"):
        PortalDatabase(tmp_path / "portal.db").open_here()
    assert not key.exists()
    key.write_bytes(kept)
    db.open_here()
    db.close_here()


@pytest.mark.parametrize("content", [b"not a database at all, only a long line of text" * 40])
def test_another_file_is_not_taken_for_a_database(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "portal.db").write_bytes(content)
    (tmp_path / "portal.db.key").write_bytes(bytes(32))
    with pytest.raises(PortalDatabaseError):
        PortalDatabase(tmp_path / "portal.db").open_here()
    assert (tmp_path / "portal.db").read_bytes() == content


@pytest.mark.sqlite
def test_a_database_of_the_future_is_left_alone(tmp_path: Path, db: PortalDatabase) -> None:
    db.run_here(lambda tx: _sql(tx, "PRAGMA user_version=99"))
    db.close_here()
    with pytest.raises(PortalDatabaseError, match="99"):
        PortalDatabase(tmp_path / "portal.db").open_here()


def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = PortalDatabase(tmp_path / "portal.db")
    with pytest.raises(PortalDatabaseError):
        database.run_here(_register)
    with pytest.raises(PortalDatabaseError):
        _ = database.keyring


def test_many_processes_that_begin_at_once_get_one_key(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from agent.portal.store.keyring import *;"
        "print(load_or_create_keyring(Path(sys.argv[1])).digest('x').hex())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "key")], stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in processes}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_digests_are_bound_to_key_label_and_the_borders_of_parts(tmp_path: Path) -> None:
    keyring, other = Keyring(bytes(32)), load_or_create_keyring(tmp_path / "key")
    digests = {
        keyring.digest("a", b"bc", b"d"),
        keyring.digest("a", b"b", b"cd"),
        keyring.digest("b", b"bc", b"d"),
        keyring.digest("a", b"bcd"),
        other.digest("a", b"bc", b"d"),
    }
    assert len(digests) == 5
    assert keyring.digest("a", b"bc", b"d") in digests
    assert "0" not in repr(keyring)


def test_time_is_taken_once_for_a_transaction(db: PortalDatabase) -> None:
    moments = iter([10.0, 20.0])
    db._clock = lambda: next(moments)

    def work(tx: Transaction) -> tuple[int, int]:
        time.sleep(0)
        return tx.now, tx.now

    assert db.run_here(work) == (10, 10)
    db.close_here()
