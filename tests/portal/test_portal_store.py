"""Tables, migrations, rates, sealing and the chain of the audit."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from agent.portal import audit, members
from agent.portal.audit import AuditEvent
from agent.portal.contact import parse_contact
from agent.portal.store.database import PortalDatabase, PortalDatabaseError, database_url
from agent.portal.store.keyring import load_or_create_keyring
from agent.portal.store.rates import purge_rates, take
from agent.portal.store.sealing import UnsealError, seal, unseal
from agent.portal.store.tables import METADATA, UPGRADE
from agent.portal.store.transaction import Transaction
from agent.rate import Rate
from agent.relying import PresentedLogin
from tests.portal.databases import CHOSEN, DatabaseKind
from tests.portal.legacy_schema import STATEMENTS

_GUARDS = {
    DatabaseKind.SQLITE: ("audit_no_update", "audit_no_delete"),
    DatabaseKind.POSTGRESQL: ("audit_only_added_to ON audit",),
}
"""What keeps the audit from being changed."""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[PortalDatabase]:
    database = CHOSEN.open_in(tmp_path)
    yield database
    database.close_here()


def _left_behind(path: Path, version: int) -> None:
    """Make a database as a version before the migrations left it: two members, some lines."""
    keyring = load_or_create_keyring(path.with_name(f"{path.name}.key"))
    with sqlite3.connect(path) as connection:
        for statement in STATEMENTS:
            connection.execute(statement)
        if version == 1:
            connection.execute("ALTER TABLE audit DROP COLUMN claimed_time")
        check = keyring.digest("key-check")
        connection.execute("INSERT INTO setting VALUES ('key-check', ?)", (check,))
        gold = (
            "g" * 16,
            "王測試",
            10,
            "gold",
            20,
            "card",
            keyring.digest("id-number", b"x"),
            "6789",
        )
        connection.execute("INSERT INTO member VALUES (?, ?, ?, ?, ?, ?, ?, ?)", gold)
        connection.execute("INSERT INTO member (id, created) VALUES ('o', 30)")
        for member, kind, key in (("g" * 16, "card", "0" * 64), ("o", "mobile", "0900000001")):
            columns = "INSERT INTO login (member, kind, key, label, created) VALUES (?, ?, ?, ?, 1)"
            connection.execute(columns, (member, kind, key, "••••"))
        connection.execute(
            "INSERT INTO session (token_hash, member, created, expires) VALUES (?, 'o', 1, 2)",
            (bytes(32),),
        )
        for outcome in ("ok", "otp_incorrect", "ok"):
            line = "INSERT INTO audit (at, event, outcome, member) VALUES (9, 'login_otp', ?, 'o')"
            connection.execute(line, (outcome,))
        connection.execute(f"PRAGMA user_version={version}")


@pytest.mark.parametrize("version", [1, 2])
def test_a_database_of_an_older_version_is_taken_over(tmp_path: Path, version: int) -> None:
    path = tmp_path / "portal.db"
    _left_behind(path, version)
    database = PortalDatabase(path)
    database.open_here()

    def work(tx: Transaction) -> None:
        member = members.find_member(tx, "g" * 16)
        assert member is not None
        assert (member.name, member.gold_since, member.gold_way) == ("王測試", 20, "card")
        assert members.member_of_contact(tx, parse_contact("0900000001")) == "o"
        assert members.member_of_card(tx, "0" * 64) == "g" * 16
        assert [row.way for row in tx.execute(select(UPGRADE))] == ["card"]
        assert [line.outcome for line, _ in audit.lines(tx)] == ["ok", "otp_incorrect", "ok"]
        presented = PresentedLogin(claimed_time="2026-02-30T10:00:00Z")
        audit.record(tx, AuditEvent.LOGIN_CARD, "ok", member=None, presented=presented)
        assert audit.check_chain(tx) is None
        tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'legacy%'"
        assert tx.execute(text(tables)).scalar() == 0
        assert tx.execute(text("PRAGMA foreign_keys")).scalar() == 1

    database.run_here(work)
    database.close_here()
    again = PortalDatabase(path)
    again.open_here()
    again.close_here()
    with sqlite3.connect(path) as connection:  # an older program refuses what it does not know
        assert connection.execute("PRAGMA user_version").fetchone()[0] > 2


@pytest.mark.both_databases
def test_the_migrations_lead_to_the_tables_that_the_program_knows(db: PortalDatabase) -> None:
    def differences(tx: Transaction) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(
            compare_metadata(MigrationContext.configure(tx.connection, opts=options), METADATA)
        )

    assert db.run_here(differences) == []


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "portal.db"
    _left_behind(path, 2)
    with sqlite3.connect(path) as connection:  # a row that refers to nobody
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("UPDATE login SET member = 'nobody' WHERE kind = 'card'")
    with pytest.raises(PortalDatabaseError, match="refer to what is not there"):
        PortalDatabase(path).open_here()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 2
        assert connection.execute("SELECT count(*) FROM audit").fetchone()[0] == 3


@pytest.mark.parametrize(
    "address", ["mysql://host/db", "sqlite:///x", "postgresql://h:x/d", "http://example.test/"]
)
def test_an_address_of_no_database_is_refused(address: str) -> None:
    with pytest.raises(PortalDatabaseError):
        database_url(address)


def test_a_database_of_postgresql_needs_a_key_file() -> None:
    with pytest.raises(PortalDatabaseError, match="key file"):
        PortalDatabase("postgresql://localhost/portal")


@pytest.mark.both_databases
def test_tokens_are_spent_and_come_back(db: PortalDatabase) -> None:
    now = [1_000_000.0]
    db._clock = lambda: now[0]
    rate = Rate(burst=3, per_second=0.5)

    def taken(count: int, key: str = "a", name: str = "n") -> list[bool]:
        return [db.run_apart(take, name, (key,), rate) for _ in range(count)]

    assert taken(5) == [True] * 3 + [False] * 2
    assert taken(1, key="b") == taken(1, name="m") == [True]
    now[0] += 2
    assert taken(2) == [True, False]
    now[0] += 1_000
    assert taken(4) == [True] * 3 + [False]
    now[0] -= 500_000  # a clock that is set back locks nobody out
    assert taken(4) == [True] * 3 + [False]


@pytest.mark.both_databases
def test_full_buckets_are_forgotten(db: PortalDatabase) -> None:
    now = [1_000_000.0]
    db._clock = lambda: now[0]
    db.run_apart(take, "n", ("a",), Rate(2, 1))
    db.run_apart(take, "n", ("b",), Rate(2, 0))
    assert db.run_here(purge_rates) == 0
    now[0] += 5
    assert db.run_here(purge_rates) == 1
    assert [db.run_apart(take, "n", ("b",), Rate(2, 0)) for _ in range(2)] == [True, False]


@given(st.binary(max_size=200), st.binary(max_size=20), st.data())
def test_what_is_sealed_opens_only_as_it_was_sealed(
    plaintext: bytes, bound_to: bytes, data: st.DataObject
) -> None:
    key = bytes(range(32))
    sealed = seal(key, plaintext, bound_to)
    assert unseal(key, sealed, bound_to) == plaintext
    position = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[position] ^= 1
    for other in (
        (key, bytes(changed), bound_to),
        (key, sealed, bound_to + b"x"),
        (bytes(32), sealed, bound_to),
        (key, sealed[:-1], bound_to),
        (key, b"", bound_to),
    ):
        with pytest.raises(UnsealError):
            unseal(*other)


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET outcome = 'ok' WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 2", 2),
        ("UPDATE audit SET staff = 7 WHERE id = 4", 4),
        ("UPDATE audit SET id = id + 1 WHERE id = 4", 4),
    ],
)
def test_whoever_changes_the_audit_breaks_its_chain(
    db: PortalDatabase, statement: str, broken: int
) -> None:
    def work(tx: Transaction) -> None:
        for number in range(4):
            audit.record(tx, AuditEvent.LOGOUT, f"outcome-{number}", subject="n", staff=number)
        assert audit.check_chain(tx) is None
        for trigger in _GUARDS[CHOSEN.kind]:
            tx.execute(text(f"DROP TRIGGER {trigger}"))
        tx.execute(text(statement))
        assert audit.check_chain(tx) == broken

    db.run_here(work)
