"""The desk from a reviewer's browser: who sees what, who decides, and what a second time does."""

import asyncio
import io

import msgspec
import pytest
from PIL import Image, ImageChops
from sqlalchemy import update

from agent.portal import members
from agent.portal.contact import parse_contact
from agent.portal.members import Proven, Way, make_gold, register
from agent.portal.moments import day_in_taipei
from agent.portal.online import applying, vault
from agent.portal.online.records import case_of_number, form_of
from agent.portal.online.states import CLAIM_LIFETIME, CaseState
from agent.portal.online.tables import CASE
from agent.portal.staff.register import Role, remove_staff
from agent.portal.store.transaction import Transaction
from tests.portal.desk_support import (
    QUEUE,
    TICKED,
    Applicant,
    Reviewer,
    apply,
    case_of,
    picture,
    reviewer,
)
from tests.portal.staff_support import audit_of, events, transact
from tests.portal.support import Person, Site, Visitor

SECRETS = ("陳測試", Applicant(1).id_number, "1990-01-31")


@pytest.fixture
async def first(site: Site, citizen: Person) -> Reviewer:
    return await reviewer(site, citizen)


@pytest.fixture
async def second(site: Site, other_citizen: Person) -> Reviewer:
    return await reviewer(site, other_citizen, name="許測試")


def closed_says(text: str, sentence: str) -> None:
    assert sentence in text
    assert "<img" not in text
    for secret in SECRETS:
        assert secret not in text


async def test_the_queue_shows_numbers_and_nobodys_data(site: Site, first: Reviewer) -> None:
    number = await apply(site)
    page = await first.open(QUEUE)
    assert number in page.text
    for secret in SECRETS:
        assert secret not in page.text
    assert page.headers["Cache-Control"] == "no-store"


async def test_the_oldest_case_comes_first_and_opens_next(site: Site, first: Reviewer) -> None:
    oldest = await apply(site, 1)
    site.clock.offset += 60
    younger = await apply(site, 2)
    page = await first.open(QUEUE)
    assert page.text.index(oldest) < page.text.index(younger)
    assert (await first.send(f"{QUEUE}/next", {})).location == f"{QUEUE}/cases/{oldest}"
    # An open one is gone on with, instead of another being taken.
    assert (await first.send(f"{QUEUE}/next", {})).location == f"{QUEUE}/cases/{oldest}"
    assert (await case_of(site, younger)).state is CaseState.SENT


async def test_a_claimed_case_shows_form_and_pictures_beside_each_other(
    site: Site, first: Reviewer
) -> None:
    number = await apply(site)
    page = await first.claim(number)
    assert page.status == 200
    for secret in SECRETS:
        assert secret in page.text
    assert "ROC 79-1-31" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    for side in ("front", "back"):
        assert f'src="{QUEUE}/cases/{number}/pictures/{side}"' in page.text


async def test_a_picture_is_marked_kept_nowhere_and_each_look_is_a_line(
    site: Site, first: Reviewer
) -> None:
    number = await apply(site)
    await first.claim(number)
    before = len(await events(site, "case_look"))
    path = f"{QUEUE}/cases/{number}/pictures/front"
    async with first.http.get(path) as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Disposition"] == "inline"
        assert response.content_type == "image/jpeg"
        marked = await response.read()
    with Image.open(io.BytesIO(marked)) as shown, Image.open(io.BytesIO(picture())) as original:
        assert shown.size == original.size
        changed = ImageChops.difference(shown, original.convert("RGB")).convert("L")
    assert changed.getextrema()[1] > 20
    looks = [each for each in await audit_of(site) if each.event == "case_look"]
    assert len(looks) == before + 1
    assert looks[-1].subject == number
    assert looks[-1].staff == 1


async def test_a_picture_is_no_page_of_its_own(site: Site, first: Reviewer) -> None:
    """What a browser calls a document can be saved and printed with its own buttons."""
    number = await apply(site)
    await first.claim(number)
    for destination in ("document", "iframe", "empty"):
        assert (await first.picture(number, **{"Sec-Fetch-Dest": destination}))[0] == 404
    assert (await first.picture(number, **{"Sec-Fetch-Dest": "image"}))[0] == 200


