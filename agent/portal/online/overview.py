"""A member's open application as the member's own page shows it."""

from collections.abc import Sequence

from agent.portal.account.applications import OpenApplication, line_of_steps
from agent.portal.members import Way
from agent.portal.online.records import Case, CaseStep, cases_of_member, steps_of
from agent.portal.online.states import OPEN, CaseKind, CaseState
from agent.portal.store.transaction import Transaction

ROOT = "/ways/online"
_WORDS = "online.step"


def open_applications(tx: Transaction, member_id: str) -> Sequence[OpenApplication]:
    """Return the member's application that is not decided yet, if there is one."""
    return [
        _as_open(case, steps_of(tx, case.id))
        for case in cases_of_member(tx, member_id)
        if case.state in OPEN
    ]


def later_steps(case: Case) -> list[str]:
    """Return the steps that are still to come, by their words' names."""
    order = [CaseState.SENT, CaseState.IN_REVIEW]
    if case.state not in OPEN:
        return []
    place = order.index(case.state) + 1 if case.state in order else 0
    return [*(state.value for state in order[place:]), "decided"]


def href(case: Case) -> str:
    """Return the page on which an application goes on."""
    return f"{ROOT}/form" if case.state is CaseState.DRAFT else f"{ROOT}/case/{case.number}"


def _as_open(case: Case, reached: Sequence[CaseStep]) -> OpenApplication:
    begun = [] if reached else [(f"{_WORDS}.{case.state}", case.created)]  # a draft has no steps
    steps = line_of_steps(
        begun + [(f"{_WORDS}.{step.state}", step.at) for step in reached],
        [f"{_WORDS}.{name}" for name in later_steps(case)],
    )
    closes = case.kind is CaseKind.CLOSING
    return OpenApplication(Way.ONLINE, case.number, case.created, steps, href(case), closes)
