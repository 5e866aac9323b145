"""Closing a gold member's account by a case: from the member's side and from the desk's."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from agent.portal import members
from agent.portal.account.closing import GRACE_S, begin_closing, end_closed_accounts
from agent.portal.desk.forms import POINTS
from agent.portal.online.records import case_of_number
from agent.portal.online.states import CaseKind, CaseState
from agent.portal.online.tables import CASE, CASE_KEY, PICTURE
from agent.portal.store.tables import MEMBER
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.words import SOURCE, load
from tests.portal.account_support import become_gold, mentions, notices
from tests.portal.desk_support import QUEUE, Reviewer, apply, reviewer
from tests.portal.staff_support import audit_of, transact
from tests.portal.support import Person, Site, SiteOptions, Visitor, running_site
from tests.portal.test_online_pages import FORM, Page, picture, post, show, upload

OWN = str(FORM["id_number"])
OTHER = generate_id_number(78)
TICKED = {f"check_{each.value}": "1" for each in POINTS[CaseKind.CLOSING]}
CLOSING = {"kind": "closing"}


@pytest.fixture
async def member(site: Site, visitor: Visitor) -> str:
    """Let the visitor be a member who became gold at a counter and has no card."""
    return await become_member(site, visitor)


@pytest.fixture
async def desk(site: Site, other_citizen: Person) -> Reviewer:
    return await reviewer(site, other_citizen)


async def become_member(site: Site, visitor: Visitor) -> str:
    known = str((await visitor.register())["id"])
    await transact(site, lambda tx: become_gold(tx, known, OWN))
    return known


async def ask(visitor: Visitor, id_number: str = OWN) -> str:
    """Ask for closing; give the case number."""
    begun = await post(visitor, "/ways/online/begin", CLOSING)
    assert (begun.status, begun.path) == (200, "/ways/online/form")
    await post(visitor, "/ways/online/form", {**FORM, "id_number": id_number})
    for side in ("front", "back"):
        await upload(visitor, side, picture())
    page = await post(visitor, "/ways/online/check", {"consent": "yes"})
    assert 'data-state="sent"' in page.text, page.text
    return page.path.rpartition("/")[2]


async def closing_of(site: Site, member: str) -> int | None:
    return await transact(site, lambda tx: members.closing_of(tx, member))


async def sealed_rows(site: Site) -> int:
    def count(tx: Transaction) -> int:
        counted = [select(func.count()).select_from(each) for each in (PICTURE, CASE_KEY)]
        return sum(tx.execute(each).scalar_one() for each in counted)

    return await transact(site, count)


@pytest.mark.both_databases
async def test_a_gold_member_without_a_card_closes_by_a_case_and_may_keep_the_account(
    site: Site, visitor: Visitor, desk: Reviewer, member: str
) -> None:
    page = await show(visitor, "/account/close")
    assert 'id="begin-case"' in page.text
    assert "/account/close/code" not in page.text
    number = await ask(visitor)
    _, known = await visitor.get("/api/account/applications")
    (application,) = known["applications"]
    assert (application["number"], application["closes_account"]) == (number, True)
    assert f"/ways/online/case/{number}" in (await show(visitor, "/account/close")).text
    shown = await desk.claim(number)
    assert 'id="closing"' in shown.text
    assert 'data-same="yes"' in shown.text
    assert "becomes a gold member" not in shown.text
    done = await desk.decide(number, shown, "approve", **TICKED, then="queue")
    assert f"{number}: approved. The account ends" in (await desk.open(done.location)).text
    assert await sealed_rows(site) == 0
    assert await closing_of(site, member) is not None
    told = [kind for kind, _ in await transact(site, notices)]
    assert told == ["case_sent", "closing"]
    (line,) = [each for each in await audit_of(site) if each.event == "account_closing"]
    assert (line.outcome, line.member, line.subject) == ("ok", member, number)
    assert line.staff is not None
    assert 'data-state="approved"' in (await show(visitor, f"/ways/online/case/{number}")).text
    assert (await post(visitor, "/account/keep", {"sent": "yes"})).status == 200
    assert await closing_of(site, member) is None
    assert (await visitor.member())["grade"] == "gold"


async def test_seven_days_after_the_decision_only_the_audit_knows_the_member(
    site: Site, visitor: Visitor, desk: Reviewer, member: str
) -> None:
    number = await ask(visitor)
    await desk.decide(number, await desk.claim(number), "approve", **TICKED)
    site.clock.offset = GRACE_S + 60
    await transact(site, end_closed_accounts)
    assert await transact(site, lambda tx: mentions(tx, member)) == {"audit"}
    assert await transact(site, lambda tx: members.member_of_id_number(tx, OWN)) is None


@pytest.mark.parametrize("path", ["form", "pictures", "check"])
async def test_every_page_of_it_says_that_it_closes_the_account(
    visitor: Visitor, member: str, path: str
) -> None:
    del member
    await post(visitor, "/ways/online/begin", CLOSING)
    await post(visitor, "/ways/online/form", FORM)
    page = await show(visitor, f"/ways/online/{path}")
    assert 'id="closing"' in page.text
    assert "線上轉成金質會員" not in page.text
    assert ("備註" in page.text) is (path != "pictures")


async def test_a_number_that_is_not_the_accounts_is_not_approved_and_can_be_mended(
    site: Site, visitor: Visitor, desk: Reviewer, member: str
) -> None:
    number = await ask(visitor, OTHER)
    page = await desk.claim(number)
    assert 'data-same="no"' in page.text
    refused = await desk.decide(number, page, "approve", **TICKED)
    assert (refused.status, 'data-code="other_number"' in refused.text) == (422, True)
    assert await closing_of(site, member) is None
    await desk.decide(number, page, "ask", text="Which is your number?")
    await post(visitor, "/ways/online/form", FORM)
    await post(visitor, "/ways/online/check", {"consent": "yes"})
    page = await desk.claim(number)
    assert 'data-same="yes"' in page.text
    await desk.decide(number, page, "approve", **TICKED)
    assert await closing_of(site, member) is not None


async def test_a_refusal_closes_nothing_and_leads_to_another_application(
    site: Site, visitor: Visitor, desk: Reviewer, member: str
) -> None:
    number = await ask(visitor, OTHER)
    await desk.decide(number, await desk.claim(number), "refuse", reason="other_number")
    page = await show(visitor, f"/ways/online/case/{number}")
    assert 'data-reason="other_number"' in page.text
    assert 'id="to-close"' in page.text
    assert await closing_of(site, member) is None
    assert await sealed_rows(site) == 0
    assert [kind for kind, _ in await transact(site, notices)] == ["case_sent", "case_decided"]
    assert (await ask(visitor)) != number


@pytest.mark.parametrize("reason", ["id_number_taken", "too_young", "x"])
async def test_reasons_of_the_other_kind_refuse_nothing(
    visitor: Visitor, desk: Reviewer, member: str, reason: str
) -> None:
    del member
    number = await ask(visitor)
    page = await desk.claim(number)
    assert f'value="{reason}"' not in page.text
    refused = await desk.decide(number, page, "refuse", reason=reason)
    assert (refused.status, 'data-code="reason"' in refused.text) == (422, True)


async def test_the_point_of_an_upgrade_does_not_approve_a_closing(
    visitor: Visitor, desk: Reviewer, member: str
) -> None:
    del member
    number = await ask(visitor)
    fields = {name: "1" for name in TICKED if name != "check_closing"} | {"check_age": "1"}
    refused = await desk.decide(number, await desk.claim(number), "approve", **fields)
    assert (refused.status, 'data-code="checks"' in refused.text) == (422, True)


async def test_the_queue_marks_it_and_finds_it(
    site: Site, visitor: Visitor, desk: Reviewer, member: str
) -> None:
    del member
    number, upgrade = await ask(visitor), await apply(site)
    word = f"{load(SOURCE)['desk.kind.closing']}</span>"
    assert (await desk.open(QUEUE)).text.count(word) == 1
    found = (await desk.open(f"{QUEUE}?kind=closing")).text
    assert (number in found, upgrade in found) == (True, False)


async def test_who_cannot_close_so_is_led_to_where_they_can(site: Site, visitor: Visitor) -> None:
    known = str((await visitor.register())["id"])
    begun = await post(visitor, "/ways/online/begin", CLOSING)  # ordinary: by a code
    assert (begun.path, "/account/close/code" in begun.text) == ("/account/close", True)
    await transact(site, lambda tx: become_gold(tx, known, OWN))
    await transact(site, lambda tx: begin_closing(tx, known))
    begun = await post(visitor, "/ways/online/begin", CLOSING)
    assert (begun.path, 'id="keep-account"' in begun.text) == ("/account/close", True)


async def test_an_application_to_become_gold_that_is_open_comes_first(
    site: Site, visitor: Visitor
) -> None:
    known = str((await visitor.register())["id"])
    await post(visitor, "/ways/online/begin")
    await post(visitor, "/ways/online/form", FORM)
    for side in ("front", "back"):
        await upload(visitor, side, picture())
    page = await post(visitor, "/ways/online/check", {"consent": "yes"})
    await transact(site, lambda tx: become_gold(tx, known, OWN))  # at a counter
    begun = await post(visitor, "/ways/online/begin", CLOSING)
    assert (begun.status, begun.code) == (409, "case_open")
    assert page.path in begun.text
    await post(visitor, "/ways/online/withdraw")
    assert await ask(visitor)


async def test_a_draft_of_the_other_kind_gives_way(site: Site, visitor: Visitor) -> None:
    known = str((await visitor.register())["id"])
    await post(visitor, "/ways/online/begin")
    await transact(site, lambda tx: become_gold(tx, known, OWN))
    await post(visitor, "/ways/online/begin", CLOSING)
    kinds = await transact(site, lambda tx: list(tx.execute(select(CASE.c.kind)).scalars()))
    assert kinds == ["closing"]
    thrown: Page = await post(visitor, "/ways/online/withdraw")
    assert thrown.path == "/account/close"


async def test_closed_by_both_proofs_it_ends_as_was_said_first(
    site: Site, visitor: Visitor, desk: Reviewer, member: str
) -> None:
    number = await ask(visitor)
    await transact(site, lambda tx: begin_closing(tx, member))  # by a card, added since
    first = await closing_of(site, member)
    site.clock.offset += 300
    await desk.decide(number, await desk.claim(number), "approve", **TICKED)
    assert await closing_of(site, member) == first
    case = await transact(site, lambda tx: case_of_number(tx, number))
    assert case.state is CaseState.APPROVED


async def test_an_upgrade_is_not_called_taken_because_its_account_is_closing(
    site: Site, desk: Reviewer
) -> None:
    number = await apply(site)
    case = await transact(site, lambda tx: case_of_number(tx, number))
    await transact(site, lambda tx: begin_closing(tx, case.member))
    page = await desk.claim(number)
    fields = {f"check_{each.value}": "1" for each in POINTS[CaseKind.UPGRADE]}
    await desk.decide(number, page, "approve", **fields)
    case = await transact(site, lambda tx: case_of_number(tx, number))
    assert (case.state, case.reason) == (CaseState.WITHDRAWN, None)


async def test_an_account_whose_upgrade_was_taken_back_is_not_closed_by_it(
    site: Site, visitor: Visitor, desk: Reviewer, member: str
) -> None:
    number = await ask(visitor)
    columns = ("gold_since", "gold_way", "id_number_hash", "id_number_last4")
    ordinary = {"grade": "ordinary", **dict.fromkeys(columns)}
    await transact(site, lambda tx: tx.execute(update(MEMBER).values(ordinary)).rowcount)
    refused = await desk.decide(number, await desk.claim(number), "approve", **TICKED)
    assert (refused.status, 'data-code="other_number"' in refused.text) == (422, True)
    assert await closing_of(site, member) is None


@pytest.fixture
async def strict(
    test_issuer: TestIssuer, citizen: Person, other_citizen: Person, tmp_path: Path
) -> AsyncIterator[Site]:
    """A site on which two reviewers have to agree; both people have cards that it knows."""
    del citizen, other_citizen
    options = SiteOptions(settings={"two_reviewers": True})
    async with running_site(test_issuer, tmp_path, options) as running:
        yield running


async def test_two_people_have_to_agree_where_that_is_set(
    strict: Site, citizen: Person, other_citizen: Person
) -> None:
    visitor = await strict.visitor()
    member = await become_member(strict, visitor)
    first = await reviewer(strict, citizen)
    second = await reviewer(strict, other_citizen, name="許測試")
    number = await ask(visitor)
    page = await first.claim(number)
    assert "You propose that the account of" in page.text
    await first.decide(number, page, "approve", **TICKED)
    assert await closing_of(strict, member) is None
    await second.decide(number, await second.claim(number), "approve", **TICKED)
    assert await closing_of(strict, member) is not None


@pytest.mark.both_databases
async def test_begun_in_two_tabs_it_is_one_case(site: Site, visitor: Visitor, member: str) -> None:
    del member
    await asyncio.gather(*(post(visitor, "/ways/online/begin", CLOSING) for _ in range(4)))
    assert await transact(site, lambda tx: len(tx.execute(select(CASE.c.id)).all())) == 1
