"""Applications online: every transition in every state, races, deadlines, and what is left."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from agent.portal import audit, members
from agent.portal.account.ownership import delete_all
from agent.portal.contact import parse_contact
from agent.portal.errors import PortalCode, PortalError
from agent.portal.members import Proven, Way
from agent.portal.moments import end_of_day
from agent.portal.online import applying, reviewing, vault
from agent.portal.online.numbers import new_case_number, parse_case_number
from agent.portal.online.records import Case, cases_of_member, steps_of
from agent.portal.online.states import (
    CLAIM_LIFETIME,
    DRAFT_LIFETIME,
    CaseForm,
    CaseRules,
    CaseState,
    DocumentKind,
    RefusalReason,
    Side,
)
from agent.portal.online.tables import CASE, CASE_KEY, PICTURE
from agent.portal.online.workdays import workdays_after, workdays_between
from agent.portal.store.database import PortalDatabase
from agent.portal.store.tables import NOTICE, STAFF
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number

MARKER = b"a marker that no sealed picture shows " * 40
RULES = CaseRules()
FRIDAY = datetime(2026, 11, 27, 1, 0, tzinfo=UTC).timestamp()  # nine in the morning in Taiwan


@dataclass
class Desk:
    """A database with one member and two reviewers, and a clock."""

    db: PortalDatabase
    now: list[float]
    member: str
    first: int
    second: int

    def do(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.db.run_here(work, *args, **kwargs)

    def code(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
        try:
            self.do(work, *args, **kwargs)
        except PortalError as error:
            return error.code.value
        return "ok"

    def register(self, contact: str) -> str:
        return str(self.do(members.register, parse_contact(contact)))

    def sent(self, member: str | None = None, number: int = 1) -> str:
        """Send an application; return its number."""
        who = member or self.member
        self.do(applying.begin, who)
        self.do(applying.write_form, who, form(number))
        for side in Side:
            self.do(applying.add_picture, who, side, MARKER)
        return str(self.do(applying.send, who).number)

    def claimed(self) -> str:
        number = self.sent()
        self.do(reviewing.claim, self.first, number)
        return number

    def case(self) -> Case:
        return self.do(cases_of_member, self.member)[0]  # type: ignore[no-any-return]  # what do() gives


def form(number: int = 1, born: date = date(1990, 2, 28)) -> CaseForm:
    return CaseForm(
        id_number=generate_id_number(number),
        name="王測試",
        born=born,
        document=DocumentKind.ID_CARD,
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    now = [FRIDAY]
    db = PortalDatabase(tmp_path / "portal.db", lambda: now[0])
    db.open_here()

    def staff(tx: Transaction, name: str) -> int:
        facts = {"name": name, "card_key": name, "label": "", "roles": "reviewer", "created": 0}
        return tx.insert_id(insert(STAFF).values(facts))

    member = db.run_here(members.register, parse_contact("0900000001"))
    yield Desk(db, now, member, db.run_here(staff, "一"), db.run_here(staff, "二"))
    db.close_here()


def _to_draft(desk: Desk) -> str:
    desk.do(applying.begin, desk.member)
    return new_case_number()


def _to_needs_more(desk: Desk) -> str:
    number = desk.claimed()
    desk.do(reviewing.ask_for_more, desk.first, number, "?", RULES)
    return number


def _to_refused(desk: Desk) -> str:
    number = desk.claimed()
    desk.do(reviewing.refuse, desk.first, number, RefusalReason.NOT_LEGIBLE, RULES)
    return number


def _to_approved(desk: Desk) -> str:
    number = desk.claimed()
    desk.do(reviewing.approve, desk.first, number, RULES)
    return number


def _to_withdrawn(desk: Desk) -> str:
    number = desk.sent()
    desk.do(applying.withdraw, desk.member)
    return number


def _to_expired(desk: Desk) -> str:
    number = _to_needs_more(desk)
    desk.now[0] += 30 * 24 * 3600
    desk.do(applying.expire)
    return number


INTO = {
    CaseState.DRAFT: _to_draft,
    CaseState.SENT: Desk.sent,
    CaseState.IN_REVIEW: Desk.claimed,
    CaseState.NEEDS_MORE: _to_needs_more,
    CaseState.APPROVED: _to_approved,
    CaseState.REFUSED: _to_refused,
    CaseState.WITHDRAWN: _to_withdrawn,
    CaseState.EXPIRED: _to_expired,
}
REVIEWS: dict[str, Callable[[Desk, str], str]] = {
    "claim": lambda desk, number: desk.code(reviewing.claim, desk.first, number),
    "prolong": lambda desk, number: desk.code(reviewing.prolong, desk.first, number),
    "release": lambda desk, number: desk.code(reviewing.release, desk.first, number),
    "form": lambda desk, number: desk.code(reviewing.read_form, desk.first, number),
    "look": lambda desk, number: desk.code(reviewing.read_picture, desk.first, number, Side.BACK),
    "ask": lambda desk, number: desk.code(reviewing.ask_for_more, desk.first, number, "?", RULES),
    "approve": lambda desk, number: desk.code(reviewing.approve, desk.first, number, RULES),
    "refuse": lambda desk, number: desk.code(
        reviewing.refuse, desk.first, number, RefusalReason.DATA_DIFFER, RULES
    ),
}
OPEN_STATES = [CaseState.DRAFT, CaseState.SENT, CaseState.IN_REVIEW, CaseState.NEEDS_MORE]


@pytest.mark.parametrize("state", CaseState)
@pytest.mark.parametrize("review", REVIEWS)
def test_a_reviewer_does_only_what_the_state_allows(
    desk: Desk, state: CaseState, review: str
) -> None:
    number = INTO[state](desk)
    if state is CaseState.DRAFT:
        expected = "case_unknown"
    elif review == "claim":
        claimable = state in {CaseState.SENT, CaseState.IN_REVIEW}
        expected = "ok" if claimable else "case_changed"
    else:
        expected = "ok" if state is CaseState.IN_REVIEW else "claim_ended"
    assert REVIEWS[review](desk, number) == expected
    if expected != "ok":
        assert desk.case().state is state


@pytest.mark.parametrize("state", CaseState)
def test_an_applicant_does_only_what_the_state_allows(desk: Desk, state: CaseState) -> None:
    INTO[state](desk)
    writable = state in {CaseState.DRAFT, CaseState.NEEDS_MORE}
    wanted = "ok" if writable else "case_changed"
    assert desk.code(applying.write_form, desk.member, form()) == wanted
    assert desk.code(applying.add_picture, desk.member, Side.FRONT, MARKER) == wanted
    if state is CaseState.DRAFT:
        assert desk.code(applying.send, desk.member) == "case_incomplete"
    elif state in OPEN_STATES:
        assert desk.code(applying.send, desk.member) == "ok"
        assert desk.case().state is (CaseState.SENT if writable else state)
    else:
        assert desk.code(applying.send, desk.member) == "case_changed"
        assert desk.case().state is state
    began = "already_gold" if state is CaseState.APPROVED else "ok"
    assert desk.code(applying.begin, desk.member) == began


@pytest.mark.parametrize("state", CaseState)
def test_whatever_is_open_can_be_withdrawn_and_nothing_else(desk: Desk, state: CaseState) -> None:
    INTO[state](desk)
    before = len(desk.do(cases_of_member, desk.member))
    desk.do(applying.withdraw, desk.member)
    if state is CaseState.DRAFT:
        assert desk.do(cases_of_member, desk.member) == []
        return
    assert len(desk.do(cases_of_member, desk.member)) == before
    assert desk.case().state is (CaseState.WITHDRAWN if state in OPEN_STATES else state)


@pytest.mark.parametrize(
    "state", [each for each in CaseState if each not in OPEN_STATES], ids=lambda each: each.value
)
def test_pictures_form_and_key_are_gone_with_the_end(
    desk: Desk, state: CaseState, tmp_path: Path
) -> None:
    sealed_before: list[bytes] = []

    def note(tx: Transaction) -> None:
        sealed_before.extend(bytes(each) for each in tx.execute(select(PICTURE.c.sealed)).scalars())
        sealed_before.extend(
            bytes(each) for each in tx.execute(select(CASE.c.form)).scalars() if each
        )

    desk.sent()
    desk.do(note)
    desk.do(applying.withdraw, desk.member)
    INTO[state](desk)

    def left(tx: Transaction) -> list[int]:
        counted = [
            tx.execute(select(func.count()).select_from(each)) for each in (PICTURE, CASE_KEY)
        ]
        return [each.scalar_one() for each in counted]

    assert desk.do(left) == [0, 0]
    desk.db.close_here()  # the last connection writes the journal back
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(sealed_before) == 3
    for needle in (MARKER[:38], *(each[:64] for each in sealed_before)):
        assert needle not in everything
    assert generate_id_number(1).encode() not in everything


def test_what_is_kept_of_an_open_case_is_sealed(desk: Desk, tmp_path: Path) -> None:
    desk.sent()
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for text in (MARKER[:38], generate_id_number(1).encode(), b"1990-02-28"):
        assert text not in everything


def test_a_claim_is_one_reviewer_s_until_it_ends(desk: Desk) -> None:
    number = desk.claimed()
    assert desk.code(reviewing.claim, desk.second, number) == "case_claimed"
    for review in ("form", "look", "ask", "approve", "refuse", "release"):
        swapped = Desk(desk.db, desk.now, desk.member, desk.second, desk.first)
        assert REVIEWS[review](swapped, number) == "claim_ended"
    desk.now[0] += CLAIM_LIFETIME - 1
    desk.do(reviewing.prolong, desk.first, number)
    desk.now[0] += CLAIM_LIFETIME
    assert desk.code(reviewing.approve, desk.first, number, RULES) == "claim_ended"
    assert [line.case.number for line in desk.do(reviewing.queue, desk.second, RULES, limit=9)] == [
        number
    ]
    assert desk.code(reviewing.claim, desk.second, number) == "ok"
    assert desk.do(reviewing.queue, desk.first, RULES, limit=9) == []
    assert desk.code(reviewing.approve, desk.second, number, RULES) == "ok"


def test_the_queue_is_in_the_order_of_sending_and_an_answer_keeps_its_place(desk: Desk) -> None:
    first = _to_needs_more(desk)
    desk.now[0] += 3 * 24 * 3600  # over a weekend
    second = desk.sent(desk.register("0900000002"), 2)
    desk.do(applying.send, desk.member)
    lines = desk.do(reviewing.queue, desk.second, RULES, limit=9)
    assert [(line.case.number, line.age) for line in lines] == [(first, 1), (second, 0)]


def test_more_is_asked_for_once(desk: Desk) -> None:
    number = _to_needs_more(desk)
    assert desk.case().deadline == end_of_day(date(2026, 12, 8))
    desk.do(applying.send, desk.member)
    desk.do(reviewing.claim, desk.first, number)
    assert REVIEWS["ask"](desk, number) == "asked_before"


def test_a_holiday_moves_the_deadline(desk: Desk) -> None:
    number = desk.claimed()
    rules = CaseRules(holidays=frozenset({date(2026, 12, 1), date(2026, 12, 5)}))
    desk.do(reviewing.ask_for_more, desk.first, number, "?", rules)
    assert desk.case().deadline == end_of_day(date(2026, 12, 9))
    desk.now[0] = end_of_day(date(2026, 12, 9))
    assert desk.do(applying.expire) == 0
    desk.now[0] += 1
    assert desk.do(applying.expire) == 1
    assert desk.do(applying.expire) == 0


def test_an_old_draft_is_thrown_away(desk: Desk) -> None:
    _to_draft(desk)
    desk.now[0] += DRAFT_LIFETIME
    assert desk.do(applying.expire) == 0
    desk.now[0] += 1
    assert desk.do(applying.expire) == 1
    assert desk.do(cases_of_member, desk.member) == []


def test_two_cases_with_one_id_number_make_one_gold_member(desk: Desk) -> None:
    other = desk.register("0900000002")
    numbers = [desk.sent(), desk.sent(other)]
    for staff, number in zip((desk.first, desk.second), numbers, strict=True):
        desk.do(reviewing.claim, staff, number)
    states = [
        desk.do(reviewing.approve, staff, number, RULES).state
        for staff, number in zip((desk.first, desk.second), numbers, strict=True)
    ]
    assert states == [CaseState.APPROVED, CaseState.REFUSED]
    refused = desk.do(cases_of_member, other)[0]
    assert (refused.reason, refused.taken_by) == ("id_number_taken", "0900***001")
    assert not desk.do(members.is_gold, other)


def test_a_case_of_who_became_gold_elsewhere_ends(desk: Desk) -> None:
    number = desk.claimed()
    desk.do(members.make_gold, desk.member, Proven(Way.COUNTER, generate_id_number(1), None, {}))
    assert desk.do(reviewing.approve, desk.first, number, RULES).state is CaseState.WITHDRAWN


def test_a_decision_is_taken_once(desk: Desk) -> None:
    number = _to_refused(desk)
    assert REVIEWS["approve"](desk, number) == REVIEWS["refuse"](desk, number) == "claim_ended"
    desk.do(applying.withdraw, desk.member)
    assert desk.case().state is CaseState.REFUSED


def test_where_two_have_to_agree_the_second_decides(desk: Desk) -> None:
    rules = CaseRules(two_reviewers=True)
    number = desk.claimed()
    assert desk.do(reviewing.approve, desk.first, number, rules).state is CaseState.SENT
    assert desk.code(reviewing.claim, desk.first, number) == "second_reviewer"
    assert desk.do(reviewing.queue, desk.first, rules, limit=9) == []
    desk.do(reviewing.claim, desk.second, number)
    reason = RefusalReason.NOT_LEGIBLE
    assert desk.do(reviewing.refuse, desk.second, number, reason, rules).state is CaseState.SENT
    desk.do(reviewing.claim, desk.first, number)
    refused = desk.do(reviewing.refuse, desk.first, number, reason, rules)
    assert (refused.state, refused.reason) == (CaseState.REFUSED, "not_legible")


@pytest.mark.parametrize(
    ("born", "code"),
    [
        (date(2019, 11, 27), "ok"),
        (date(2019, 11, 28), "too_young"),
        (date(2026, 1, 1), "too_young"),
    ],
)
def test_who_is_not_seven_yet_cannot_apply(desk: Desk, born: date, code: str) -> None:
    desk.do(applying.begin, desk.member)
    assert desk.code(applying.write_form, desk.member, form(born=born)) == code


def test_who_turns_seven_tomorrow_applies_tomorrow(desk: Desk) -> None:
    desk.do(applying.begin, desk.member)
    child = form(born=date(2019, 11, 28))
    assert desk.code(applying.write_form, desk.member, child) == "too_young"
    desk.now[0] += 15 * 3600 - 1  # the last second of the day in Taiwan, which is UTC+8
    assert desk.code(applying.write_form, desk.member, child) == "too_young"
    desk.now[0] += 1
    assert desk.code(applying.write_form, desk.member, child) == "ok"


def test_another_member_s_case_is_unknown(desk: Desk) -> None:
    number = desk.sent()
    other = desk.register("0900000002")
    assert desk.code(applying.own_case, desk.member, number) == "ok"
    assert desk.code(applying.own_case, other, number) == "case_unknown"
    assert desk.code(applying.own_case, other, new_case_number()) == "case_unknown"


def test_a_picture_opens_only_in_its_place(desk: Desk) -> None:
    desk.sent()

    def swap(tx: Transaction) -> None:
        sealed = {row.side: row.sealed for row in tx.execute(select(PICTURE))}
        for side, other in (("front", "back"), ("back", "front")):
            values = {"sealed": sealed[other]}
            tx.execute(PICTURE.update().where(PICTURE.c.side == side).values(values))

    desk.do(swap)
    case = desk.case().id
    assert desk.code(vault.open_picture, case, "front") == PortalCode.INTERNAL


def test_steps_audit_and_notices_tell_the_whole_way(desk: Desk) -> None:
    number = _to_needs_more(desk)
    desk.do(applying.send, desk.member)
    desk.do(reviewing.claim, desk.second, number)
    desk.do(reviewing.read_picture, desk.second, number, Side.FRONT)
    desk.do(reviewing.approve, desk.second, number, RULES)
    steps = desk.do(steps_of, desk.case().id)
    assert [(step.state.value, step.staff) for step in steps] == [
        ("sent", None),
        ("in_review", desk.first),
        ("needs_more", desk.first),
        ("sent", None),
        ("in_review", desk.second),
        ("approved", desk.second),
    ]
    lines = [line for line, _ in desk.do(lambda tx: list(audit.lines(tx)))]
    assert [line.event for line in lines if line.subject == number] == [
        *("case_sent", "case_claimed", "case_asked", "case_sent", "case_claimed", "case_look"),
        "upgrade_online",
    ]
    kinds = desk.do(
        lambda tx: list(tx.execute(select(NOTICE.c.kind).order_by(NOTICE.c.id)).scalars())
    )
    assert kinds == ["case_sent", "case_needs_more", "gold"]


def test_who_leaves_takes_the_cases_along(desk: Desk) -> None:
    _to_refused(desk)
    desk.sent()
    desk.do(delete_all, desk.member)
    assert desk.do(cases_of_member, desk.member) == []


@given(st.integers(0, 8), st.sampled_from("23456789ABCDEFGHJKMNPQRSTUVWXYZ"))
def test_a_case_number_that_was_heard_wrongly_is_noticed(place: int, heard: str) -> None:
    number = new_case_number()
    plain = number.replace("-", "")
    assert parse_case_number(f" {plain.lower()[:4]} {plain[4:]}") == number
    wrong = plain[:place] + heard + plain[place + 1 :]
    assert (parse_case_number(wrong) is None) == (wrong != plain)
    if place < 8 and plain[place] != plain[place + 1]:
        swapped = plain[:place] + plain[place + 1] + plain[place] + plain[place + 2 :]
        assert parse_case_number(swapped) is None


@pytest.mark.parametrize("text", ["", "ABC", "0" * 9, "２" * 400, "7K3-M92-QF1", "None"])
def test_what_is_no_case_number_is_none(text: str) -> None:
    assert parse_case_number(text) is None


days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(days, st.integers(1, 20), st.frozensets(days, max_size=40))
def test_counting_working_days_forth_and_back(
    first: date, count: int, holidays: frozenset[date]
) -> None:
    last = workdays_after(first, count, holidays)
    assert last.weekday() < 5
    assert last not in holidays
    assert workdays_between(first, last, holidays) == count
