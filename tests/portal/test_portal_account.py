"""What members do about their own account: contacts, card, data, closing it."""

import asyncio
import json
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from agent.cms.login import LoginPurpose
from agent.portal.account.applications import StepState, line_of_steps
from agent.portal.account.closing import GRACE_S, end_closed_accounts
from agent.portal.contact import Contact, LoginKind
from agent.portal.members import Proven, Way, make_gold, register
from agent.portal.store.tables import AUDIT, MEMBER, METADATA, NOTICE
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.words import Language, say
from tests.portal.databases import CHOSEN
from tests.portal.support import MOBILE, Clock, Person, Site, Visitor, issue, running_site, signed

MAIL = "tester@example.test"
OTHER_MOBILE = "0900000002"
HTML = {"Accept": "text/html", "Accept-Language": "en"}
DEMO_CODE = re.compile(r'class="demo-code">([0-9]{6})<')
REFUSED = re.compile(r'data-code="([a-z_]+)"')


async def page(visitor: Visitor, path: str) -> tuple[int, str]:
    async with visitor.http.get(path, headers=HTML, allow_redirects=False) as response:
        return response.status, await response.text()


async def submit(visitor: Visitor, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
    """Post a form; give the status and the page, or where it leads."""
    headers = {**HTML, "Origin": visitor.origin}
    async with visitor.http.post(
        path, data=fields, headers=headers, allow_redirects=False
    ) as response:
        body = await response.text()
        return response.status, response.headers.get("Location", body)


def refusal(answer: tuple[int, str]) -> str:
    found = REFUSED.search(answer[1])
    assert found is not None, answer
    return found[1]


async def contact_code(visitor: Visitor, contact: str) -> str:
    status, shown = await submit(visitor, "/account/contacts/code", {"contact": contact})
    found = DEMO_CODE.search(shown)
    assert status == 200, shown
    assert found is not None, shown
    return found[1]


async def change_contact(visitor: Visitor, contact: str) -> tuple[int, str]:
    fields = {"contact": contact, "code": await contact_code(visitor, contact)}
    return await submit(visitor, "/account/contacts", fields)


async def logins(visitor: Visitor) -> list[str]:
    return [login["label"] for login in (await visitor.member())["logins"]]


async def in_database(site: Site, work: Any, *arguments: Any) -> Any:
    """Run a transaction on the site's database, as another process does."""
    return await in_folder(site.folder, site.clock, work, *arguments)


async def in_folder(folder: Path, clock: Clock, work: Any, *arguments: Any) -> Any:
    """Run a transaction on the database of a folder."""

    def run() -> Any:
        db = CHOSEN.open_in(folder, clock=clock)
        try:
            return db.run_here(work, *arguments)
        finally:
            db.close_here()

    return await asyncio.to_thread(run)


def notices(tx: Transaction) -> list[tuple[str, str]]:
    rows = tx.execute(select(NOTICE.c.kind, NOTICE.c.contact).order_by(NOTICE.c.id))
    return [
        (row.kind, row.contact) for row in rows if row.kind not in {"code", "gold", "registered"}
    ]


# Contacts.


async def test_another_contact_is_added_by_its_code_and_both_are_told(
    site: Site, visitor: Visitor
) -> None:
    member = await visitor.register()
    assert await change_contact(visitor, MAIL) == (303, "/account/contacts?changed")
    assert await logins(visitor) == ["0900***001", "t***@example.test"]
    assert await in_database(site, notices) == [
        ("contact_changed", MOBILE),
        ("contact_changed", MAIL),
    ]
    by_mail = await site.visitor()
    assert (await by_mail.register(MAIL))["id"] == member["id"]


@pytest.mark.both_databases
async def test_a_new_number_takes_the_place_of_the_old_one_and_ends_other_sessions(
    site: Site, visitor: Visitor
) -> None:
    member = await visitor.register()
    elsewhere = await site.visitor()
    assert (await elsewhere.register())["id"] == member["id"]
    assert (await change_contact(visitor, OTHER_MOBILE))[0] == 303
    assert await logins(visitor) == ["0900***002"]
    assert await elsewhere.member() is None
    assert {contact for _, contact in await in_database(site, notices)} == {MOBILE, OTHER_MOBILE}
    stranger = await site.visitor()
    assert (await stranger.register(MOBILE))["id"] != member["id"]


async def test_the_contact_of_another_is_told_only_to_who_has_its_code(
    site: Site, visitor: Visitor
) -> None:
    other = await site.visitor()
    await other.register(OTHER_MOBILE)
    await visitor.register()
    code = await contact_code(visitor, OTHER_MOBILE)  # as for a number that nobody has
    wrong = f"{(int(code) + 1) % 10**6:06}"
    fields = {"contact": OTHER_MOBILE, "code": wrong}
    assert refusal(await submit(visitor, "/account/contacts", fields)) == "otp_incorrect"
    answer = await submit(visitor, "/account/contacts", fields | {"code": code})
    assert (answer[0], refusal(answer)) == (409, "contact_taken")
    assert await logins(visitor) == ["0900***001"]
    assert await logins(other) == ["0900***002"]


async def test_a_double_click_changes_a_contact_once(site: Site, visitor: Visitor) -> None:
    await visitor.register()
    fields = {"contact": MAIL, "code": await contact_code(visitor, MAIL)}
    answers = [await submit(visitor, "/account/contacts", fields) for _ in range(2)]
    assert answers == [(303, "/account/contacts?changed")] * 2
    assert len(await in_database(site, notices)) == 2


async def test_a_used_code_brings_no_removed_contact_back(visitor: Visitor) -> None:
    await visitor.register()
    fields = {"contact": MAIL, "code": await contact_code(visitor, MAIL)}
    assert (await submit(visitor, "/account/contacts", fields))[0] == 303
    removed = await submit(visitor, "/account/contacts/remove", {"kind": "email"})
    assert removed == (303, "/account/contacts?removed")
    assert refusal(await submit(visitor, "/account/contacts", fields)) == "otp_expired"
    assert await logins(visitor) == ["0900***001"]


async def test_one_contact_always_stays(visitor: Visitor) -> None:
    await visitor.register()
    answer = await submit(visitor, "/account/contacts/remove", {"kind": "mobile"})
    assert (answer[0], refusal(answer)) == (409, "contact_needed")
    assert (await submit(visitor, "/account/contacts/remove", {"kind": "email"}))[0] == 303
    assert await logins(visitor) == ["0900***001"]


@pytest.mark.parametrize(
    ("contact", "code"), [(MOBILE, "contact_yours"), ("somewhere", "contact_invalid")]
)
async def test_what_cannot_be_a_new_contact_is_said_before_a_code_is_sent(
    visitor: Visitor, contact: str, code: str
) -> None:
    await visitor.register()
    answer = await submit(visitor, "/account/contacts/code", {"contact": contact})
    assert refusal(answer) == code
    assert f'value="{contact}"' in answer[1]


async def test_a_gold_member_who_lost_the_contact_changes_it_after_a_card_login(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    member = await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    again = await site.visitor()
    assert await again.login(citizen) == "ok"
    assert (await change_contact(again, OTHER_MOBILE))[0] == 303
    by_phone = await site.visitor()
    assert (await by_phone.register(OTHER_MOBILE))["id"] == member["id"]


# The card.


async def card_body(visitor: Visitor, person: Person, id_number: str = "") -> dict[str, str]:
    typed = {"id_number": id_number or person.id_number}
    status, challenge = await visitor.post("/api/account/card/challenge", typed)
    assert status == 200, challenge
    return signed(challenge, person, visitor.origin)


async def close_body(visitor: Visitor, person: Person) -> dict[str, str]:
    status, challenge = await visitor.post("/api/account/close/challenge")
    assert status == 200, challenge
    return signed(challenge, person, visitor.origin)


@pytest.mark.both_databases
async def test_a_replaced_card_takes_the_place_of_the_old_one(
    test_issuer: TestIssuer, site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    elsewhere = await site.visitor()
    assert await elsewhere.login(citizen) == "ok"
    new = issue(test_issuer, 1)  # the same ID number
    assert new.subject_serial != citizen.subject_serial
    site.publish()
    body = await card_body(visitor, new)
    assert await visitor.code("/api/account/card", body) == "ok"
    assert await visitor.code("/api/account/card", body) == "ok"
    assert await in_database(site, notices) == [("card_replaced", MOBILE)]
    assert await elsewhere.member() is None
    stranger = await site.visitor()
    assert await stranger.login(citizen) == "card_not_registered"
    assert await stranger.login(new) == "ok"


async def test_the_same_card_again_changes_nothing(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    before = await visitor.member()
    assert await visitor.code("/api/account/card", await card_body(visitor, citizen)) == "ok"
    assert await visitor.member() == before
    assert await in_database(site, notices) == []


def become_gold(tx: Transaction, member_id: str, id_number: str) -> None:
    proven = Proven(Way.COUNTER, id_number, "王測試", {"national_id": True})
    assert make_gold(tx, member_id, proven) is None


async def test_a_card_is_added_to_an_account_that_became_gold_without_one(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    member = await visitor.register()
    await in_database(site, become_gold, member["id"], citizen.id_number)
    assert (await visitor.member())["gold_way"] == "counter"
    assert await visitor.code("/api/account/card", await card_body(visitor, citizen)) == "ok"
    assert await in_database(site, notices) == [("card_added", MOBILE)]
    stranger = await site.visitor()
    assert await stranger.login(citizen) == "ok"


async def test_nobody_elses_card_is_added(
    site: Site, visitor: Visitor, citizen: Person, other_citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    body = await card_body(visitor, other_citizen)
    assert await visitor.code("/api/account/card", body) == "id_number_mismatch"
    body = await card_body(visitor, other_citizen, citizen.id_number)
    assert await visitor.code("/api/account/card", body) == "id_number_mismatch"
    assert await in_database(site, notices) == []


async def test_a_signature_for_one_purpose_does_nothing_else(
    visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    body = await card_body(visitor, citizen)
    assert await visitor.code("/api/account/close", body) == "challenge_unknown"
    _, challenge = await visitor.post("/api/account/close/challenge")
    login = signed(challenge, citizen, visitor.origin, LoginPurpose.LOGIN)
    assert await visitor.code("/api/account/close", login) == "purpose_mismatch"
    assert (await visitor.member())["closing"] is None


# Who has the number already.


async def test_who_proves_a_number_that_is_taken_learns_which_account_has_it(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    second = await site.visitor()
    await second.register(MAIL)
    body = await second.upgrade_body(citizen)
    status, answer = await second.post("/api/upgrade/card", body)
    error = answer["error"]
    assert (status, error["code"], error["contact"]) == (409, "id_number_taken", "0900***001")
    assert all("0900***001" in said for said in error["message"].values())


async def test_who_does_not_prove_it_learns_nothing(
    site: Site, visitor: Visitor, citizen: Person, other_citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    second = await site.visitor()
    await second.register(MAIL)
    body = await second.upgrade_body(other_citizen, citizen.id_number)
    status, answer = await second.post("/api/upgrade/card", body)
    assert (status, answer["error"]["code"]) == (403, "id_number_mismatch")
    assert "0900***001" not in json.dumps(answer)


# Closing.


async def close_codes(visitor: Visitor) -> list[str]:
    status, shown = await submit(visitor, "/account/close/code", {})
    assert status == 200, shown
    return DEMO_CODE.findall(shown)


async def test_an_ordinary_member_closes_by_a_code_and_may_keep_the_account(
    site: Site, visitor: Visitor
) -> None:
    await visitor.register()
    (code,) = await close_codes(visitor)
    fields = {"code_mobile": code}
    assert [await submit(visitor, "/account/close", fields) for _ in range(2)] == [
        (303, "/account/close")
    ] * 2
    elsewhere = await site.visitor()
    assert (await elsewhere.register())["closing"].endswith("Z")  # seen at every login
    assert "/account/keep" in (await page(visitor, "/account/close"))[1]
    for _ in range(2):
        assert (await visitor.post("/api/account/keep"))[1]["member"]["closing"] is None
    assert [kind for kind, _ in await in_database(site, notices)] == ["closing", "kept"]
    site.clock.offset = GRACE_S + 1
    assert await in_database(site, end_closed_accounts) == 0


async def test_without_a_script_the_account_is_kept_by_a_form(visitor: Visitor) -> None:
    await visitor.register()
    (code,) = await close_codes(visitor)
    await submit(visitor, "/account/close", {"code_mobile": code})
    assert await submit(visitor, "/account/keep", {}) == (303, "/account/close?kept")
    assert (await visitor.member())["closing"] is None


@pytest.mark.parametrize("typed", ["", "1", "12 34 56 78"])
async def test_a_wrong_code_closes_nothing(visitor: Visitor, typed: str) -> None:
    await visitor.register()
    await close_codes(visitor)
    answer = await submit(visitor, "/account/close", {"code_mobile": typed})
    assert refusal(answer) == "otp_incorrect"
    assert (await visitor.member())["closing"] is None


async def test_a_gold_member_closes_by_card_only(
    site: Site, visitor: Visitor, citizen: Person, other_citizen: Person
) -> None:
    await visitor.register()
    (code,) = await close_codes(visitor)
    assert await visitor.upgrade(citizen) == "ok"  # in another tab
    answer = await submit(visitor, "/account/close", {"code_mobile": code})
    assert refusal(answer) == "card_proof_needed"
    assert refusal(await submit(visitor, "/account/close/code", {})) == "card_proof_needed"
    body = await close_body(visitor, other_citizen)
    assert await visitor.code("/api/account/close", body) == "card_not_yours"
    assert (await visitor.member())["closing"] is None
    body = await close_body(visitor, citizen)
    assert [await visitor.code("/api/account/close", body) for _ in range(2)] == ["ok", "ok"]
    assert [kind for kind, _ in await in_database(site, notices)] == ["closing"]


async def test_a_gold_member_without_a_card_needs_the_codes_of_all_contacts(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    member = await visitor.register()
    await change_contact(visitor, MAIL)
    await in_database(site, become_gold, member["id"], citizen.id_number)
    mobile, mail = await close_codes(visitor)
    assert refusal(await submit(visitor, "/account/close", {"code_mobile": mobile}))
    assert (await visitor.member())["closing"] is None
    fields = {"code_mobile": mobile, "code_email": mail}
    assert await submit(visitor, "/account/close", fields) == (303, "/account/close")


async def test_an_account_that_is_being_closed_does_not_become_gold(
    visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    (code,) = await close_codes(visitor)
    await submit(visitor, "/account/close", {"code_mobile": code})
    assert await visitor.code("/api/upgrade/card", body) == "account_closing"
    await visitor.post("/api/account/keep")
    assert await visitor.upgrade(citizen) == "ok"


def mentions(tx: Transaction, *marks: str) -> set[str]:
    """Name the tables in which one of these stands in any column."""
    found = set()
    for table in METADATA.sorted_tables:
        for row in tx.execute(select(table)):
            if any(mark in str(value) for value in row for mark in marks):
                found.add(table.name)
    return found


@pytest.mark.both_databases
async def test_a_closed_account_leaves_only_its_number_in_the_audit(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    member = await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    assert await visitor.code("/api/account/close", await close_body(visitor, citizen)) == "ok"
    site.clock.offset = GRACE_S - 60
    assert await in_database(site, end_closed_accounts) == 0
    site.clock.offset = GRACE_S + 60
    assert [await in_database(site, end_closed_accounts) for _ in range(2)] == [1, 0]
    assert await in_database(site, mentions, member["id"], "王測試") == {"audit"}
    # The last notice still has to reach somebody; it belongs to no member.
    assert await in_database(site, mentions, MOBILE) == {"notice"}
    assert [kind for kind, _ in await in_database(site, notices)] == ["closed"]
    assert await visitor.member() is None
    assert await visitor.login(citizen) == "card_not_registered"
    again = await site.visitor()
    assert (await again.register())["id"] != member["id"]
    assert await again.upgrade(citizen) == "ok"


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("portal.db*"))


@pytest.mark.sqlite
async def test_nothing_of_a_closed_account_stays_in_the_file(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    marker = "王測試甲乙丙丁戊己庚辛"
    for after, remains in ((0, True), (GRACE_S + 60, False)):
        async with running_site(test_issuer, tmp_path) as site:
            visitor = await site.visitor()
            await visitor.register()
            if remains:
                assert await visitor.code("/api/profile", {"name": marker}) == "ok"
                (code,) = await close_codes(visitor)
                await submit(visitor, "/account/close", {"code_mobile": code})
            site.clock.offset = after
            await in_database(site, end_closed_accounts)  # unless the site has done it
        kept = await asyncio.to_thread(all_bytes, tmp_path)
        assert (marker.encode() in kept) is remains


# Own data.


@pytest.mark.both_databases
async def test_the_file_has_what_is_kept_and_no_secret(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    member = await visitor.register()
    await visitor.upgrade(citizen)
    await change_contact(visitor, MAIL)
    status, data = await visitor.get("/account/data.json")
    assert status == 200
    assert data["member"]["id"] == member["id"]
    assert data["member"]["id_number_last4"] == citizen.id_number[-4:]
    assert [login["value"] for login in data["logins"]][::2] == [MOBILE, MAIL]
    assert [upgrade["way"] for upgrade in data["upgrades"]] == ["card"]
    assert {line["event"] for line in data["history"]} >= {"registered", "upgrade_card"}
    said = json.dumps(data, ensure_ascii=False)
    assert citizen.id_number not in said
    assert not re.search(r"[0-9a-f]{64}", said)  # no keyed digest of a card
    assert "hash" not in said
    assert await in_database(site, audited) == ["data_exported"]


def audited(tx: Transaction) -> list[str]:
    rows = tx.execute(select(AUDIT.c.event).where(AUDIT.c.event == "data_exported"))
    return list(rows.scalars())


async def test_nobody_sees_anothers_data(site: Site, visitor: Visitor) -> None:
    await visitor.register()
    other = await site.visitor()
    await other.register(OTHER_MOBILE)
    pages = [await page(other, path) for path in ("/account/data", "/account/data.json")]
    assert [status for status, _ in pages] == [200, 200]
    shown = "".join(body for _, body in pages)
    assert MOBILE not in shown
    assert OTHER_MOBILE in shown


# Pages.

PAGES = ("/account/contacts", "/account/data", "/account/data.json", "/account/close")
FORMS = (
    "/account/contacts",
    "/account/contacts/code",
    "/account/contacts/remove",
    "/account/close",
    "/account/close/code",
    "/account/keep",
)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_leads_a_stranger_to_the_login(visitor: Visitor, path: str) -> None:
    async with visitor.http.get(path, headers=HTML, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/#/login")


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_a_stranger_does_nothing(visitor: Visitor, path: str) -> None:
    assert await submit(visitor, path, {"contact": MAIL, "kind": "email"}) == (303, "/#/login")


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_another_site_is_refused(visitor: Visitor, path: str) -> None:
    await visitor.register()
    visitor.origin = "http://localhost.evil.test"
    answer = await submit(visitor, path, {"contact": MAIL, "kind": "email"})
    assert (answer[0], refusal(answer)) == (403, "origin_not_allowed")


@pytest.mark.parametrize("path", ["/account/contacts/code", "/account/close/code"])
async def test_a_reload_where_a_code_is_asked_for_ends_well(visitor: Visitor, path: str) -> None:
    await visitor.register()
    assert (await page(visitor, path))[0] == 303


async def test_the_counter_page_is_for_everybody_and_says_what_is_ours(visitor: Visitor) -> None:
    status, shown = await page(visitor, "/ways/counter")
    assert status == 200
    assert shown.count("demonstration setting") == 3


async def test_what_was_typed_is_shown_as_text(visitor: Visitor) -> None:
    await visitor.register()
    answer = await submit(visitor, "/account/contacts/code", {"contact": '"><script>x'})
    assert refusal(answer) == "contact_invalid"
    assert "<script>x" not in answer[1]


async def test_without_applications_the_list_is_empty(visitor: Visitor) -> None:
    await visitor.register()
    assert await visitor.get("/api/account/applications") == (200, {"applications": []})


def test_a_line_of_steps_stands_where_the_last_time_is() -> None:
    steps = line_of_steps((("a", 10), ("b", 20)), ("c",))
    assert [(step.name, step.state, step.at) for step in steps] == [
        ("a", StepState.DONE, 10),
        ("b", StepState.NOW, 20),
        ("c", StepState.LATER, None),
    ]


@pytest.mark.both_databases
async def test_closing_and_becoming_gold_at_once_end_in_one_of_both(
    visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    body = await visitor.upgrade_body(citizen)
    (code,) = await close_codes(visitor)
    upgrading = visitor.code("/api/upgrade/card", body)
    closing = submit(visitor, "/account/close", {"code_mobile": code})
    upgraded, closed = await asyncio.gather(upgrading, closing)
    member = await visitor.member()
    ends = [upgraded == "ok", closed == (303, "/account/close")]
    assert ends == [member["grade"] == "gold", member["closing"] is not None]
    assert sum(ends) == 1


@pytest.mark.both_databases
async def test_many_double_clicks_at_once_change_a_contact_once(
    site: Site, visitor: Visitor
) -> None:
    await visitor.register()
    fields = {"contact": MAIL, "code": await contact_code(visitor, MAIL)}
    answers = await asyncio.gather(
        *(submit(visitor, "/account/contacts", fields) for _ in range(8))
    )
    assert set(answers) == {(303, "/account/contacts?changed")}
    assert len(await in_database(site, notices)) == 2


@pytest.mark.both_databases
async def test_two_members_who_both_have_a_code_for_one_contact_get_it_once(
    site: Site, visitor: Visitor
) -> None:
    other = await site.visitor()
    forms = []
    for who, own in ((visitor, MOBILE), (other, OTHER_MOBILE)):
        await who.register(own)
        forms.append({"contact": MAIL, "code": await contact_code(who, MAIL)})
    answers = await asyncio.gather(
        *(
            submit(who, "/account/contacts", form)
            for who, form in zip((visitor, other), forms, strict=True)
        )
    )
    assert sorted(status for status, _ in answers) == [303, 409]
    assert sorted([len(await logins(visitor)), len(await logins(other))]) == [1, 2]


def close_many(tx: Transaction, number: int) -> None:
    for which in range(number):
        member_id = register(tx, Contact(LoginKind.MOBILE, f"09{which:08}"))
        tx.execute(update(MEMBER).where(MEMBER.c.id == member_id).values(closing=tx.now))


@pytest.mark.both_databases
async def test_many_accounts_end_a_few_at_a_time_by_any_process(tmp_path: Path) -> None:
    here = (tmp_path, Clock())
    await in_folder(*here, close_many, 45)
    ended = await asyncio.gather(*(in_folder(*here, end_closed_accounts) for _ in range(4)))
    assert sorted(ended) == [0, 5, 20, 20]
    assert await in_folder(*here, lambda tx: len(tx.execute(select(MEMBER)).all())) == 0


def gold_by(way: Way, evidence: Mapping[str, str | int | bool]) -> Any:
    def work(tx: Transaction, member_id: str, id_number: str) -> None:
        assert make_gold(tx, member_id, Proven(way, id_number, "王測試", evidence)) is None

    return work


@pytest.mark.parametrize(
    ("way", "evidence", "words"),
    [
        (Way.CARD, {"card": True}, "portal.method.ways.card.name"),
        (Way.COUNTER, {"document_1": "national_id"}, "counter.document.national_id"),
        (Way.COUNTER, {"document_1": "given_up"}, "portal.method.ways.counter.name"),
        (Way.TELECOM, {"operator": "a"}, "portal.method.ways.telecom.name"),
        (Way.ONLINE, {"document": "id_card", "case": "C-1"}, "online.document.id_card"),
    ],
)
async def test_how_a_member_became_gold_is_said_in_words(
    site: Site, visitor: Visitor, way: Way, evidence: Mapping[str, str | int | bool], words: str
) -> None:
    member = await visitor.register()
    await in_database(site, gold_by(way, evidence), member["id"], generate_id_number(5))
    status, shown = await page(visitor, "/account/data")
    assert status == 200
    english = next(each for each in Language if str(each) == "en")
    assert escape(say(english, words, {})) in shown
