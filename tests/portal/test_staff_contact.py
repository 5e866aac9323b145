"""A member's contact is changed at the counter: proven, told, once, and for nobody else."""

import asyncio
import re

import pytest
from sqlalchemy import select, update

from agent.portal.account.closing import GRACE_S, begin_closing, end_closed_accounts
from agent.portal.contact import LoginKind, parse_contact
from agent.portal.counter.tables import CONTACT_CHANGE
from agent.portal.members import add_login, member_of_contact
from agent.portal.staff.register import Role
from agent.portal.store.tables import MEMBER, STAFF
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from tests.portal.account_support import become_gold, change_contact
from tests.portal.account_support import notices as told
from tests.portal.staff_support import (
    Page,
    StaffBrowser,
    audit_of,
    events,
    staff_browser,
    transact,
)
from tests.portal.support import MOBILE, Person, Site, Visitor

ROOT = "/staff/counter/contact"
KEPT = re.compile(r'(?<=name="kept" value=")[^"]+')
OWN = generate_id_number(901)
NEW = "0922333444"
MAIL = "person@example.org"
FORM = {
    "contact": MOBILE,
    "id_number": OWN,
    "document_1": "national_id",
    "document_1_last4": "ab12",
    "new_contact": NEW,
    "in_person": "yes",
}


@pytest.fixture
async def clerk(site: Site, other_citizen: Person) -> StaffBrowser:
    return await staff_browser(site, other_citizen, Role.CLERK)


@pytest.fixture
async def member(site: Site, visitor: Visitor) -> str:
    """Let the visitor be a gold member without a card."""
    known = str((await visitor.register())["id"])
    await transact(site, lambda tx: become_gold(tx, known, OWN))
    return known


async def begin(clerk: StaffBrowser, **fields: str) -> str:
    found = await clerk.send(ROOT, FORM | fields)
    assert found.status == 303, found.text
    return found.location


async def code_for(clerk: StaffBrowser, visit: str) -> str:
    return (await clerk.send(f"{visit}/code", {})).one(r'id="demo-code">(\d{6})<')


async def finish(clerk: StaffBrowser, visit: str) -> Page:
    return await clerk.send(f"{visit}/confirm", {"code": await code_for(clerk, visit)})


async def owner(site: Site, contact: str) -> str | None:
    return await transact(site, lambda tx: member_of_contact(tx, parse_contact(contact)))


@pytest.mark.both_databases
async def test_a_contact_is_changed_and_both_are_told(
    site: Site, clerk: StaffBrowser, visitor: Visitor, member: str
) -> None:
    visit = await begin(clerk)
    shown = await clerk.open(visit)
    assert not [each for each in (MOBILE, NEW, "王測試", OWN) if each in shown.text]
    done = await finish(clerk, visit)
    assert (done.status, done.location) == (303, visit)
    assert 'id="done"' in (await clerk.open(visit)).text
    assert (await owner(site, NEW), await owner(site, MOBILE)) == (member, None)
    assert await transact(site, told) == [("contact_changed", MOBILE), ("contact_changed", NEW)]
    assert await visitor.member() is None  # logged out, as somebody with the old one is
    (line,) = [each for each in await audit_of(site) if each.event == "contact_changed"]
    assert (line.outcome, line.member, line.subject) == ("ok", member, visit.rpartition("/")[2])
    assert line.staff is not None
    again = await site.visitor()
    assert (await again.register(NEW))["id"] == member


async def test_of_the_document_kind_and_four_characters_are_kept_and_go_with_the_account(
    site: Site, clerk: StaffBrowser, visitor: Visitor, member: str
) -> None:
    del visitor
    await finish(clerk, await begin(clerk))
    row = await transact(site, lambda tx: tx.execute(select(CONTACT_CHANGE)).one()._asdict())
    assert (row["member"], row["document"]) == (member, "national_id")
    kept = ("document_last4", "old_contact", "new_contact")
    assert [row[name] for name in kept] == ["AB12", "0900***001", "0922***444"]
    await transact(site, lambda tx: begin_closing(tx, member))
    site.clock.offset = GRACE_S + 60
    await transact(site, end_closed_accounts)
    assert await transact(site, lambda tx: len(tx.execute(select(CONTACT_CHANGE)).all())) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"id_number": generate_id_number(902)},
        {"contact": "0955666777"},
        {"contact": "stranger@example.org"},
    ],
)
async def test_contact_and_number_of_no_one_account_begin_nothing(
    site: Site, clerk: StaffBrowser, member: str, fields: dict[str, str]
) -> None:
    del member
    refused = await clerk.send(ROOT, FORM | fields)
    assert (refused.status, refused.one(r'data-code="(\w+)"')) == (403, "member_not_proven")
    assert await events(site, "member_looked_up") == [("member_looked_up", "member_not_proven")]


async def test_an_ordinary_members_and_nobodys_contact_are_answered_alike(
    clerk: StaffBrowser, visitor: Visitor
) -> None:
    await visitor.register()
    ordinary = await clerk.send(ROOT, FORM)
    nobody = await clerk.send(ROOT, FORM | {"contact": "0955666777"})
    # Each page carries itself in the other languages, sealed, which is never twice the same.
    alike, others = (KEPT.sub("", answer.text) for answer in (ordinary, nobody))
    assert alike.replace(MOBILE, "") == others.replace("0955666777", "")


