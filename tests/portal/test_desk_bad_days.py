"""A reviewer who is removed while at work, and clocks that are wrong: no case is held up by it."""

import asyncio

import pytest

from agent.portal.operations import command
from tests.portal.desk_support import QUEUE, Reviewer, apply, reviewer
from tests.portal.programs import database_arguments
from tests.portal.staff_support import audit_of
from tests.portal.support import Person, Site

pytestmark = pytest.mark.both_databases
HOUR = 60 * 60


@pytest.fixture
async def first(site: Site, citizen: Person) -> Reviewer:
    return await reviewer(site, citizen)


@pytest.fixture
async def second(site: Site, other_citizen: Person) -> Reviewer:
    return await reviewer(site, other_citizen, name="許測試")


async def sees(browser: Reviewer, number: str) -> int:
    """Give the status that a picture of a case is answered with."""
    status, _ = await browser.picture(number)
    return status


async def test_a_reviewer_who_is_removed_leaves_the_case_to_the_others_at_once(
    site: Site, first: Reviewer, second: Reviewer
) -> None:
    """As the operator's command removes them."""
    number = await apply(site)
    await first.claim(number)
    words = ["staff", "remove", "1", *database_arguments(site.folder)]
    assert await asyncio.to_thread(command.main, words) == 0
    assert await sees(first, number) == 303
    assert "<img" in (await second.claim(number)).text
    assert await sees(second, number) == 200
    lines = [each for each in await audit_of(site) if each.event == "case_released"]
    assert [(each.staff, each.subject) for each in lines] == [(1, number)]
    assert await first.log_in(first.person) == "not_staff"


async def test_only_claims_that_run_are_given_back(
    site: Site, first: Reviewer, second: Reviewer
) -> None:
    """The other's case stays theirs, and so does what the one who leaves has finished."""
    left, taken = await apply(site, 1), await apply(site, 2)
    await first.claim(left)
    await first.send(f"{QUEUE}/cases/{left}/release", {})
    await second.claim(taken)
    words = ["staff", "remove", "1", *database_arguments(site.folder)]
    assert await asyncio.to_thread(command.main, words) == 0
    assert await sees(second, taken) == 200
    lines = [each for each in await audit_of(site) if each.event == "case_released"]
    assert len(lines) == 1


async def test_a_claim_by_a_clock_that_was_ahead_holds_no_case_up(
    site: Site, first: Reviewer, second: Reviewer
) -> None:
    number = await apply(site)
    site.clock.offset = 5 * HOUR
    await first.come_back()
    await first.claim(number)
    site.clock.offset = 0
    await second.come_back()
    assert number in (await second.open(QUEUE)).text
    assert (await second.send(f"{QUEUE}/next", {})).location == f"{QUEUE}/cases/{number}"
    assert await sees(second, number) == 200
    await first.come_back()
    assert await sees(first, number) == 409


async def test_clocks_that_differ_by_little_end_neither_session_nor_claim(
    site: Site, first: Reviewer, second: Reviewer
) -> None:
    """Two machines are never in the same second, and a clock is put right while people work."""
    number = await apply(site)
    await first.claim(number)
    site.clock.offset = -30
    assert await sees(first, number) == 200
    assert "<img" not in (await second.claim(number)).text
    assert (await second.open(QUEUE)).status == 200