async def test_nobody_but_the_reviewer_who_claimed_sees_a_picture(
    site: Site, first: Reviewer, second: Reviewer, visitor: Visitor
) -> None:
    number = await apply(site)
    assert (await first.picture(number))[0] == 409  # before the claim
    await first.claim(number)
    assert (await first.picture(number))[0] == 200
    assert (await second.picture(number))[0] == 409
    await visitor.register(Applicant(1).contact)  # the applicant, logged in as a member
    for browser in (visitor, await site.visitor()):
        async with browser.http.get(
            f"{QUEUE}/cases/{number}/pictures/front", allow_redirects=False
        ) as response:
            assert response.status == 303
            assert response.headers["Location"].startswith("/staff/login")
    closed_says((await second.open(f"{QUEUE}/cases/{number}")).text, "林測試 is reviewing")


@pytest.mark.parametrize("role", [each for each in Role if each is not Role.REVIEWER])
async def test_other_roles_see_nothing_of_the_desk(
    site: Site, first: Reviewer, other_citizen: Person, role: Role
) -> None:
    number = await apply(site)
    await first.claim(number)
    other = await reviewer(site, other_citizen, role)
    assert (await other.picture(number))[0] == 403
    for path in (QUEUE, f"{QUEUE}/cases/{number}"):
        page = await other.open(path)
        assert page.status == 403
        assert page.text.count(number) == path.count(number)  # where a language was chosen
    for what in ("claim", "approve", "refuse", "ask", "release", "prolong"):
        assert (await other.send(f"{QUEUE}/cases/{number}/{what}", {})).status == 403
    assert (await case_of(site, number)).claimed_by == 1


@pytest.mark.parametrize("how", ["release", "approve", "refuse", "ask", "withdraw", "time"])
async def test_pictures_are_closed_when_the_claim_is_over(
    site: Site, first: Reviewer, how: str
) -> None:
    number = await apply(site)
    page = await first.claim(number)
    if how == "time":
        site.clock.offset += CLAIM_LIFETIME + 1
        await first.come_back()
    elif how == "withdraw":
        member = await transact(site, Applicant(1).member)
        await transact(site, lambda tx: applying.withdraw(tx, member))
    elif how == "release":
        assert (await first.send(f"{QUEUE}/cases/{number}/release", {})).status == 303
    else:
        done = await first.decide(number, page, how, **ENTERED[how])
        assert done.status == 303, done.text
    assert (await first.picture(number))[0] == 409
    again = await first.open(f"{QUEUE}/cases/{number}")  # the back button asks the server
    closed_says(again.text, number)


ENTERED = {
    "approve": {**TICKED, "then": "queue"},
    "refuse": {"reason": "data_differ", "then": "queue"},
    "ask": {"text": "Please send the back again.", "then": "queue"},
}


async def test_an_approval_makes_gold_and_opens_the_next_case(site: Site, first: Reviewer) -> None:
    number = await apply(site, 1)
    site.clock.offset += 60
    following = await apply(site, 2)
    page = await first.claim(number)
    done = await first.decide(number, page, "approve", **TICKED, then="next")
    assert (done.status, done.location) == (
        303,
        f"{QUEUE}/cases/{following}?after={number}",
    )
    member = await transact(site, Applicant(1).member)
    assert await transact(site, lambda tx: members.is_gold(tx, member))
    shown = await first.open(done.location)
    assert f"{number}: approved." in shown.text
    assert following in shown.text


@pytest.mark.parametrize("missing", TICKED)
async def test_no_approval_without_every_point(site: Site, first: Reviewer, missing: str) -> None:
    number = await apply(site)
    page = await first.claim(number)
    fields = {name: value for name, value in TICKED.items() if name != missing}
    refused = await first.decide(number, page, "approve", **fields)
    assert refused.status == 422
    assert 'data-code="checks"' in refused.text
    assert refused.text.count(" checked>") == len(fields) + 1  # and the switch of the keys
    assert (await case_of(site, number)).state is CaseState.IN_REVIEW