@pytest.mark.both_databases
async def test_a_contact_that_another_account_has_is_not_given_away(
    site: Site, clerk: StaffBrowser, member: str
) -> None:
    other = await site.visitor()
    theirs = (await other.register(NEW))["id"]
    visit = await begin(clerk)  # nothing is said before the code
    refused = await finish(clerk, visit)
    assert (refused.status, refused.one(r'data-code="(\w+)"')) == (409, "contact_taken")
    assert "There is an account with this number" in refused.text
    assert (await owner(site, NEW), await owner(site, MOBILE)) == (theirs, member)
    assert await events(site, "contact_changed") == [("contact_changed", "contact_taken")]


async def test_an_address_takes_the_place_of_a_number_and_of_an_address(
    site: Site, clerk: StaffBrowser, visitor: Visitor, member: str
) -> None:
    await change_contact(visitor, MAIL)
    await finish(clerk, await begin(clerk, new_contact="new@example.org"))
    owners = [await owner(site, each) for each in (MOBILE, MAIL, "new@example.org")]
    assert owners == [None, None, member]
    kinds = [contact for _, contact in await transact(site, told)]
    assert kinds[-3:] == [MOBILE, MAIL, "new@example.org"]


async def test_another_kind_of_contact_stays(
    site: Site, clerk: StaffBrowser, visitor: Visitor, member: str
) -> None:
    await change_contact(visitor, MAIL)
    await finish(clerk, await begin(clerk))
    assert [await owner(site, each) for each in (MOBILE, MAIL, NEW)] == [None, member, member]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("contact", "", "ten-digit mobile number"),
        ("id_number", "A123456780", "id_number-error"),
        ("document_1", "", "choose the document"),
        ("document_1_last4", "12", "Four letters or digits"),
        ("new_contact", "x", "ten-digit mobile number"),
        ("new_contact", "0900 000 001", "that is to be changed"),
        ("in_person", "", "come in person"),
    ],
)
async def test_what_is_missing_or_wrong_stands_beside_its_field(
    clerk: StaffBrowser, member: str, field: str, typed: str, said: str
) -> None:
    del member
    page = await clerk.send(ROOT, FORM | {field: typed})
    assert (page.status, said in page.text) == (422, True)
    assert f'id="{field}-error"' in page.text
    assert page.text.count("field-error") == 1


async def test_a_wrong_code_changes_nothing_and_a_double_click_does_it_once(
    site: Site, clerk: StaffBrowser, member: str
) -> None:
    visit = await begin(clerk)
    code = await code_for(clerk, visit)
    wrong = "000000" if code != "000000" else "111111"
    assert (await clerk.send(f"{visit}/confirm", {"code": wrong})).status == 403
    assert await owner(site, MOBILE) == member
    fields = {"code": code}
    answers = await asyncio.gather(*(clerk.send(f"{visit}/confirm", fields) for _ in range(4)))
    assert {each.status for each in answers} == {303}
    assert await events(site, "contact_changed") == [("contact_changed", "ok")]


async def test_what_happens_while_the_code_is_on_its_way_is_looked_at_again(
    site: Site, clerk: StaffBrowser, visitor: Visitor, member: str
) -> None:
    del member
    visit = await begin(clerk)
    await change_contact(visitor, "0933444555")  # by the member, elsewhere
    refused = await finish(clerk, visit)
    assert refused.one(r'data-code="(\w+)"') == "member_not_proven"
    assert await owner(site, NEW) is None
    visit = await begin(clerk, contact="0933444555")
    columns = ("gold_since", "gold_way", "id_number_hash", "id_number_last4")
    ordinary = {"grade": "ordinary", **dict.fromkeys(columns)}
    await transact(site, lambda tx: tx.execute(update(MEMBER).values(ordinary)).rowcount)
    assert (await finish(clerk, visit)).one(r'data-code="(\w+)"') == "member_not_proven"


async def test_nobody_changes_their_own(
    site: Site, clerk: StaffBrowser, visitor: Visitor, member: str, other_citizen: Person
) -> None:
    del visitor, other_citizen

    def add_the_clerks_card(tx: Transaction) -> None:
        key = tx.execute(select(STAFF.c.card_key)).scalar_one()
        add_login(tx, member, LoginKind.CARD, key, "1234")

    await transact(site, add_the_clerks_card)
    refused = await clerk.send(ROOT, FORM)
    assert (refused.status, refused.one(r'data-code="(\w+)"')) == (403, "own_account")


async def test_a_visit_is_its_clerks_own_and_of_its_own_kind(
    site: Site, clerk: StaffBrowser, citizen: Person, member: str
) -> None:
    del member
    visit = await begin(clerk)
    number = visit.rpartition("/")[2]
    assert (await clerk.open(f"/staff/counter/{number}")).status == 404
    colleague = await staff_browser(site, citizen, Role.CLERK)
    for path in (visit, f"{visit}/code", f"{visit}/confirm"):
        answer = await (colleague.open(path) if path == visit else colleague.send(path, {}))
        assert answer.status == 404
    ordinary = await clerk.begin(MOBILE)
    assert (await clerk.open(f"{ROOT}/{ordinary.rpartition('/')[2]}")).status == 404


async def test_nobody_works_through_id_numbers(clerk: StaffBrowser, member: str) -> None:
    del member
    tries = [FORM | {"id_number": generate_id_number(number)} for number in range(31)]
    statuses = [(await clerk.send(ROOT, each)).status for each in tries]
    assert statuses == [403] * 30 + [429]
