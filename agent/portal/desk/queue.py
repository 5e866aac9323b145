"""The queue of applications as a reviewer sees it: numbers and ages, nobody's data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from typing import Final

from sqlalchemy import ColumnElement, and_, func, literal, select

from agent.portal.desk.showing import LATE_AFTER
from agent.portal.moments import day_in_taipei, start_of_day
from agent.portal.online.numbers import parse_case_number
from agent.portal.online.records import (
    COLUMNS,
    Case,
    are_waiting,
    as_case,
    is_held,
    oldest_cases,
)
from agent.portal.online.states import CaseKind, CaseState
from agent.portal.online.tables import CASE
from agent.portal.online.workdays import workdays_between
from agent.portal.staff.register import StaffMember, find_staff
from agent.portal.store.transaction import Transaction

LONGEST: Final = 50
"""Cases that are listed; the others come when these are done, or by a filter."""
MOST_COUNTED: Final = 999
"""Cases of a list that are counted, so that a long queue opens as fast as a short one."""


@unique
class QueueView(StrEnum):
    """Which cases are listed; the words are ``desk.view`` and the name."""

    WAITING = "waiting"
    MINE = "mine"
    HELD = "held"
    ASKED = "asked"
    DECIDED = "decided"


@unique
class QueueKind(StrEnum):
    """Which of them are wanted; the words are ``desk.kind`` and the name."""

    FIRST = "first"
    ANSWERED = "answered"
    SECOND = "second"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """What a reviewer asks for.

    Attributes:
        view: which list.
        kind: which of its cases; None for all.
        typed: a case number as it was entered; it counts if it is not empty.

    """

    view: QueueView = QueueView.WAITING
    kind: QueueKind | None = None
    typed: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "QueueFilter":
        """Return what an address asks for; what is unknown there is not asked for."""
        view, kind = query.get("show", ""), query.get("kind", "")
        return cls(
            QueueView(view) if view in set(QueueView) else QueueView.WAITING,
            QueueKind(kind) if kind in set(QueueKind) else None,
            query.get("number", "").strip()[:32],
        )


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One case of the list.

    Attributes:
        number: of the case.
        sent: when it was sent first, in seconds since 1970.
        age: how many working days ago that was.
        is_late: whether that is longer than applicants are told.
        state: where it stands.
        holder: the name of a colleague who has it now.
        is_mine: whether the reviewer has it now.
        is_closing: whether it is for closing an account.
        is_answered: whether the applicant has sent more.
        has_proposal: whether it waits for a second reviewer.
        can_claim: whether the reviewer may take it, as far as can be seen from outside.

    """

    number: str
    sent: int
    age: int
    is_late: bool
    state: CaseState
    holder: str | None
    is_mine: bool
    is_closing: bool
    is_answered: bool
    has_proposal: bool
    can_claim: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """What the page shows.

    Attributes:
        rows: oldest first, at most :data:`LONGEST`.
        has_more: whether there are others.
        counts: how many cases each list has; above :data:`MOST_COUNTED` only that it has more.

    """

    rows: list[QueueRow]
    has_more: bool
    counts: dict[QueueView, int]

    def shown(self, view: QueueView) -> str:
        """Return the count of a list as it is written: ``999+`` for what is not counted."""
        count = self.counts[view]
        return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count)


def read_queue(
    tx: Transaction, staff: StaffMember, wanted: QueueFilter, holidays: Collection[date]
) -> Queue:
    """Return the cases that a reviewer asks for.

    Args:
        tx: a transaction that only reads.
        staff: the reviewer.
        wanted: which cases.
        holidays: days on which nobody works, besides Saturdays and Sundays.

    """
    more = []
    if wanted.kind is not None:
        more.append(_of_kind(wanted.kind))
    if wanted.typed:
        more.append(CASE.c.number == (parse_case_number(wanted.typed) or ""))
    list_cases = _newest_decided if wanted.view is QueueView.DECIDED else oldest_cases
    found = list_cases(tx, _of_view(wanted.view, staff.id, tx.now), LONGEST + 1, *more)
    rows = [_row(tx, case, staff, holidays) for case in found[:LONGEST]]
    counts = {view: _count(tx, _of_view(view, staff.id, tx.now)) for view in QueueView}
    return Queue(rows, len(found) > LONGEST, counts)


