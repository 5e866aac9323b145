"""What a reviewer does at the desk, each in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from agent.portal import audit
from agent.portal.audit import AuditEvent
from agent.portal.desk.conflict import is_own
from agent.portal.desk.forms import DecisionError, Problem
from agent.portal.desk.queue import name_of
from agent.portal.errors import PortalCode, PortalError
from agent.portal.online import reviewing, vault
from agent.portal.online.numbers import parse_case_number
from agent.portal.online.records import Case, case_of_number, form_of, steps_of
from agent.portal.online.states import CaseForm, CaseKind, CaseRules, CaseState, RefusalReason, Side
from agent.portal.staff.register import StaffMember
from agent.portal.store.transaction import Transaction

_PROBLEMS: Final[Mapping[PortalCode, Problem]] = {
    PortalCode.TOO_YOUNG: Problem.TOO_YOUNG,
    PortalCode.ID_NUMBER_MISMATCH: Problem.OTHER_NUMBER,
}
_LOOKED_THROUGH: Final = 20  # cases for one that is not the reviewer's own


@unique
class Done(StrEnum):
    """What became of a case by the reviewer's hand; the words are ``desk.after`` and the name."""

    APPROVED = "approved"
    CLOSING = "closing"
    REFUSED = "refused"
    TAKEN = "taken"
    GOLD_ALREADY = "gold_already"
    NEEDS_MORE = "needs_more"
    SECOND = "second"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class CaseDecision:
    """What a reviewer wants to be done with a case.

    Attributes:
        act: does it, as a function of :mod:`agent.portal.online.reviewing`.
        results: what may come of it.
        check: raises :class:`DecisionError` where it does not suit an application of a kind.

    """

    act: Callable[[Transaction, int, str], Case]
    results: frozenset[Done]
    check: Callable[[CaseKind], None] = lambda _: None


@dataclass(frozen=True, slots=True, repr=False)
class OpenedCase:
    """A case that the reviewer holds.

    Attributes:
        case: without what is sealed.
        form: what the applicant wrote.
        sides: of which there are pictures, the front first.
        proposer: the name of who has proposed a decision.
        is_own_number: whether the form's ID number is that of the applicant's account.
        now: when it was looked at, in seconds since 1970.

    """

    case: Case
    form: CaseForm
    sides: tuple[Side, ...]
    proposer: str | None
    is_own_number: bool
    now: int

    @property
    def seen(self) -> str:
        """What tells that the case is still as it was when its page was made."""
        return _seen(self.case)


@dataclass(frozen=True, slots=True)
class ClosedCase:
    """A case that the reviewer does not hold, without anything of the applicant.

    Attributes:
        case: without what is sealed.
        why: the words are ``desk.closed`` and this name.
        holder: the name of the colleague who has it.
        can_claim: whether the reviewer may take it, as far as can be seen from outside.
        now: when it was looked at, in seconds since 1970.

    """

    case: Case
    why: str
    holder: str | None
    can_claim: bool
    now: int


def open_case(tx: Transaction, staff: StaffMember, typed: str) -> OpenedCase | ClosedCase:
    """Return what a reviewer may see of a case; who holds it begins the 20 minutes anew.

    Raises:
        PortalError: ``case_unknown``.

    """
    case = _case(tx, typed)
    number = str(case.number)
    if not case.is_claimed(tx.now) or case.claimed_by != staff.id:
        return _closed(tx, staff, case)
    form = reviewing.read_form(tx, staff.id, number)
    case = reviewing.prolong(tx, staff.id, number)
    there = vault.sides_of(tx, case.id)
    sides = tuple(side for side in Side if side.value in there)
    is_own_number = reviewing.is_own_number(tx, case, form)
    return OpenedCase(case, form, sides, name_of(tx, case.proposed_by), is_own_number, tx.now)


def take(tx: Transaction, staff: StaffMember, typed: str) -> bool:
    """Claim a case; return False where it is the reviewer's own, which the audit keeps.

    Raises:
        PortalError: as :func:`agent.portal.online.reviewing.claim`.

    """
    case = _case(tx, typed)
    if _is_own(tx, staff, case):
        audit.record(
            tx,
            AuditEvent.CASE_CLAIMED,
            PortalCode.OWN_ACCOUNT,
            member=case.member,
            staff=staff.id,
            subject=case.number,
        )
        return False
    reviewing.claim(tx, staff.id, str(case.number))
    return True