@pytest.mark.parametrize(
    ("how", "fields", "problem"),
    [
        ("refuse", {}, "reason"),
        ("refuse", {"reason": "because"}, "reason"),
        ("ask", {}, "question"),
        ("ask", {"text": "x" * 501}, "question"),
        ("ask", {"text": f"Is {Applicant(1).id_number} yours?"}, "id_number"),
    ],
)
async def test_what_was_sent_badly_is_shown_again_and_decides_nothing(
    site: Site, first: Reviewer, how: str, fields: dict[str, str], problem: str
) -> None:
    number = await apply(site)
    page = await first.claim(number)
    refused = await first.decide(number, page, how, **fields)
    assert refused.status == 422
    assert f'data-code="{problem}"' in refused.text
    assert f'data-decision="{how}" class="{how}" open' in refused.text
    assert fields.get("text", "") in refused.text
    assert (await case_of(site, number)).state is CaseState.IN_REVIEW


@pytest.mark.parametrize("how", ENTERED)
async def test_a_decision_that_is_sent_twice_is_taken_once(
    site: Site, first: Reviewer, how: str
) -> None:
    number = await apply(site)
    page = await first.claim(number)
    fields = ENTERED[how]
    answers = await asyncio.gather(*(first.decide(number, page, how, **fields) for _ in range(2)))
    answers.append(await first.decide(number, page, how, **fields))  # from the back button
    assert {(each.status, each.location) for each in answers} == {(303, f"{QUEUE}?after={number}")}
    kinds = ("upgrade_online", "case_refused", "case_asked")
    assert len(await events(site, *kinds)) == 1


async def test_another_decision_on_an_old_page_decides_nothing(site: Site, first: Reviewer) -> None:
    number = await apply(site)
    page = await first.claim(number)
    await first.decide(number, page, "refuse", reason="not_legible", then="queue")
    late = await first.decide(number, page, "approve", **TICKED, then="queue")
    assert late.status == 409
    case = await case_of(site, number)
    assert (case.state, case.reason) == (CaseState.REFUSED, "not_legible")


@pytest.mark.parametrize("how", ENTERED)
async def test_a_claim_that_ran_out_decides_nothing(
    site: Site, first: Reviewer, second: Reviewer, how: str
) -> None:
    number = await apply(site)
    page = await first.claim(number)
    site.clock.offset += CLAIM_LIFETIME + 1
    await first.come_back()
    late = await first.decide(number, page, how, **ENTERED[how])
    assert late.status == 409
    closed_says(late.text, "Nobody is reviewing this case.")
    await second.come_back()
    await second.claim(number)
    late = await first.decide(number, page, how, **ENTERED[how])
    assert late.status == 409
    closed_says(late.text, "許測試 is reviewing this case.")
    assert (await case_of(site, number)).claimed_by == 2
    assert (await case_of(site, number)).state is CaseState.IN_REVIEW


async def test_a_page_from_before_the_applicant_answered_decides_nothing(
    site: Site, first: Reviewer
) -> None:
    number = await apply(site)
    old = await first.claim(number)
    await first.decide(number, old, "ask", text="Please send it again.", then="queue")
    member = await transact(site, Applicant(1).member)
    await transact(site, lambda tx: applying.send(tx, member))
    new = await first.claim(number)
    assert "has been asked for more once" in new.text
    late = await first.decide(number, old, "approve", **TICKED, then="queue")
    assert late.status == 409
    assert 'data-code="changed"' in late.text
    done = await first.decide(number, new, "approve", **TICKED, then="queue")
    assert done.status == 303


async def test_two_reviewers_at_once_one_case_each(
    site: Site, first: Reviewer, second: Reviewer
) -> None:
    numbers = {await apply(site, each) for each in (1, 2)}
    taken = await asyncio.gather(*(each.send(f"{QUEUE}/next", {}) for each in (first, second)))
    assert {each.location.removeprefix(f"{QUEUE}/cases/") for each in taken} == numbers


async def test_two_reviewers_at_once_want_the_same_case(
    site: Site, first: Reviewer, second: Reviewer
) -> None:
    number = await apply(site)
    pages = await asyncio.gather(first.claim(number), second.claim(number))
    assert sorted("<img" in each.text for each in pages) == [False, True]
    assert len(await events(site, "case_claimed")) == 1


async def test_a_reviewer_who_leaves_sees_nothing_more_and_frees_the_case_in_time(
    site: Site, first: Reviewer, second: Reviewer
) -> None:
    number = await apply(site)
    await first.claim(number)
    assert await transact(site, lambda tx: remove_staff(tx, 1))
    assert (await first.picture(number))[0] == 303
    assert (await first.open(f"{QUEUE}/cases/{number}")).location.startswith("/staff/login")
    closed_says((await second.claim(number)).text, "林測試 is reviewing this case.")
    site.clock.offset += CLAIM_LIFETIME + 1
    await second.come_back()
    assert "<img" in (await second.claim(number)).text


