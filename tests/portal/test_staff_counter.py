"""Way 2: the clerk finds, registers, records, and makes gold; two at once, twice, and wrongly."""

import asyncio
from pathlib import Path

import pytest

from agent.portal.staff.register import Role
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from tests.portal.staff_support import (
    APPLICATION,
    StaffBrowser,
    events,
    hire,
    notices,
    staff_browser,
)
from tests.portal.support import MOBILE, Person, Site, Visitor, issue

ID_NUMBER = generate_id_number(77)
FORM = APPLICATION | {"id_number": ID_NUMBER}


@pytest.fixture
async def clerk(site: Site, other_citizen: Person) -> StaffBrowser:
    return await staff_browser(site, other_citizen, Role.CLERK)


@pytest.mark.both_databases
async def test_a_member_becomes_gold_and_is_told(
    site: Site, clerk: StaffBrowser, visitor: Visitor
) -> None:
    await visitor.register()
    visit = await clerk.begin("0900-000-001")
    assert MOBILE not in (await clerk.open(visit)).text  # masked, and nothing of the member
    await clerk.confirm(visit)
    assert 'name="id_number"' in (await clerk.open(visit)).text
    done = await clerk.send(visit, FORM)
    assert (done.status, done.location) == (303, visit)
    member = await visitor.member()
    assert (member["grade"], member["name"]) == ("gold", "陳測試")
    receipt = await clerk.open(f"{visit}/receipt")
    assert "陳測試" in receipt.text
    assert ID_NUMBER not in receipt.text
    assert f"{ID_NUMBER[0]}•••••{ID_NUMBER[-4:]}" in receipt.text
    assert "AB12" in receipt.text
    assert (await notices(site))[-1] == ("gold", MOBILE)
    assert await events(site, "member_looked_up", "upgrade_counter", "receipt_shown") == [
        ("member_looked_up", "ok"),
        ("upgrade_counter", "ok"),
        ("receipt_shown", "ok"),
    ]


async def test_who_has_no_account_is_registered_by_the_code_that_is_read_out(
    site: Site, clerk: StaffBrowser, visitor: Visitor
) -> None:
    visit = await clerk.begin("new@example.org")
    refused = await clerk.send(visit, FORM)
    assert refused.status == 404  # not before the contact is confirmed
    await clerk.send(f"{visit}/code", {})
    wrong = await clerk.send(f"{visit}/confirm", {"code": "abc"})
    assert wrong.status == 403
    await clerk.confirm(visit)
    assert (await clerk.send(visit, FORM)).status == 303
    assert (await visitor.register("new@example.org"))["grade"] == "gold"
    assert ("registered", "ok") in await events(site, "registered")


@pytest.mark.both_databases
async def test_a_double_click_and_the_back_button_do_it_once(
    site: Site, clerk: StaffBrowser
) -> None:
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    answers = await asyncio.gather(*(clerk.send(visit, FORM) for _ in range(5)))
    assert {(each.status, each.location) for each in answers} == {(303, visit)}
    assert await events(site, "upgrade_counter") == [("upgrade_counter", "ok")]
    again = await clerk.send(f"{visit}/confirm", {"code": "000000"})
    assert (again.status, again.location) == (303, visit)


@pytest.mark.both_databases
async def test_two_clerks_with_one_id_number_make_one_gold_member(
    test_issuer: TestIssuer, site: Site, clerk: StaffBrowser
) -> None:
    colleague = await staff_browser(site, issue(test_issuer, 9, name="黃測試"), Role.CLERK)
    visits = [await clerk.begin(MOBILE), await colleague.begin("0900000002")]
    await clerk.confirm(visits[0])
    await colleague.confirm(visits[1])
    answers = await asyncio.gather(clerk.send(visits[0], FORM), colleague.send(visits[1], FORM))
    assert sorted(each.status for each in answers) == [303, 409]
    (refused,) = (each for each in answers if each.status == 409)
    assert "0900***00" in refused.text  # whose account has it: the number was proven
    outcomes = [outcome for _, outcome in await events(site, "upgrade_counter")]
    assert sorted(outcomes) == ["id_number_taken", "ok"]


