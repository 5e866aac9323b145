"""The way by mobile operator over HTTP: desktop and phone, each outcome, and who must not go on."""

import re
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.portal.account.ownership import delete_all
from agent.portal.store.tables import MEMBER
from agent.portal.store.transaction import Transaction
from agent.portal.telecom.applying import purge_telecom
from agent.portal.telecom.asking import take_answer
from agent.portal.telecom.standin.site import OperatorPlay
from agent.portal.telecom.states import (
    LIFETIME,
    LINK_LIFETIME,
    LONGEST_READING,
)
from agent.virtualcard.issuer import TestIssuer
from tests.portal.account_support import in_database
from tests.portal.support import Site, Visitor
from tests.portal.telecom_support import (
    FORM,
    application_rows,
    asked,
    connected,
    consent,
    desktop,
    desktop_state,
    phone,
    phone_outcomes,
    proven,
    ready_to_ask,
    send,
    show,
    shown_link,
    site,
    telecom_site,
    upgrade_evidence,
    written,
)

__all__ = ["desktop", "phone", "site"]  # fixtures

OTHER_MOBILE = "0900000002"


# A match.


@pytest.mark.both_databases
async def test_a_match_makes_a_gold_member_and_leaves_no_form(
    site: Site, desktop: Visitor, phone: Visitor
) -> None:
    link = await shown_link(desktop)
    assert await desktop_state(desktop) == ("waiting", None)
    await connected(phone, link)
    assert await desktop_state(desktop) == ("connected", None)
    assert (await written(phone)).location == "/phone"
    assert await desktop_state(desktop) == ("device", None)
    assert await proven(phone) == "ok"
    assert await desktop_state(desktop) == ("operator", None)
    result = await asked(phone, OperatorPlay.MATCH)
    assert (result.step, result.outcome) == ("result", "gold")
    assert await desktop_state(desktop) == ("ended", "gold")
    assert (await show(desktop, "/ways/telecom/phone")).outcome == "gold"
    member = await desktop.member()
    assert (member["grade"], member["gold_way"], member["name"]) == ("gold", "telecom", "王測試")
    (row,) = await in_database(site, application_rows)
    assert (row.form, row.challenge, row.question) == (None, None, None)
    ((way, kept),) = await in_database(site, upgrade_evidence)
    assert way == "telecom"
    assert FORM["id_number"] not in kept
    assert "678" not in kept
    assert await in_database(site, phone_outcomes) == [
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
    assert await in_database(site, application_rows) == []
    assert (await show(phone, link)).code == "link_over"
    assert (await show(desktop, "/ways/telecom/phone")).location == "/ways/telecom"
    assert await shown_link(desktop) != link


async def test_stopping_ends_it_for_the_phone(desktop: Visitor, phone: Visitor) -> None:
    await ready_to_ask(desktop, phone)
    assert (await send(desktop, "/ways/telecom/stop")).location == "/ways/telecom"
    assert (await send(desktop, "/ways/telecom/stop")).location == "/ways/telecom"
    assert await desktop_state(desktop) == ("ended", "stopped")
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
    assert await desktop_state(desktop) == ("ended", "expired")
    assert await in_database(site, purge_telecom) == 1
    (row,) = await in_database(site, application_rows)
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
    assert await desktop_state(desktop) == ("waiting", None)
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
    assert await desktop_state(desktop) == ("connected", None)


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
    kept = repr(await in_database(site, application_rows))
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
    assert await desktop_state(desktop) == ("reading", None)
    site.clock.offset += LONGEST_READING
    over = await show(phone, "/phone")
    assert (over.step, over.outcome) == ("operator", "unavailable")
    assert (await asked(phone, OperatorPlay.MATCH)).outcome == "gold"


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
    assert await in_database(site, application_rows) == []
    assert await in_database(site, lambda tx: tx.first(select(MEMBER))) is None
    assert (await show(phone, "/phone")).code == "link_over"