def take_next(tx: Transaction, staff: StaffMember, rules: CaseRules) -> str | None:
    """Claim the case that has waited longest, or go on with one that is open; None without any."""
    for line in reviewing.queue(tx, staff.id, rules, limit=_LOOKED_THROUGH):
        if not _is_own(tx, staff, line.case):
            return reviewing.claim(tx, staff.id, str(line.case.number)).number
    return None


def decide(
    tx: Transaction, staff: StaffMember, typed: str, seen: str, decision: CaseDecision
) -> None:
    """Take a decision on the case as it was seen; one that was sent again does nothing.

    Args:
        tx: the transaction.
        staff: the reviewer.
        typed: the number of the case.
        seen: :attr:`OpenedCase.seen` of the page on which it was decided.
        decision: what is to be done.

    Raises:
        DecisionError: ``changed``, the case is not as it was seen; ``too_young``;
            ``other_number``; what the decision's own check says.
        PortalError: ``claim_ended``, ``case_unknown``, ``asked_before``.

    """
    case = _case(tx, typed)
    decision.check(case.kind)
    if not case.is_claimed(tx.now) and done_by(tx, staff, typed) in decision.results:
        return
    reviewing.held(tx, staff.id, str(case.number))
    if _seen(case) != seen:
        raise DecisionError(Problem.CHANGED)
    try:
        decision.act(tx, staff.id, str(case.number))
    except PortalError as error:
        if error.code in _PROBLEMS:
            raise DecisionError(_PROBLEMS[error.code]) from error
        raise


def release(tx: Transaction, staff: StaffMember, typed: str) -> None:
    """Put a case back; does nothing where the reviewer does not hold it any more.

    Raises:
        PortalError: ``case_unknown``.

    """
    case = _case(tx, typed)
    if case.is_claimed(tx.now) and case.claimed_by == staff.id:
        reviewing.release(tx, staff.id, str(case.number))


def prolong(tx: Transaction, staff: StaffMember, typed: str) -> int:
    """Keep a case because it is worked on; return for how many seconds.

    Raises:
        PortalError: ``case_unknown``; ``claim_ended``.

    """
    case = reviewing.prolong(tx, staff.id, str(_case(tx, typed).number))
    return (case.claimed_until or tx.now) - tx.now


def look(tx: Transaction, staff: StaffMember, typed: str, side: Side) -> tuple[str, bytes]:
    """Return a case's number and one picture (JPEG), which the audit keeps.

    Raises:
        PortalError: ``case_unknown``; ``claim_ended``; ``not_found``.

    """
    number = str(_case(tx, typed).number)
    return number, reviewing.read_picture(tx, staff.id, number, side)


def done_by(tx: Transaction, staff: StaffMember, typed: str) -> Done | None:
    """Return what the reviewer did last to a case; None if somebody else did something later."""
    number = parse_case_number(typed)
    try:
        case = case_of_number(tx, number or "")
    except PortalError:
        return None
    steps = steps_of(tx, case.id)
    if not steps or steps[-1].staff != staff.id:
        return None
    if case.state is CaseState.SENT:
        return Done.SECOND if case.proposed_by == staff.id else Done.RELEASED
    if case.state is CaseState.REFUSED and case.reason == RefusalReason.ID_NUMBER_TAKEN:
        return Done.TAKEN
    is_closing = case.kind is CaseKind.CLOSING
    return {
        CaseState.APPROVED: Done.CLOSING if is_closing else Done.APPROVED,
        CaseState.REFUSED: Done.REFUSED,
        CaseState.NEEDS_MORE: Done.NEEDS_MORE,
        CaseState.WITHDRAWN: Done.GOLD_ALREADY,
    }.get(case.state)


def _case(tx: Transaction, typed: str) -> Case:
    return case_of_number(tx, parse_case_number(typed) or "")


def _closed(tx: Transaction, staff: StaffMember, case: Case) -> ClosedCase:
    if case.state not in {CaseState.SENT, CaseState.IN_REVIEW}:
        why = case.state.value
    elif case.is_claimed(tx.now):
        why = "other"
    else:
        why = "second" if case.proposed_by == staff.id else "free"
    holder = name_of(tx, case.claimed_by) if why == "other" else None
    return ClosedCase(case, why, holder, why == "free", tx.now)


def _is_own(tx: Transaction, staff: StaffMember, case: Case) -> bool:
    form = form_of(tx, case)
    if form is None:
        return False
    return is_own(tx, staff, member=case.member, id_number=form.id_number, name=form.name)


def _seen(case: Case) -> str:
    return f"{case.asked_at or 0}.{case.proposed_by or 0}.{case.proposal or ''}"