@pytest.mark.both_databases
async def test_the_clerk_and_the_member_at_once(
    site: Site, clerk: StaffBrowser, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    form = FORM | {"id_number": citizen.id_number}
    body = await visitor.upgrade_body(citizen)
    by_card, by_counter = await asyncio.gather(
        visitor.code("/api/upgrade/card", body), clerk.send(visit, form)
    )
    assert (by_card, by_counter.status) in [("ok", 409), ("already_gold", 303)]
    assert (await visitor.member())["grade"] == "gold"
    gold = [outcome for _, outcome in await events(site, "upgrade_card", "upgrade_counter")]
    assert gold.count("ok") == 1


async def test_a_gold_member_is_told_so_and_nothing_is_done(
    clerk: StaffBrowser, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    shown = await clerk.open(visit)
    assert 'id="already-gold"' in shown.text
    assert (await clerk.send(visit, FORM)).status == 409
    assert (await clerk.open(f"{visit}/receipt")).status == 404


async def test_nobody_upgrades_their_own_account(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    """A clerk's own account is one that their card logs in to."""
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    await hire(site, citizen, Role.CLERK, Role.SUPERVISOR)
    browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    assert await browser.log_in(citizen) == "ok"
    visit = await browser.begin(MOBILE)
    await browser.confirm(visit)
    refused = await browser.send(visit, FORM)
    assert refused.status == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id_number": "A123456788"}, "id_number"),
        ({"id_number": ""}, "id_number"),
        ({"name": " \u3164 "}, "name"),
        ({"name": "\u202e陳"}, "name"),
        ({"birth_date": "2026-02-29"}, "birth_date"),
        ({"birth_date": "115-11-28"}, "birth_date"),
        ({"document_1": "library_card"}, "document_1"),
        ({"document_1_last4": "12"}, "document_1_last4"),
        ({"document_2": "national_id", "document_2_last4": "1234"}, "document_2"),
        ({"applicant": "friend"}, "applicant"),
        ({"applicant": "proxy", "proxy_id": "yes"}, "proxy_letter"),
        ({"birth_date": "2015-01-01"}, "representative"),
        ({"consent": ""}, "consent"),
    ],
)
async def test_what_is_missing_or_wrong_is_said_at_its_field(
    clerk: StaffBrowser, change: dict[str, str], field: str
) -> None:
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    refused = await clerk.send(visit, FORM | change)
    assert refused.status == 422
    assert f'id="{field}-error"' in refused.text
    assert (await clerk.send(visit, FORM)).status == 303


async def test_a_minor_with_consent_and_a_proxy_with_both_papers_are_served(
    clerk: StaffBrowser,
) -> None:
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    papers = {"applicant": "proxy", "proxy_id": "yes", "proxy_letter": "yes"}
    minor = {"birth_date": "104/01/01", "representative": "yes"}
    assert (await clerk.send(visit, FORM | papers | minor)).status == 303


async def test_a_visit_belongs_to_its_clerk_and_ends(
    test_issuer: TestIssuer, site: Site, clerk: StaffBrowser
) -> None:
    person = issue(test_issuer, 9, name="黃測試")
    colleague = await staff_browser(site, person, Role.CLERK, Role.SUPERVISOR)
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    for path in (visit, f"{visit}/receipt", visit.replace("counter", "upgrades")):
        assert (await colleague.open(path)).status == 404
    for path in (visit, f"{visit}/code", f"{visit}/confirm"):
        assert (await colleague.send(path, FORM | {"code": "000000"})).status == 404
    site.clock.offset += 9 * 60  # the session lives, by a request
    assert (await clerk.open("/staff")).status == 200
    site.clock.offset += 9 * 60
    assert (await clerk.open("/staff")).status == 200
    site.clock.offset += 9 * 60
    assert (await clerk.open("/staff")).status == 200
    site.clock.offset += 4 * 60
    assert (await clerk.open(visit)).status == 404


async def test_a_session_that_ends_in_the_middle_leads_to_the_login_and_keeps_the_visit(
    site: Site, clerk: StaffBrowser, other_citizen: Person
) -> None:
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    site.clock.offset += 11 * 60
    ended = await clerk.send(visit, FORM)
    assert (ended.status, ended.location) == (303, "/staff/login?ended=1&next=/staff")
    assert await events(site, "upgrade_counter") == []
    assert await clerk.log_in(other_citizen) == "ok"
    assert (await clerk.send(visit, FORM)).status == 303


@pytest.mark.parametrize(
    "typed", ["' OR 1=1 --", "%", "_", "*", "09", "0900", "\x00", "<script>", "a" * 300]
)
async def test_only_a_whole_contact_finds_anybody(clerk: StaffBrowser, typed: str) -> None:
    refused = await clerk.send("/staff/counter", {"contact": typed})
    assert refused.status == 400
    assert "<script>" not in refused.text


async def test_searching_is_limited(clerk: StaffBrowser) -> None:
    answers = [
        await clerk.send("/staff/counter", {"contact": f"09{number:08}"}) for number in range(40)
    ]
    assert [each.status for each in answers].count(429) in range(8, 11)


@pytest.mark.sqlite
async def test_what_the_receipt_says_is_not_in_the_database_in_clear(
    site: Site, clerk: StaffBrowser, visitor: Visitor
) -> None:
    await visitor.register()
    await visitor.post("/api/profile", {"name": "王測試"})
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    await clerk.send(visit, FORM | {"name": "測試記號·收據"})
    assert "測試記號·收據" in (await clerk.open(f"{visit}/receipt")).text
    files = await asyncio.to_thread(_octets, site.folder)
    assert all(each.encode() not in files for each in (ID_NUMBER, "測試記號·收據"))


def _octets(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("portal.db*"))
