"""Where two reviewers have to agree, and how the queue is filtered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.portal import members
from agent.portal.online import applying
from agent.portal.online.states import CaseState
from agent.virtualcard.issuer import TestIssuer
from tests.portal.desk_support import QUEUE, TICKED, Applicant, Reviewer, apply, case_of, reviewer
from tests.portal.staff_support import transact
from tests.portal.support import Person, Site, SiteOptions, running_site


@pytest.fixture
async def strict(
    test_issuer: TestIssuer, citizen: Person, other_citizen: Person, tmp_path: Path
) -> AsyncIterator[Site]:
    """A site on which two reviewers have to agree; both people have cards that it knows."""
    del citizen, other_citizen
    options = SiteOptions(settings={"two_reviewers": True})
    async with running_site(test_issuer, tmp_path, options) as running:
        yield running


@pytest.fixture
async def first(strict: Site, citizen: Person) -> Reviewer:
    return await reviewer(strict, citizen)


@pytest.fixture
async def second(strict: Site, other_citizen: Person) -> Reviewer:
    return await reviewer(strict, other_citizen, name="許測試")


async def is_gold(site: Site, number: int) -> bool:
    member = await transact(site, Applicant(number).member)
    return await transact(site, lambda tx: members.is_gold(tx, member))


async def test_a_first_approval_is_a_proposal_that_its_reviewer_cannot_agree_to(
    strict: Site, first: Reviewer, second: Reviewer
) -> None:
    number = await apply(strict)
    page = await first.claim(number)
    assert "You propose that" in page.text
    proposed = await first.decide(number, page, "approve", **TICKED, then="next")
    assert proposed.location == f"{QUEUE}?after={number}&none=1"
    assert "waits for a second reviewer" in (await first.open(proposed.location)).text
    assert not await is_gold(strict, 1)
    assert (await first.picture(number))[0] == 409
    again = await first.claim(number)
    assert "You have proposed a decision." in again.text
    assert "<img" not in again.text
    page = await second.claim(number)
    assert "林測試 has proposed" in page.text
    assert "You propose that" not in page.text
    done = await second.decide(number, page, "approve", **TICKED, then="queue")
    assert done.status == 303
    assert await is_gold(strict, 1)


async def test_a_second_reviewer_who_disagrees_proposes_in_turn(
    strict: Site, first: Reviewer, second: Reviewer
) -> None:
    number = await apply(strict)
    page = await first.claim(number)
    await first.decide(number, page, "approve", **TICKED, then="queue")
    page = await second.claim(number)
    done = await second.decide(number, page, "refuse", reason="data_differ", then="queue")
    assert "waits for a second reviewer" in (await second.open(done.location)).text
    assert (await case_of(strict, number)).state is CaseState.SENT
    page = await first.claim(number)
    assert "To refuse: Data differ from the form" in page.text
    done = await first.decide(number, page, "refuse", reason="data_differ", then="queue")
    case = await case_of(strict, number)
    assert (case.state, case.reason) == (CaseState.REFUSED, "data_differ")
    assert not await is_gold(strict, 1)


async def test_a_proposal_that_is_sent_again_stays_a_proposal(
    strict: Site, first: Reviewer
) -> None:
    number = await apply(strict)
    page = await first.claim(number)
    for _ in range(3):
        sent = await first.decide(number, page, "approve", **TICKED, then="queue")
        assert (sent.status, sent.location) == (303, f"{QUEUE}?after={number}")
    assert not await is_gold(strict, 1)


async def test_the_queue_is_filtered_by_what_happened_and_by_number(
    strict: Site, first: Reviewer, second: Reviewer
) -> None:
    fresh, answered, proposed = [await apply(strict, each) for each in (1, 2, 3)]
    page = await second.claim(answered)
    await second.decide(answered, page, "ask", text="Please send it again.", then="queue")
    page = await second.open(f"{QUEUE}?show=asked")
    assert answered in page.text
    member = await transact(strict, Applicant(2).member)
    await transact(strict, lambda tx: applying.send(tx, member))
    page = await second.claim(proposed)
    await second.decide(proposed, page, "approve", **TICKED, then="queue")
    seen = {
        "": {fresh, answered, proposed},
        "kind=first": {fresh, proposed},
        "kind=answered": {answered},
        "kind=second": {proposed},
        f"number={fresh.replace('-', '').lower()}": {fresh},
        "number=nonsense": set(),
        "show=mine": set(),
        "show=held": set(),
        "show=asked": set(),
        "show=decided": set(),
    }
    for query, wanted in seen.items():
        page = await first.open(f"{QUEUE}?{query}")
        rows = page.text.partition("<tbody>")[2]
        assert {each for each in (fresh, answered, proposed) if each in rows} == wanted, query
    await first.claim(fresh)
    assert fresh in (await first.open(f"{QUEUE}?show=mine")).text
    assert fresh in (await second.open(f"{QUEUE}?show=held")).text
    page = await first.open(f"{QUEUE}/cases/{fresh}")
    await first.decide(fresh, page, "refuse", reason="not_legible", then="queue")
    assert fresh not in (await first.open(f"{QUEUE}?show=decided")).text.partition("<tbody>")[2]