async def test_work_keeps_a_case(site: Site, first: Reviewer) -> None:
    number = await apply(site)
    await first.claim(number)
    for _ in range(5):
        site.clock.offset += 5 * 60
        status, answer = await first.post(f"{QUEUE}/cases/{number}/prolong")
        assert (status, answer) == (200, {"left": CLAIM_LIFETIME})
    site.clock.offset += CLAIM_LIFETIME + 1
    await first.come_back()
    assert await first.code(f"{QUEUE}/cases/{number}/prolong") == "claim_ended"


async def test_nobody_reviews_their_own_case(site: Site, citizen: Person) -> None:
    browser = await reviewer(site, citizen, name="陳測試")
    own = await apply(site, 1)
    site.clock.offset += 60
    other = await apply(site, 2, name="乙測試")
    claimed = await browser.send(f"{QUEUE}/cases/{own}/claim", {})
    page = await browser.open(claimed.location)
    assert "This application is your own." in page.text
    assert Applicant(1).id_number not in page.text
    assert (await browser.picture(own))[0] == 409
    assert (await case_of(site, own)).state is CaseState.SENT
    assert ("case_claimed", "own_account") in await events(site, "case_claimed")
    assert (await browser.send(f"{QUEUE}/next", {})).location == f"{QUEUE}/cases/{other}"


async def test_a_child_under_seven_is_not_approved(site: Site, first: Reviewer) -> None:
    """Nobody grows younger; but what was sent is checked again when it is decided."""
    number = await apply(site)
    page = await first.claim(number)

    def make_young(tx: Transaction) -> None:
        case = case_of_number(tx, number)
        written = form_of(tx, case)
        assert written is not None
        form = msgspec.structs.replace(written, born=day_in_taipei(tx.now))
        sealed = vault.seal_form(tx, case.id, msgspec.json.encode(form))
        tx.execute(update(CASE).where(CASE.c.id == case.id).values(form=sealed))

    await transact(site, make_young)
    refused = await first.decide(number, page, "approve", **TICKED)
    assert refused.status == 422
    assert 'data-code="too_young"' in refused.text


async def test_an_id_number_of_another_member_shows_only_in_the_decision(
    site: Site, first: Reviewer
) -> None:
    number = await apply(site, 1)
    page = await first.claim(number)
    assert "another gold member" not in page.text

    def take(tx: Transaction) -> None:
        other = register(tx, parse_contact("0920000001"))
        assert make_gold(tx, other, Proven(Way.COUNTER, Applicant(1).id_number, "丙", {})) is None

    await transact(site, take)
    done = await first.decide(number, page, "approve", **TICKED, then="queue")
    shown = await first.open(done.location)
    assert "not approved but refused" in shown.text
    assert (await case_of(site, number)).reason == "id_number_taken"


@pytest.mark.parametrize("number", ["222-222-222", "x" * 300, "7K3-M92-QFX'--", "..%2f.."])
async def test_a_number_that_was_made_up_finds_nothing(first: Reviewer, number: str) -> None:
    for path in (f"{QUEUE}/cases/{number}", f"{QUEUE}/cases/{number}/pictures/front"):
        assert (await first.open(path)).status == 404
    assert (await first.send(f"{QUEUE}/cases/{number}/claim", {})).status == 404
    assert (await first.open(f"{QUEUE}?after={number}&number={number}&show=x&kind=y")).status == 200


async def test_a_form_of_another_site_does_nothing(site: Site, first: Reviewer) -> None:
    number = await apply(site)
    page = await first.claim(number)
    foreign = {"Origin": "https://elsewhere.example"}
    for how, fields in ENTERED.items():
        seen = page.text.split('name="seen" value="')[1].split('"')[0]
        path = f"{QUEUE}/cases/{number}/{how}"
        assert (await first.send(path, {"seen": seen, **fields}, **foreign)).status == 403
    assert (await case_of(site, number)).state is CaseState.IN_REVIEW


async def test_a_name_cannot_become_markup(site: Site, first: Reviewer) -> None:
    number = await apply(site, 1, name="<script>alert(1)</script>")
    page = await first.claim(number)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
