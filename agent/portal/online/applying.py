"""What an applicant does with an application: begin, write, add pictures, send, withdraw."""

import msgspec
from sqlalchemy import delete, insert, select, update

from agent.portal import members
from agent.portal.audit import AuditEvent
from agent.portal.birthdate import check_age
from agent.portal.errors import PortalCode, PortalError
from agent.portal.moments import day_in_taipei
from agent.portal.notices.outbox import NoticeKind, tell
from agent.portal.online import vault
from agent.portal.online.numbers import new_case_number
from agent.portal.online.records import (
    COLUMNS,
    Case,
    Move,
    as_case,
    case_of_number,
    change,
    end,
    form_of,
)
from agent.portal.online.states import DRAFT_LIFETIME, OPEN, CaseForm, CaseKind, CaseState, Side
from agent.portal.online.tables import CASE
from agent.portal.store.transaction import Transaction

_WRITABLE = frozenset({CaseState.DRAFT, CaseState.NEEDS_MORE})
_ENDED_AT_ONCE = 100  # of each kind, by one transaction, so that others need not wait long


def open_case(tx: Transaction, member: str) -> Case | None:
    """Return the member's open application; None without one."""
    states = [state.value for state in OPEN]
    row = tx.first(select(*COLUMNS).where(CASE.c.member == member, CASE.c.state.in_(states)))
    return None if row is None else as_case(row)


def own_case(tx: Transaction, member: str, number: str) -> Case:
    """Return the member's own case of this number, open or ended.

    Raises:
        PortalError: ``case_unknown``: also for another member's, so that nobody learns which exist.

    """
    case = case_of_number(tx, number)
    if case.member != member:
        raise PortalError(PortalCode.CASE_UNKNOWN)
    return case


def begin(tx: Transaction, member: str, kind: CaseKind = CaseKind.UPGRADE) -> Case:
    """Begin an application, or go on with the open one; a draft of the other kind is thrown away.

    Raises:
        PortalError: ``already_gold``; to close an account: ``not_gold``, ``account_closing``;
            ``case_open``: one of the other kind has been sent and is not decided yet.

    """
    _check_may_begin(tx, member, kind)
    found = open_case(tx, member)
    if found is not None and found.kind is kind:
        return found
    if found is not None and found.state is not CaseState.DRAFT:
        raise PortalError(PortalCode.CASE_OPEN)
    if found is not None:
        _throw_away(tx, found)
    state = CaseState.DRAFT.value
    draft = {"member": member, "kind": kind.value, "state": state, "created": tx.now, "form": b""}
    vault.make_key(tx, tx.insert_id(insert(CASE).values(draft)))
    made = open_case(tx, member)
    assert made is not None  # noqa: S101  # it was just inserted
    return made


def _check_may_begin(tx: Transaction, member: str, kind: CaseKind) -> None:
    is_gold = members.is_gold(tx, member)
    if kind is CaseKind.UPGRADE:
        if is_gold:
            raise PortalError(PortalCode.ALREADY_GOLD)
        return
    if not is_gold:
        raise PortalError(PortalCode.NOT_GOLD)
    if members.closing_of(tx, member) is not None:
        raise PortalError(PortalCode.ACCOUNT_CLOSING)


def write_form(tx: Transaction, member: str, form: CaseForm) -> None:
    """Keep what was written.

    Raises:
        PortalError: ``too_young``; ``case_changed``: there is nothing to write in now.

    """
    case = writable_case(tx, member)
    check_age(form.born, day_in_taipei(tx.now))
    sealed = vault.seal_form(tx, case.id, msgspec.json.encode(form))
    tx.execute(update(CASE).where(CASE.c.id == case.id).values(form=sealed))


def add_picture(tx: Transaction, member: str, side: Side, jpeg: bytes) -> None:
    """Keep a picture, in the place of an earlier one of this side.

    Raises:
        PortalError: ``case_changed``: there is nothing to add to now.

    """
    vault.put_picture(tx, writable_case(tx, member).id, side.value, jpeg)


def send(tx: Transaction, member: str, message: str = "") -> Case:
    """Send what was written, or what a reviewer asked for; a second time changes nothing.

    Args:
        tx: the transaction.
        member: who sends.
        message: to the reviewer who needed more; it is sealed with the form.

    Raises:
        PortalError: ``case_incomplete``; ``too_young``; ``case_changed``: nothing is open.

    """
    case = open_case(tx, member)
    if case is None:
        raise PortalError(PortalCode.CASE_CHANGED)
    if case.state not in _WRITABLE:
        return case
    form = form_of(tx, case)
    if form is None or vault.sides_of(tx, case.id) != {side.value for side in Side}:
        raise PortalError(PortalCode.CASE_INCOMPLETE)
    check_age(form.born, day_in_taipei(tx.now))
    if message:
        write_form(tx, member, msgspec.structs.replace(form, message=message))
    number = case.number or _unused_number(tx)
    values = {"number": number, "sent_at": case.sent_at or tx.now, "deadline": None}
    change(tx, case, Move(CaseState.SENT, AuditEvent.CASE_SENT), **values)
    if case.state is CaseState.DRAFT:
        tell(tx, member, NoticeKind.CASE_SENT, case=number)
    return case_of_number(tx, number)


def withdraw(tx: Transaction, member: str) -> Case | None:
    """Withdraw the open application; a draft is thrown away.

    Returns:
        the case as it was; None where nothing was open.

    """
    case = open_case(tx, member)
    if case is None:
        return None
    if case.state is CaseState.DRAFT:
        _throw_away(tx, case)
        return case
    end(tx, case, Move(CaseState.WITHDRAWN, AuditEvent.CASE_WITHDRAWN))
    tell(tx, member, NoticeKind.CASE_WITHDRAWN, case=str(case.number))
    return case


def expire(tx: Transaction) -> int:
    """End what was not answered in time, and throw old drafts away; return how many.

    Many processes may do it at once. At most 200 are ended by one transaction.
    """
    late = tx.execute(
        select(*COLUMNS)
        .where(CASE.c.state == CaseState.NEEDS_MORE.value, CASE.c.deadline < tx.now)
        .limit(_ENDED_AT_ONCE)
    ).fetchall()
    for row in late:
        case = as_case(row)
        end(tx, case, Move(CaseState.EXPIRED, AuditEvent.CASE_EXPIRED))
        tell(tx, case.member, NoticeKind.CASE_EXPIRED, case=str(case.number))
    old = tx.execute(
        select(*COLUMNS)
        .where(CASE.c.state == CaseState.DRAFT.value, CASE.c.created < tx.now - DRAFT_LIFETIME)
        .limit(_ENDED_AT_ONCE)
    ).fetchall()
    for row in old:
        _throw_away(tx, as_case(row))
    return len(late) + len(old)


def writable_case(tx: Transaction, member: str) -> Case:
    """Return the application that the member may write in.

    Raises:
        PortalError: ``case_changed``: there is none.

    """
    case = open_case(tx, member)
    if case is None or case.state not in _WRITABLE:
        raise PortalError(PortalCode.CASE_CHANGED)
    return case


def _throw_away(tx: Transaction, case: Case) -> None:
    vault.destroy(tx, case.id)
    tx.execute(delete(CASE).where(CASE.c.id == case.id))


def _unused_number(tx: Transaction) -> str:
    while True:
        number = new_case_number()
        if tx.first(select(CASE.c.id).where(CASE.c.number == number)) is None:
            return number
