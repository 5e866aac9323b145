"""What two do at the same moment to one case, or with one ID number, on both databases."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import func, select

from agent.portal import members
from agent.portal.contact import parse_contact
from agent.portal.errors import PortalError
from agent.portal.members import CardLogin
from agent.portal.notices.outbox import NoticeKind
from agent.portal.online import applying, reviewing
from agent.portal.online.records import Case, case_of_number, cases_of_member, steps_of
from agent.portal.online.states import (
    CaseForm,
    CaseRules,
    CaseState,
    DocumentKind,
    RefusalReason,
    Side,
)
from agent.portal.online.tables import CASE_KEY, PICTURE
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.tables import NOTICE
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from tests.portal.databases import CHOSEN

pytestmark = pytest.mark.both_databases

RULES = CaseRules()
ROUNDS = 6
FORM = CaseForm(
    id_number=generate_id_number(5),
    name="王測試",
    born=date(1992, 2, 29),
    document=DocumentKind.ID_CARD,
)
Work = Callable[[Transaction], Any]


@dataclass
class Office:
    """One database, which two processes have open, and two reviewers."""

    processes: list[PortalDatabase]
    reviewers: list[int]
    applicants: int = 0

    def do(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.processes[0].run_here(work, *args, **kwargs)

    def at_once(self, *works: Work) -> list[Any]:
        """Do all at the same moment; give what each returned, or the code of its refusal."""
        barrier = Barrier(len(works))

        def do(number: int, work: Work) -> Any:
            barrier.wait(20)
            try:
                return self.processes[number % len(self.processes)].run_here(work)
            except PortalError as error:
                return error.code.value

        with ThreadPoolExecutor(len(works)) as threads:
            return list(threads.map(do, range(len(works)), works))

    def applicant(self) -> str:
        self.applicants += 1
        return str(self.do(members.register, parse_contact(f"09{self.applicants:08}")))

    def sent(self, member: str, form: CaseForm = FORM) -> str:
        self.do(applying.begin, member)
        self.do(applying.write_form, member, form)
        for side in Side:
            self.do(applying.add_picture, member, side, b"a picture")
        return str(self.do(applying.send, member).number)

    def case(self, number: str) -> Case:
        return self.do(case_of_number, number)  # type: ignore[no-any-return]  # what do() gives

    def told(self, member: str, kind: NoticeKind) -> int:
        which = (NOTICE.c.member == member, NOTICE.c.kind == kind.value)
        query = select(func.count()).select_from(NOTICE).where(*which)
        return int(self.do(lambda tx: tx.execute(query).scalar_one()))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    processes = [CHOSEN.open_in(tmp_path) for _ in range(2)]

    def staff(tx: Transaction, number: int) -> int:
        card = CardLogin(f"{number:064}", f"{number:04}")
        return add_staff(tx, f"審核測試{number}", card, [Role.REVIEWER]).id

    yield Office(processes, [processes[0].run_here(staff, number) for number in (1, 2)])
    for process in processes:
        process.close_here()


def test_two_reviewers_claim_one_case(office: Office) -> None:
    for _ in range(ROUNDS):
        number = office.sent(office.applicant())
        claims = [partial(reviewing.claim, staff=each, number=number) for each in office.reviewers]
        outcomes = office.at_once(*claims)
        assert sorted(isinstance(each, Case) for each in outcomes) == [False, True]
        assert "case_claimed" in outcomes
        steps = office.do(steps_of, office.case(number).id)
        assert [step.state for step in steps] == [CaseState.SENT, CaseState.IN_REVIEW]


@pytest.mark.parametrize("is_approved", [True, False])
def test_a_member_withdraws_while_a_reviewer_decides(office: Office, is_approved: bool) -> None:
    reviewer = office.reviewers[0]
    decide: Callable[..., Case] = partial(reviewing.approve, staff=reviewer, rules=RULES)
    if not is_approved:
        reason = RefusalReason.NOT_LEGIBLE
        decide = partial(reviewing.refuse, staff=reviewer, reason=reason, rules=RULES)
    for round_ in range(ROUNDS):
        member = office.applicant()
        number = office.sent(member, form_of_person(100 + round_))
        office.do(reviewing.claim, reviewer, number)
        decided, _ = office.at_once(
            partial(decide, number=number), partial(applying.withdraw, member=member)
        )
        state = office.case(number).state
        if isinstance(decided, Case):
            assert state is (CaseState.APPROVED if is_approved else CaseState.REFUSED)
        else:
            assert (decided, state) == ("claim_ended", CaseState.WITHDRAWN)
        assert office.do(members.is_gold, member) == (state is CaseState.APPROVED)
        assert office.told(member, NoticeKind.CASE_WITHDRAWN) == (state is CaseState.WITHDRAWN)
        assert nothing_is_left(office)


def test_two_cases_with_one_id_number_are_approved_at_once(office: Office) -> None:
    for round_ in range(ROUNDS):
        people = [office.applicant() for _ in range(2)]
        form = form_of_person(200 + round_)
        numbers = [office.sent(each, form) for each in people]
        for reviewer, number in zip(office.reviewers, numbers, strict=True):
            office.do(reviewing.claim, reviewer, number)
        decided = office.at_once(
            *(
                partial(reviewing.approve, staff=reviewer, number=number, rules=RULES)
                for reviewer, number in zip(office.reviewers, numbers, strict=True)
            )
        )
        assert sorted(case.state for case in decided) == [CaseState.APPROVED, CaseState.REFUSED]
        assert sorted(office.do(members.is_gold, each) for each in people) == [False, True]
        assert nothing_is_left(office)


def test_one_decision_that_is_sent_twice_is_taken_once(office: Office) -> None:
    for round_ in range(ROUNDS):
        member = office.applicant()
        number = office.sent(member, form_of_person(300 + round_))
        office.do(reviewing.claim, office.reviewers[0], number)
        approve = partial(reviewing.approve, staff=office.reviewers[0], number=number, rules=RULES)
        decided = office.at_once(approve, approve)
        assert "claim_ended" in decided
        assert office.case(number).state is CaseState.APPROVED
        assert office.told(member, NoticeKind.GOLD) == 1


def test_an_application_is_begun_and_sent_once_in_two_windows(office: Office) -> None:
    for _ in range(ROUNDS):
        member = office.applicant()
        begun = office.at_once(*[partial(applying.begin, member=member)] * 4)
        assert len({case.id for case in begun}) == 1
        office.do(applying.write_form, member, FORM)
        for side in Side:
            office.do(applying.add_picture, member, side, b"a picture")
        sent = office.at_once(*[partial(applying.send, member=member)] * 4)
        assert len({case.number for case in sent}) == 1
        assert len(office.do(cases_of_member, member)) == 1
        assert office.told(member, NoticeKind.CASE_SENT) == 1


def test_a_picture_that_comes_while_the_case_is_withdrawn_is_not_kept(office: Office) -> None:
    for _ in range(ROUNDS):
        member = office.applicant()
        office.do(applying.begin, member)
        add = partial(applying.add_picture, member=member, side=Side.FRONT, jpeg=b"a picture")
        office.at_once(add, partial(applying.withdraw, member=member))
        assert office.do(cases_of_member, member) == []
        assert nothing_is_left(office)


def form_of_person(number: int) -> CaseForm:
    return CaseForm(
        id_number=generate_id_number(number),
        name="王測試",
        born=FORM.born,
        document=FORM.document,
    )


def nothing_is_left(office: Office) -> bool:
    """Tell whether neither pictures nor keys are in the database."""

    def count(tx: Transaction) -> int:
        tables = (PICTURE, CASE_KEY)
        return sum(
            int(tx.execute(select(func.count()).select_from(each)).scalar_one()) for each in tables
        )

    return bool(office.do(count) == 0)
