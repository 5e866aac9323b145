"""The way by mobile operator over HTTP: desktop and phone, each outcome, and who must not go on."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from agent.portal.account.closing import begin_closing
from agent.portal.account.ownership import delete_all
from agent.portal.audit import lines
from agent.portal.members import Proven, Way, make_gold
from agent.portal.store.tables import MEMBER, UPGRADE
from agent.portal.store.transaction import Transaction
from agent.portal.telecom.applying import purge_telecom
from agent.portal.telecom.asking import take_answer
from agent.portal.telecom.standin.site import OperatorPlay
from agent.portal.telecom.states import (
    LIFETIME,
    LINK_LIFETIME,
    LONGEST_READING,
    TRIES_S,
    TelecomOutcome,
)
from agent.portal.telecom.tables import TELECOM, TELECOM_TRY
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from tests.portal.account_support import in_database
from tests.portal.support import Site, Visitor
from tests.portal.telecom_support import (
    FORM,
    asked,
    connected,
    consent,
    credential,
    device_options,
    proven,
    send,
    show,
    shown_link,
    telecom_site,
    written,
)

OTHER_MOBILE = "0900000002"


@pytest.fixture
async def site(test_issuer: TestIssuer, tmp_path: Path) -> AsyncIterator[Site]:
    async with telecom_site(test_issuer, tmp_path) as running:
        yield running


@pytest.fixture
async def desktop(site: Site) -> Visitor:
    """An ordinary member's desktop."""
    visitor = await site.visitor()
    await visitor.register()
    return visitor


@pytest.fixture
async def phone(site: Site) -> Visitor:
    """A phone's browser, which has never been here."""
    return await site.visitor()


async def ready_to_ask(desktop: Visitor, phone: Visitor) -> None:
    await connected(phone, await shown_link(desktop))
    assert (await written(phone)).location == "/phone"
    assert await proven(phone) == "ok"
    assert (await show(phone, "/phone")).step == "operator"


async def state(desktop: Visitor) -> tuple[str, str | None]:
    status, answer = await desktop.get("/api/telecom")
    assert status == 200
    return answer["state"], answer["outcome"]


def rows(tx: Transaction) -> list[Any]:
    return list(tx.execute(select(TELECOM).order_by(TELECOM.c.id)))


def tries(tx: Transaction) -> int:
    return len(tx.execute(select(TELECOM_TRY)).fetchall())


def evidence(tx: Transaction) -> list[tuple[str, str]]:
    return [(row.way, row.evidence) for row in tx.execute(select(UPGRADE))]


def outcomes(tx: Transaction) -> list[tuple[str, str]]:
    return [
        (line.event, line.outcome)
        for line, _ in lines(tx)
        if line.event in {"phone_connected", "upgrade_telecom"}
    ]


def become_gold_otherwise(tx: Transaction, member: str, id_number: str) -> None:
    assert make_gold(tx, member, Proven(Way.COUNTER, id_number, None, {})) is None


# A match.