def age_of(case: Case, now: int, holidays: Collection[date]) -> int:
    """Return for how many working days a case has waited, or had waited when it ended."""
    first, last = map(day_in_taipei, (case.sent_at or now, case.ended or now))
    return workdays_between(first, last, holidays)


def _of_view(view: QueueView, staff: int, now: int) -> Sequence[ColumnElement[bool]]:
    """Return which cases a list has, as :func:`oldest_cases` takes it."""
    match view:
        case QueueView.WAITING:
            return are_waiting(now)
        case QueueView.MINE:
            return (and_(is_held(now), CASE.c.claimed_by == staff),)
        case QueueView.HELD:
            return (and_(is_held(now), CASE.c.claimed_by != staff),)
        case QueueView.ASKED:
            return (CASE.c.state == CaseState.NEEDS_MORE.value,)
        case QueueView.DECIDED:
            today = CASE.c.ended >= start_of_day(day_in_taipei(now))
            return (and_(CASE.c.decided_by == staff, today),)


def _newest_decided(
    tx: Transaction, either: Sequence[ColumnElement[bool]], limit: int, *more: ColumnElement[bool]
) -> list[Case]:
    statement = select(*COLUMNS).where(*either, *more)
    rows = tx.execute(statement.order_by(CASE.c.ended.desc(), CASE.c.id).limit(limit))
    return [as_case(row) for row in rows]


def _of_kind(kind: QueueKind) -> ColumnElement[bool]:
    if kind is QueueKind.SECOND:
        return CASE.c.proposed_by.is_not(None)
    if kind is QueueKind.CLOSING:
        # Written out, as an index of a part of the table is found by its text.
        return CASE.c.kind == literal(CaseKind.CLOSING.value, literal_execute=True)
    if kind is QueueKind.ANSWERED:
        return CASE.c.asked_at.is_not(None)
    return CASE.c.asked_at.is_(None)


def _count(tx: Transaction, either: Sequence[ColumnElement[bool]]) -> int:
    """Return how many cases there are, and no more than one above :data:`MOST_COUNTED`."""
    total = 0
    for condition in either:
        some = select(literal(1)).select_from(CASE).where(condition).limit(MOST_COUNTED + 1)
        total += int(tx.execute(select(func.count()).select_from(some.subquery())).scalar() or 0)
    return min(total, MOST_COUNTED + 1)


def _row(tx: Transaction, case: Case, staff: StaffMember, holidays: Collection[date]) -> QueueRow:
    is_held = case.is_claimed(tx.now)
    is_mine = is_held and case.claimed_by == staff.id
    age = age_of(case, tx.now, holidays)
    is_open = case.state in {CaseState.SENT, CaseState.IN_REVIEW}
    return QueueRow(
        number=case.number or "",
        sent=case.sent_at or case.created,
        age=age,
        is_late=is_open and age > LATE_AFTER,
        state=case.state,
        holder=name_of(tx, case.claimed_by) if is_held and not is_mine else None,
        is_mine=is_mine,
        is_closing=case.kind is CaseKind.CLOSING,
        is_answered=case.asked_at is not None and case.state is not CaseState.NEEDS_MORE,
        has_proposal=case.proposed_by is not None,
        can_claim=is_open and not is_held and case.proposed_by != staff.id,
    )


def name_of(tx: Transaction, number: int | None) -> str | None:
    """Return the name of a member of staff, also of one who has left."""
    found = None if number is None else find_staff(tx, number)
    return None if found is None else found.name
