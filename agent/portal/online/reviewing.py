"""What a reviewer does with applications: see the queue, claim, look, ask, decide.

Who is logged in and may review is the desk's to know. Every function reads the state in the
transaction in which it changes it: what has moved on in the meantime is refused, and nothing is
decided twice.
"""

from dataclasses import dataclass

from sqlalchemy import or_, select, update

from agent.portal import audit, members
from agent.portal.account.closing import begin_closing
from agent.portal.audit import AuditEvent
from agent.portal.birthdate import check_age
from agent.portal.errors import PortalCode, PortalError
from agent.portal.members import Proven, Way
from agent.portal.moments import day_in_taipei, end_of_day
from agent.portal.notices.outbox import NoticeKind, tell
from agent.portal.online import vault
from agent.portal.online.records import (
    COLUMNS,
    Case,
    Move,
    are_waiting,
    as_case,
    case_of_number,
    change,
    end,
    form_of,
    is_held,
    oldest_cases,
)
from agent.portal.online.states import (
    ANSWER_WORKDAYS,
    CLAIM_LIFETIME,
    CaseForm,
    CaseKind,
    CaseRules,
    CaseState,
    RefusalReason,
    Side,
)
from agent.portal.online.tables import CASE
from agent.portal.online.workdays import workdays_after, workdays_between
from agent.portal.store.transaction import Transaction

_APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A case in the queue, with its age in working days."""

    case: Case
    age: int


def queue(tx: Transaction, staff: int, rules: CaseRules, *, limit: int) -> list[QueueLine]:
    """Return the cases that a reviewer may work on, the oldest first."""
    own = (CASE.c.claimed_by == staff) & is_held(tx.now)
    is_others = or_(CASE.c.proposed_by.is_(None), CASE.c.proposed_by != staff)
    today = day_in_taipei(tx.now)
    lines = []
    for case in oldest_cases(tx, (*are_waiting(tx.now), own), limit, is_others):
        sent = day_in_taipei(case.sent_at or tx.now)
        lines.append(QueueLine(case, workdays_between(sent, today, rules.holidays)))
    return lines


def claim(tx: Transaction, staff: int, number: str) -> Case:
    """Claim a case for 20 minutes, or go on with one that is claimed already.

    Raises:
        PortalError: ``case_unknown``; ``case_claimed``: another reviewer has it; ``case_changed``:
            there is nothing to review; ``second_reviewer``: one's own proposal waits for another.

    """
    case = case_of_number(tx, number)
    if case.state not in {CaseState.SENT, CaseState.IN_REVIEW}:
        raise PortalError(PortalCode.CASE_CHANGED)
    if case.proposed_by == staff:
        raise PortalError(PortalCode.SECOND_REVIEWER)
    if case.is_claimed(tx.now):
        if case.claimed_by != staff:
            raise PortalError(PortalCode.CASE_CLAIMED)
        return prolong(tx, staff, number)
    values = {"claimed_by": staff, "claimed_until": tx.now + CLAIM_LIFETIME}
    change(tx, case, Move(CaseState.IN_REVIEW, AuditEvent.CASE_CLAIMED, staff), **values)
    return case_of_number(tx, number)


def prolong(tx: Transaction, staff: int, number: str) -> Case:
    """Keep a claim for another 20 minutes, because it is worked on.

    Raises:
        PortalError: as :func:`held`.

    """
    case = held(tx, staff, number)
    tx.execute(
        update(CASE).where(CASE.c.id == case.id).values(claimed_until=tx.now + CLAIM_LIFETIME)
    )
    return case_of_number(tx, number)


def held(tx: Transaction, staff: int, number: str) -> Case:
    """Return a case that this reviewer has claimed and still holds.

    Raises:
        PortalError: ``case_unknown``; ``claim_ended``.

    """
    case = case_of_number(tx, number)
    if case.claimed_by != staff or not case.is_claimed(tx.now):
        raise PortalError(PortalCode.CLAIM_ENDED)
    return case


def release(tx: Transaction, staff: int, number: str) -> None:
    """Give a claimed case back to the queue.

    Raises:
        PortalError: as :func:`held`.

    """
    case = held(tx, staff, number)
    change(
        tx,
        case,
        Move(CaseState.SENT, AuditEvent.CASE_RELEASED, staff),
        claimed_by=None,
        claimed_until=None,
    )


def release_all(tx: Transaction, staff: int) -> None:
    """Give back whatever a reviewer who leaves has claimed."""
    held_now = select(*COLUMNS).where(CASE.c.claimed_by == staff, is_held(tx.now))
    for case in map(as_case, tx.execute(held_now).fetchall()):
        release(tx, staff, str(case.number))


def read_form(tx: Transaction, staff: int, number: str) -> CaseForm:
    """Return what the applicant wrote; the look is a line of the audit.

    Raises:
        PortalError: as :func:`held`.

    """
    case = held(tx, staff, number)
    form = form_of(tx, case)
    assert form is not None  # noqa: S101  # nothing is sent without it
    _note_look(tx, staff, case)
    return form


def read_picture(tx: Transaction, staff: int, number: str, side: Side) -> bytes:
    """Return a picture (JPEG); the look is a line of the audit.

    Raises:
        PortalError: as :func:`held`; ``not_found``.

    """
    case = held(tx, staff, number)
    jpeg = vault.open_picture(tx, case.id, side.value)
    if jpeg is None:
        raise PortalError(PortalCode.NOT_FOUND)
    _note_look(tx, staff, case)
    return jpeg


def ask_for_more(tx: Transaction, staff: int, number: str, question: str, rules: CaseRules) -> Case:
    """Ask the applicant for more, which is possible once; they have seven working days.

    Raises:
        PortalError: as :func:`held`; ``asked_before``.

    """
    case = held(tx, staff, number)
    if case.asked_at is not None:
        raise PortalError(PortalCode.ASKED_BEFORE)
    last = workdays_after(day_in_taipei(tx.now), ANSWER_WORKDAYS, rules.holidays)
    change(
        tx,
        case,
        Move(CaseState.NEEDS_MORE, AuditEvent.CASE_ASKED, staff),
        question=question,
        asked_at=tx.now,
        deadline=end_of_day(last),
        claimed_by=None,
        claimed_until=None,
        proposed_by=None,
        proposal=None,
    )
    tell(tx, case.member, NoticeKind.CASE_NEEDS_MORE, case=number, date=last.isoformat())
    return case_of_number(tx, number)


def approve(tx: Transaction, staff: int, number: str, rules: CaseRules) -> Case:
    """Do what is applied for; form, pictures and key are gone in the same transaction.

    Where two have to agree, the first approval is a proposal.

    Raises:
        PortalError: as :func:`held`; ``too_young``; ``id_number_mismatch``: an account is to be
            closed, and the ID number is not its own.

    """
    case = held(tx, staff, number)
    form = form_of(tx, case)
    assert form is not None  # noqa: S101  # nothing is sent without it
    if case.kind is CaseKind.CLOSING:
        if not is_own_number(tx, case, form):
            raise PortalError(PortalCode.ID_NUMBER_MISMATCH)
    else:
        check_age(form.born, day_in_taipei(tx.now))
    if rules.two_reviewers and not _is_agreed(case, staff, _APPROVE):
        return _propose(tx, case, staff, _APPROVE)
    if case.kind is CaseKind.CLOSING:
        begin_closing(tx, case.member)
        end(tx, case, Move(CaseState.APPROVED, AuditEvent.ACCOUNT_CLOSING, staff))
    else:
        _upgrade(tx, case, staff, form)
    return case_of_number(tx, number)


def is_own_number(tx: Transaction, case: Case, form: CaseForm) -> bool:
    """Return whether the ID number of the form is the one that the applicant's account has."""
    return members.member_of_id_number(tx, form.id_number) == case.member