@pytest.mark.both_databases
async def test_a_match_makes_a_gold_member_and_leaves_no_form(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    link = await shown_link(desktop)
    assert await state(desktop) == ("waiting", None)
    await connected(phone, link)
    assert await state(desktop) == ("connected", None)
    assert (await written(phone)).location == "/phone"
    assert await state(desktop) == ("device", None)
    assert await proven(phone) == "ok"
    assert await state(desktop) == ("operator", None)
    result = await asked(phone, OperatorPlay.MATCH)
    assert (result.step, result.outcome) == ("result", "gold")
    assert await state(desktop) == ("ended", "gold")
    assert (await show(desktop, "/ways/telecom/phone")).outcome == "gold"
    member = await desktop.member()
    assert (member["grade"], member["gold_way"], member["name"]) == ("gold", "telecom", "王測試")
    (row,) = await in_database(site, rows)
    assert (row.form, row.challenge, row.question) == (None, None, None)
    ((way, kept),) = await in_database(site, evidence)
    assert way == "telecom"
    assert FORM["id_number"] not in kept
    assert "678" not in kept
    assert await in_database(site, outcomes) == [
        ("phone_connected", "ok"),
        ("upgrade_telecom", "ok"),
    ]
    # The phone itself is nobody's session.
    assert await phone.member() is None


async def test_the_phone_says_for_whose_account_it_is(desktop: Visitor, phone: Visitor) -> None:
    link = await shown_link(desktop)
    assert "0900***001" in (await show(phone, link)).text
    await connected(phone, link)
    assert "0900***001" in (await show(phone, "/phone")).text


async def test_an_open_application_is_on_the_members_own_page(
    desktop: Visitor, phone: Visitor
) -> None:
    await connected(phone, await shown_link(desktop))
    _, answer = await desktop.get("/api/account/applications")
    (application,) = answer["applications"]
    assert (application["way"], application["href"]) == ("telecom", "/ways/telecom/phone")
    assert [step["state"] for step in application["steps"]] == ["done", "now", "later", "later"]


# Everything else that an operator may say.


@pytest.mark.parametrize(
    ("play", "came"),
    [
        (OperatorPlay.OTHER_NUMBER, ("form", TelecomOutcome.OTHER_NUMBER)),
        (OperatorPlay.OTHER_PERSON, ("form", TelecomOutcome.OTHER_PERSON)),
        (OperatorPlay.BIRTH_DATE, ("form", TelecomOutcome.BIRTH_DATE_DIFFERS)),
        (OperatorPlay.NAME, ("form", TelecomOutcome.NAME_DIFFERS)),
        (OperatorPlay.NOT_KNOWN, ("form", TelecomOutcome.NOT_KNOWN)),
        (OperatorPlay.PREPAID, ("form", TelecomOutcome.PREPAID)),
        (OperatorPlay.RESELLER, ("form", TelecomOutcome.RESELLER)),
        (OperatorPlay.COMPANY, ("form", TelecomOutcome.COMPANY)),
        (OperatorPlay.WIFI, ("operator", TelecomOutcome.NOT_MOBILE_NETWORK)),
        (OperatorPlay.DOWN, ("operator", TelecomOutcome.UNAVAILABLE)),
        (OperatorPlay.REPLAYED, ("operator", TelecomOutcome.WRONG_ANSWER)),
        (OperatorPlay.OTHER_APPLICATION, ("operator", TelecomOutcome.WRONG_ANSWER)),
        (OperatorPlay.BAD_SIGNATURE, ("operator", TelecomOutcome.WRONG_ANSWER)),
    ],
)
async def test_each_answer_has_its_words_and_always_the_other_ways(
    site: Site,
    desktop: Visitor,
    phone: Visitor,
    play: OperatorPlay,
    came: tuple[str, TelecomOutcome],
) -> None:
    step, outcome = came
    await ready_to_ask(desktop, phone)
    answered = await asked(phone, play)
    assert (answered.step, answered.outcome) == came
    for way in ("card", "online", "counter"):
        assert f'id="other-{way}"' in answered.text
    assert (await desktop.member())["grade"] == "ordinary"
    # Only where something was compared a try is counted.
    assert await in_database(site, tries) == (1 if step == "form" else 0)
    assert (await in_database(site, outcomes))[-1] == ("upgrade_telecom", outcome)
    # And it goes on, with the same form or a better one.
    if step == "form":
        assert (await written(phone)).location == "/phone"
    assert (await asked(phone, OperatorPlay.MATCH)).outcome == "gold"


async def test_who_does_not_agree_may_be_asked_again(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    answered = await asked(phone, OperatorPlay.MATCH, "refuse")
    assert (answered.step, answered.outcome) == ("operator", "consent_refused")
    assert await in_database(site, tries) == 0
    assert (await asked(phone, OperatorPlay.MATCH)).outcome == "gold"


async def test_an_id_number_of_another_member_is_told_with_the_masked_contact(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    other = await site.visitor()
    member = await other.register(OTHER_MOBILE)
    await in_database(site, become_gold_otherwise, member["id"], FORM["id_number"])
    await ready_to_ask(desktop, phone)
    answered = await asked(phone, OperatorPlay.MATCH)
    assert answered.outcome == "id_number_taken"
    assert "0900***002" in answered.text
    assert "0900***002" in (await show(desktop, "/ways/telecom/phone")).text
    assert (await desktop.member())["grade"] == "ordinary"


async def test_who_became_gold_or_closes_meanwhile_ends_with_those_words(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    back = await consent(phone, OperatorPlay.MATCH)
    member = await desktop.member()
    await in_database(site, become_gold_otherwise, member["id"], generate_id_number(90))
    assert (await show(phone, back)).location == "/phone"
    assert (await show(phone, "/phone")).outcome == "already_gold"
    other, phone_2 = await site.visitor(), await site.visitor()
    closing = await other.register(OTHER_MOBILE)
    await ready_to_ask(other, phone_2)
    await in_database(site, begin_closing, closing["id"])
    assert (await asked(phone_2, OperatorPlay.MATCH)).outcome == "account_closing"
    assert (await send(other, "/ways/telecom/begin")).code == "account_closing"
    assert (await send(desktop, "/ways/telecom/begin")).code == "already_gold"


# The link.


async def test_a_link_is_opened_by_one_phone_once(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    link = await shown_link(desktop)
    thief = await site.visitor()
    assert (await show(thief, link)).step == "start"  # only looking takes nothing
    await connected(phone, link)
    # A double click, the back button and a reload all end where the phone stands.
    assert (await send(phone, link, {"consent": "yes"})).location == "/phone"
    assert (await show(phone, link)).location == "/phone"
    for answer in (await show(thief, link), await send(thief, link, {"consent": "yes"})):
        assert (answer.status, answer.code) == (410, "link_over")
    assert (await show(thief, "/phone")).code == "link_over"
    assert (await written(thief)).code == "link_over"
    assert await thief.code("/api/phone/device/options") == "link_over"
    assert (await show(thief, "/phone/operator")).code == "link_over"
    assert (await show(thief, "/phone/answer?state=x&code=y")).code == "link_over"
    assert (await written(phone)).location == "/phone"


@pytest.mark.parametrize("token", ["A" * 43, "A" * 42, "%2e%2e%2f" * 14, "%00" * 43])
async def test_a_link_that_never_was_opens_nothing(phone: Visitor, token: str) -> None:
    assert (await show(phone, f"/phone/link/{token}")).status in {404, 410}


async def test_a_link_lasts_ten_minutes(site: Site, desktop: Visitor, phone: Visitor) -> None:
    link = await shown_link(desktop)
    assert (await show(phone, link)).step == "start"
    site.clock.offset += LINK_LIFETIME
    assert (await send(phone, link, {"consent": "yes"})).code == "link_over"
    assert "/phone/link/" not in (await show(desktop, "/ways/telecom/phone")).text
    fresh = await shown_link(desktop)
    assert fresh != link
    await connected(phone, fresh)


async def test_a_new_code_takes_the_old_phone_out(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    back = await consent(phone, OperatorPlay.MATCH)
    assert (await send(desktop, "/ways/telecom/renew")).location == "/ways/telecom/phone"
    assert (await show(phone, back)).location == "/phone"
    assert (await show(phone, "/phone")).outcome == "stopped"
    assert (await desktop.member())["grade"] == "ordinary"
    mine = await site.visitor()
    await connected(mine, await shown_link(desktop))


async def test_stopping_before_a_phone_came_leaves_nothing(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    link = await shown_link(desktop)
    assert (await send(desktop, "/ways/telecom/stop")).location == "/ways/telecom"
    assert await in_database(site, rows) == []
    assert (await show(phone, link)).code == "link_over"
    assert (await show(desktop, "/ways/telecom/phone")).location == "/ways/telecom"
    assert await shown_link(desktop) != link


async def test_stopping_ends_it_for_the_phone(desktop: Visitor, phone: Visitor) -> None:
    await ready_to_ask(desktop, phone)
    assert (await send(desktop, "/ways/telecom/stop")).location == "/ways/telecom"
    assert (await send(desktop, "/ways/telecom/stop")).location == "/ways/telecom"
    assert await state(desktop) == ("ended", "stopped")
    assert (await written(phone)).location == "/phone"
    assert (await show(phone, "/phone")).outcome == "stopped"
    assert (await show(phone, "/phone/operator")).location == "/phone"


async def test_an_application_ends_after_half_an_hour(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    back = await consent(phone, OperatorPlay.MATCH)
    site.clock.offset += LIFETIME
    assert (await show(phone, back)).location == "/phone"
    assert (await show(phone, "/phone")).outcome == "expired"
    assert await state(desktop) == ("ended", "expired")
    assert await in_database(site, purge_telecom) == 1
    (row,) = await in_database(site, rows)
    assert (row.state, row.form) == ("ended", None)
    # A new one does not wait for the purge.
    await connected(phone, await shown_link(desktop))
    site.clock.offset += LIFETIME
    await connected(phone, await shown_link(desktop))


async def test_nobody_begins_without_consent_or_a_cookie(desktop: Visitor, phone: Visitor) -> None:
    link = await shown_link(desktop)
    first = await send(phone, link, {"consent": "yes"})  # before any page has set the cookie
    assert (first.status, first.step) == (422, "start")
    assert "cookies" in first.text
    assert (await send(phone, link, {"consent": "no"})).status == 422
    assert await state(desktop) == ("waiting", None)
    assert (await send(phone, link, {"consent": "yes"})).location == "/phone"


async def test_pages_of_other_sites_begin_nothing(desktop: Visitor, phone: Visitor) -> None:
    link = await shown_link(desktop)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await send(desktop, "/ways/telecom/renew", **headers)).status == 403
        assert (await send(phone, link, {"consent": "yes"}, **headers)).status == 403
    await ready_to_ask(desktop, phone)
    back = await consent(phone, OperatorPlay.MATCH)
    # Another site's link to the question takes the open one not out of force.
    led = await show(phone, "/phone/operator", **{"Sec-Fetch-Site": "cross-site"})
    assert led.location == "/phone"
    for forged in ("error=access_denied", "state=x&error=access_denied", "state=%E9&code=1"):
        assert (await show(phone, f"/phone/answer?{forged}")).location == "/phone"
        assert (await show(phone, "/phone")).outcome is None
    await show(phone, back)
    assert (await show(phone, "/phone")).outcome == "gold"


async def test_only_members_begin(site: Site) -> None:
    stranger = await site.visitor()
    assert (await show(stranger, "/ways/telecom")).status == 200
    assert (await send(stranger, "/ways/telecom/begin")).location == "/#/login"
    assert (await show(stranger, "/ways/telecom/phone")).location == "/#/login"
    assert (await stranger.get("/api/telecom"))[0] == 401


# The form.


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("id_number", "A123456780"),
        ("id_number", ""),
        ("name", " "),
        ("name", "王" * 65),
        ("born", "1990-02-30"),
        ("born", "2999-01-01"),
        ("born", "2024-01-01"),
        ("mobile", "02-2345-6789"),
        ("mobile", "tester@example.test"),
        ("mobile", "+1 202 555 0100"),
        ("mobile", ""),
        ("operator", "someone else"),
        ("operator", ""),
    ],
)
async def test_what_is_wrong_is_said_beside_what_was_typed(
    desktop: Visitor, phone: Visitor, field: str, text: str
) -> None:
    await connected(phone, await shown_link(desktop))
    answered = await written(phone, **{field: text})
    assert (answered.status, answered.step) == (422, "form")
    if field != "operator":
        assert re.search(rf'id="{field}"[^>]+aria-invalid="true"', answered.text)
    assert await state(desktop) == ("connected", None)


async def test_what_was_written_is_there_to_be_changed(desktop: Visitor, phone: Visitor) -> None:
    await connected(phone, await shown_link(desktop))
    await written(phone, mobile="+886 912 345 678")
    assert (await show(phone, "/phone")).step == "device"
    assert (await send(phone, "/phone/back")).location == "/phone"
    again = await show(phone, "/phone")
    assert again.step == "form"
    for text in (FORM["id_number"], "王測試", "1990-01-31", "0912345678"):
        assert f'value="{text}"' in again.text


async def test_nothing_written_stands_readable_in_the_database(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    kept = repr(await in_database(site, rows))
    for text in (FORM["id_number"], "王測試", "1990-01-31", "912345678"):
        assert text not in kept
    link = await show(desktop, "/ways/telecom/phone")
    assert "/phone/link/" not in link.text


async def test_a_process_that_dies_while_it_reads_an_answer_loses_only_that_answer(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    back = await consent(phone, OperatorPlay.MATCH)
    state_of_question = back.partition("state=")[2].partition("&")[0]
    token = phone.cookies()["phone"]
    assert await in_database(site, take_answer, token, state_of_question) is not None
    # Nobody finishes it; meanwhile the page waits, and the same answer is not read again.
    assert (await show(phone, "/phone")).step == "reading"
    assert (await show(phone, back)).location == "/phone"
    assert (await written(phone)).location == "/phone"
    assert await state(desktop) == ("reading", None)
    site.clock.offset += LONGEST_READING
    over = await show(phone, "/phone")
    assert (over.step, over.outcome) == ("operator", "unavailable")
    assert (await asked(phone, OperatorPlay.MATCH)).outcome == "gold"


# How often.


async def test_a_number_is_asked_about_three_times_a_day(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    for allowed in (True, True, False):
        await asked(phone, OperatorPlay.NAME)
        refused = await written(phone)
        assert (refused.status == 303) is allowed
    assert "three times today" in refused.text
    assert 'id="other-online"' in refused.text
    # Another number may be asked about, and this one tomorrow.
    assert (await written(phone, mobile="0912345679")).location == "/phone"
    await send(phone, "/phone/back")
    site.clock.offset += TRIES_S
    fresh = await site.visitor()
    await desktop.register()
    await ready_to_ask(desktop, fresh)


async def test_strangers_do_not_lock_a_number(site: Site, desktop: Visitor, phone: Visitor) -> None:
    stranger, their_phone = await site.visitor(), await site.visitor()
    await stranger.register(OTHER_MOBILE)
    await ready_to_ask(stranger, their_phone)
    for _ in range(3):
        await asked(their_phone, OperatorPlay.OTHER_PERSON)
        await written(their_phone)
    await ready_to_ask(desktop, phone)
    assert (await asked(phone, OperatorPlay.MATCH)).outcome == "gold"


async def test_one_applicant_does_not_try_numbers_for_ever(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    for number in range(10):
        await asked(phone, OperatorPlay.OTHER_NUMBER)
        answered = await written(phone, mobile=f"09123400{number:02}")
    assert answered.status == 422
    assert await in_database(site, tries) == 10


# Who holds the phone.


@pytest.mark.parametrize(
    "changes",
    [
        {"verified": False},
        {"origin": "https://evil.example"},
        {"challenge": "A" * 43},
        {"rp_id": "evil.example"},
        {"type": "webauthn.get"},
    ],
    ids=str,
)
async def test_only_the_phones_own_verification_counts(
    desktop: Visitor, phone: Visitor, changes: dict[str, Any]
) -> None:
    await connected(phone, await shown_link(desktop))
    await written(phone)
    options = await device_options(phone)
    assert options is not None
    made = credential(options, phone.origin, **changes)
    assert await phone.code("/api/phone/device", {"credential": made}) == "device_not_proven"
    assert await state(desktop) == ("device", None)
    # Its challenge is used up: the right answer comes too late.
    right = credential(options, phone.origin)
    assert await phone.code("/api/phone/device", {"credential": right}) == "device_not_proven"
    assert await proven(phone) == "ok"
    # And proven is proven: the same again changes nothing.
    assert await phone.code("/api/phone/device", {"credential": right}) == "ok"
    assert await device_options(phone) is None


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"id": "x"},
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": {}},
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "response": {"clientDataJSON": "AA", "attestationObject": "AA"},
        },
        {"id": [], "rawId": {}, "type": 1, "response": "x"},
    ],
    ids=str,
)
async def test_what_no_authenticator_made_is_refused(
    desktop: Visitor, phone: Visitor, sent: dict[str, Any]
) -> None:
    await connected(phone, await shown_link(desktop))
    await written(phone)
    assert await device_options(phone) is not None
    assert await phone.code("/api/phone/device", {"credential": sent}) == "device_not_proven"
    assert await phone.code("/api/phone/device", {"credential": sent, "more": 1}) == "bad_request"


async def test_nobody_is_asked_before_the_device_is_proven(
    desktop: Visitor, phone: Visitor
) -> None:
    await connected(phone, await shown_link(desktop))
    assert (await show(phone, "/phone/operator")).location == "/phone"
    await written(phone)
    assert (await show(phone, "/phone/operator")).location == "/phone"
    assert (await show(phone, "/phone")).step == "device"


# Settings.


async def test_without_an_operator_the_page_is_only_the_note(
    test_issuer: TestIssuer, tmp_path: Path
) -> None:
    async with telecom_site(test_issuer, tmp_path, operators=()) as running:
        visitor = await running.visitor()
        await visitor.register()
        note = await show(visitor, "/ways/telecom")
        assert 'id="begin"' not in note.text
        assert 'id="online"' in note.text
        assert (await send(visitor, "/ways/telecom/begin")).status == 404


async def test_a_closed_account_takes_its_application_with_it(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    await ready_to_ask(desktop, phone)
    await asked(phone, OperatorPlay.NAME)
    member = await desktop.member()

    def end(tx: Transaction) -> None:

        delete_all(tx, member["id"])

    await in_database(site, end)
    assert await in_database(site, rows) == []
    assert await in_database(site, lambda tx: tx.first(select(MEMBER))) is None
    assert (await show(phone, "/phone")).code == "link_over"
