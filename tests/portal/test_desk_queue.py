"""The queue of applications where it is long: its order, what is counted, and what is read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert

from agent.portal.contact import parse_contact
from agent.portal.desk.queue import (
    MOST_COUNTED,
    Queue,
    QueueFilter,
    QueueKind,
    QueueView,
    read_queue,
)
from agent.portal.members import card_login, register
from agent.portal.online import reviewing
from agent.portal.online.states import CaseRules, CaseState
from agent.portal.online.tables import CASE
from agent.portal.staff.register import Role, StaffMember, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from tests.portal.databases import CHOSEN

SENT, IN_REVIEW = CaseState.SENT.value, CaseState.IN_REVIEW.value
EVERY_FILTER = [
    QueueFilter(view, kind, typed)
    for view in QueueView
    for kind in (None, *QueueKind)
    for typed in ("", "7K3-M92-QFX")
]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[PortalDatabase]:
    opened = CHOSEN.open_in(tmp_path)
    yield opened
    opened.close_here()


def reviewer(tx: Transaction, number: int = 0) -> StaffMember:
    return add_staff(tx, f"林測試{number}", card_login(tx, "C=TW", str(number)), [Role.REVIEWER])


def send(tx: Transaction, sent_at: int, **facts: Any) -> str:
    """Add a case past the pages; return its number."""
    number = f"{sent_at:09}"
    values = {"state": SENT, "created": 1, "sent_at": sent_at, "form": b"sealed", **facts}
    member = register(tx, parse_contact(f"m{sent_at}@example.test"))
    tx.execute(insert(CASE).values(number=number, member=member, **values))
    return number


def look(tx: Transaction, staff: StaffMember) -> Queue:
    return read_queue(tx, staff, QueueFilter(), frozenset())


@pytest.mark.both_databases
def test_a_claim_that_is_over_stands_where_its_case_was_sent(db: PortalDatabase) -> None:
    def fill(tx: Transaction) -> StaffMember:
        staff, other = reviewer(tx, 1), reviewer(tx, 2)
        over = {"state": IN_REVIEW, "claimed_by": other.id, "claimed_until": tx.now - 1}
        held = over | {"claimed_until": tx.now + 60}
        for sent_at, facts in ((30, {}), (10, over), (20, {}), (15, held), (40, over)):
            send(tx, sent_at, **facts)
        return staff

    staff = db.run_here(fill)
    rows = db.read_here(look, staff).rows
    assert [row.sent for row in rows] == [10, 20, 30, 40]
    next_ones = db.read_here(reviewing.queue, staff.id, CaseRules(), limit=3)
    assert [line.case.sent_at for line in next_ones] == [10, 20, 30]


@pytest.mark.both_databases
def test_what_is_more_than_can_be_read_is_not_counted(db: PortalDatabase) -> None:
    def fill(tx: Transaction) -> StaffMember:
        for sent_at in range(1, MOST_COUNTED):
            send(tx, sent_at)
        over = {"state": IN_REVIEW, "claimed_by": reviewer(tx, 1).id, "claimed_until": 1}
        send(tx, MOST_COUNTED, **over)
        return reviewer(tx, 2)

    staff = db.run_here(fill)
    full = db.read_here(look, staff)
    assert full.shown(QueueView.WAITING) == str(MOST_COUNTED)
    assert full.has_more
    for more in (1, 2):
        db.run_here(send, MOST_COUNTED + more)
        assert db.read_here(look, staff).shown(QueueView.WAITING) == f"{MOST_COUNTED}+"


@pytest.mark.sqlite
@pytest.mark.parametrize("wanted", EVERY_FILTER, ids=lambda wanted: f"{wanted.view}-{wanted.kind}")
def test_no_list_reads_all_cases_or_sorts_them(db: PortalDatabase, wanted: QueueFilter) -> None:
    plans = db.run_here(plans_of, wanted)
    assert plans
    for steps in plans:
        assert not [step for step in steps if step.startswith("SCAN online_case")], steps
        assert "USE TEMP B-TREE FOR ORDER BY" not in steps


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("kind", "index"),
    [
        (QueueKind.ANSWERED, "online_case_answered"),
        (QueueKind.SECOND, "online_case_proposed"),
        (QueueKind.CLOSING, "online_case_closing"),
    ],
)
def test_few_cases_of_a_long_queue_have_their_own_index(
    db: PortalDatabase, kind: QueueKind, index: str
) -> None:
    def plans(tx: Transaction) -> list[list[str]]:
        for sent_at in range(1, 200):
            send(tx, sent_at)
        tx.connection.exec_driver_sql("ANALYZE")
        return plans_of(tx, QueueFilter(kind=kind))

    used = [step for steps in db.run_here(plans) for step in steps]
    assert any(f"USING INDEX {index} " in step for step in used), used


def plans_of(tx: Transaction, wanted: QueueFilter) -> list[list[str]]:
    """Return how SQLite does what the queue and the next case ask of the table of cases."""
    asked: list[tuple[str, Sequence[Any]]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "FROM online_case" in statement:
            asked.append((statement, values))

    staff = reviewer(tx)
    event.listen(tx.connection, "before_cursor_execute", note)
    read_queue(tx, staff, wanted, frozenset())
    reviewing.queue(tx, staff.id, CaseRules(), limit=20)
    event.remove(tx.connection, "before_cursor_execute", note)
    return [
        [row[-1] for row in tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
        for sql, values in asked
    ]