def _upgrade(tx: Transaction, case: Case, staff: int, form: CaseForm) -> None:
    """Make the applicant a gold member.

    An ID number that another gold member has refuses the case, and only so does the applicant
    learn of it.
    """
    proven = Proven(
        way=Way.ONLINE,
        id_number=form.id_number,
        name=form.name,
        evidence={"document": form.document.value, "case": str(case.number)},
        decided_by=staff,
    )
    refused = members.make_gold(tx, case.member, proven)
    if refused in {PortalCode.ALREADY_GOLD, PortalCode.ACCOUNT_CLOSING}:
        end(tx, case, Move(CaseState.WITHDRAWN, AuditEvent.CASE_WITHDRAWN, staff))
    elif refused is not None:
        _refuse(tx, case, staff, RefusalReason.ID_NUMBER_TAKEN)
    else:
        end(tx, case, Move(CaseState.APPROVED, AuditEvent.UPGRADE_ONLINE, staff))


def refuse(
    tx: Transaction, staff: int, number: str, reason: RefusalReason, rules: CaseRules
) -> Case:
    """Refuse a case; form, pictures and key are gone in the same transaction.

    Raises:
        PortalError: as :func:`held`.

    """
    case = held(tx, staff, number)
    if rules.two_reviewers and not _is_agreed(case, staff, reason.value):
        return _propose(tx, case, staff, reason.value)
    _refuse(tx, case, staff, reason)
    return case_of_number(tx, number)


def _refuse(tx: Transaction, case: Case, staff: int, reason: RefusalReason) -> None:
    taken_by = None
    if reason is RefusalReason.ID_NUMBER_TAKEN and (form := form_of(tx, case)) is not None:
        taken_by = members.masked_contact_of_id_number(tx, form.id_number)
    move = Move(CaseState.REFUSED, AuditEvent.CASE_REFUSED, staff, reason.value)
    end(tx, case, move, taken_by=taken_by)
    tell(tx, case.member, NoticeKind.CASE_DECIDED, case=str(case.number))


def _is_agreed(case: Case, staff: int, decision: str) -> bool:
    return case.proposed_by not in {None, staff} and case.proposal == decision


def _propose(tx: Transaction, case: Case, staff: int, decision: str) -> Case:
    change(
        tx,
        case,
        Move(CaseState.SENT, AuditEvent.CASE_PROPOSED, staff, decision),
        proposed_by=staff,
        proposal=decision,
        claimed_by=None,
        claimed_until=None,
    )
    return case_of_number(tx, str(case.number))


def _note_look(tx: Transaction, staff: int, case: Case) -> None:
    audit.record(
        tx, AuditEvent.CASE_LOOK, "ok", member=case.member, staff=staff, subject=case.number
    )
