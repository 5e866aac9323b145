"""Read and write the rows of cases: what every transition is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Row, and_, insert, select, update

from agent.portal import audit
from agent.portal.audit import AuditEvent
from agent.portal.errors import PortalCode, PortalError
from agent.portal.moments import CLOCKS_DIFFER
from agent.portal.online import vault
from agent.portal.online.states import CLAIM_LIFETIME, CaseForm, CaseKind, CaseState
from agent.portal.online.tables import CASE, STEP
from agent.portal.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CaseStep:
    """One step of a case: when it came into a state, and by whose hand (None: the member's)."""

    at: int
    state: CaseState
    staff: int | None


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """A case without what is sealed.

    Attributes:
        id: of its row.
        number: as people know it; None of a draft.
        member: who applies.
        kind: for what.
        state: where it stands.
        created: seconds since 1970, as all times here.
        sent_at: the first time that it was sent.
        claimed_by: the number of the reviewer who has it, or had it last.
        claimed_until: until when.
        question: what the reviewer needs more.
        asked_at: when that was; it is asked once.
        deadline: until when it has to be answered.
        proposed_by: who of two reviewers has decided already.
        proposal: "approve", or the reason for a refusal.
        decided_by: who decided.
        reason: of a refusal.
        taken_by: the masked contact of the member whose ID number it is already.
        ended: when it was decided, withdrawn or expired.

    """

    id: int
    number: str | None
    member: str
    kind: CaseKind
    state: CaseState
    created: int
    sent_at: int | None
    claimed_by: int | None
    claimed_until: int | None
    question: str | None
    asked_at: int | None
    deadline: int | None
    proposed_by: int | None
    proposal: str | None
    decided_by: int | None
    reason: str | None
    taken_by: str | None
    ended: int | None

    def is_claimed(self, now: int) -> bool:
        """Return whether a reviewer has it at this time."""
        return (
            self.state is CaseState.IN_REVIEW
            and self.claimed_until is not None
            and now < self.claimed_until <= _latest_claim(now)
        )


COLUMNS = [CASE.c[name] for name in Case.__dataclass_fields__]


def _latest_claim(now: int) -> int:
    """Return until when a claim can be; one of a clock that was ahead must not hold a case up."""
    return now + CLAIM_LIFETIME + CLOCKS_DIFFER


def is_held(now: int) -> ColumnElement[bool]:
    """Return which cases a reviewer has at this time, as :meth:`Case.is_claimed`."""
    until = CASE.c.claimed_until.between(now + 1, _latest_claim(now))
    return and_(CASE.c.state == CaseState.IN_REVIEW.value, until)


def are_waiting(now: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return which cases wait for any reviewer: those of either condition, and none is of both.

    Each is a range of the index of the queue. Both in one statement are none: it would read all
    cases that there have ever been.
    """
    over = ~CASE.c.claimed_until.between(now + 1, _latest_claim(now))
    ended = and_(CASE.c.state == CaseState.IN_REVIEW.value, over)
    return CASE.c.state == CaseState.SENT.value, ended


def oldest_cases(
    tx: Transaction, either: Sequence[ColumnElement[bool]], limit: int, *more: ColumnElement[bool]
) -> list[Case]:
    """Return cases in the order in which they were sent.

    Args:
        tx: a transaction.
        either: conditions of which no case meets two, as of :func:`are_waiting`.
        limit: how many cases at most.
        more: what each case has to meet besides.

    """
    found = []
    for condition in either:
        statement = select(*COLUMNS).where(condition, *more)
        oldest = statement.order_by(CASE.c.sent_at, CASE.c.id).limit(limit)
        found += [as_case(row) for row in tx.execute(oldest)]
    return sorted(found, key=lambda case: (case.sent_at or case.created, case.id))[:limit]


def as_case(row: Row[tuple[object, ...]]) -> Case:
    """Return a row of :data:`COLUMNS` as a case."""
    facts = row._asdict()
    facts |= {"kind": CaseKind(facts["kind"]), "state": CaseState(facts["state"])}
    return Case(**facts)


def case_of_number(tx: Transaction, number: str) -> Case:
    """Return a case by its number.

    Raises:
        PortalError: ``case_unknown``.

    """
    row = tx.first(select(*COLUMNS).where(CASE.c.number == number))
    if row is None:
        raise PortalError(PortalCode.CASE_UNKNOWN)
    return as_case(row)


def cases_of_member(tx: Transaction, member: str) -> list[Case]:
    """Return all cases of a member, the newest first."""
    rows = tx.execute(select(*COLUMNS).where(CASE.c.member == member).order_by(CASE.c.id.desc()))
    return [as_case(row) for row in rows]


def steps_of(tx: Transaction, case: int) -> list[CaseStep]:
    """Return the steps of a case, oldest first."""
    rows = tx.execute(
        select(STEP.c.at, STEP.c.state, STEP.c.staff).where(STEP.c.case == case).order_by(STEP.c.id)
    )
    return [CaseStep(row.at, CaseState(row.state), row.staff) for row in rows]


def form_of(tx: Transaction, case: Case) -> CaseForm | None:
    """Return what was written in an open case; None before anything was.

    Raises:
        PortalError: ``internal``: it does not open.

    """
    sealed = tx.execute(select(CASE.c.form).where(CASE.c.id == case.id)).scalar()
    if not sealed:
        return None
    return msgspec.json.decode(vault.open_form(tx, case.id, sealed), type=CaseForm)


@dataclass(frozen=True, slots=True)
class Move:
    """A transition.

    Attributes:
        state: in which the case is from now on.
        event: of the audit.
        staff: who of the staff did it; None for the member, or for time.
        outcome: of the audit.

    """

    state: CaseState
    event: AuditEvent
    staff: int | None = None
    outcome: str = "ok"


def change(tx: Transaction, case: Case, move: Move, **values: object) -> None:
    """Bring a case into a state, with its step and its line in the audit.

    Args:
        tx: the transaction, in which the state of ``case`` was read.
        case: as it was.
        move: the transition.
        values: of other columns.

    """
    state, staff = move.state.value, move.staff
    tx.execute(update(CASE).where(CASE.c.id == case.id).values(state=state, **values))
    tx.execute(insert(STEP).values(case=case.id, at=tx.now, state=state, staff=staff))
    subject = str(values.get("number") or case.number or "") or None
    audit.record(tx, move.event, move.outcome, member=case.member, staff=staff, subject=subject)


def end(tx: Transaction, case: Case, move: Move, *, taken_by: str | None = None) -> None:
    """End a case: its form, pictures and key are gone with this transaction."""
    vault.destroy(tx, case.id)
    change(
        tx,
        case,
        move,
        form=None,
        question=None,
        proposal=None,
        claimed_until=None,
        decided_by=move.staff,
        reason=move.outcome if move.state is CaseState.REFUSED else None,
        taken_by=taken_by,
        ended=tx.now,
    )
