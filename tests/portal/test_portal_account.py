"""What members do about their own account: contacts, card, data."""

import asyncio
import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

import pytest
from sqlalchemy import select

from agent.cms.login import LoginPurpose
from agent.portal.account.applications import StepState, line_of_steps
from agent.portal.members import Proven, Way, make_gold
from agent.portal.store.tables import AUDIT
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.words import Language, say
from tests.portal.account_support import (
    HTML,
    MAIL,
    OTHER_MOBILE,
    become_gold,
    card_body,
    change_contact,
    contact_code,
    in_database,
    logins,
    notices,
    page,
    refusal,
    submit,
)
from tests.portal.support import MOBILE, Person, Site, Visitor, issue, signed


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
