"""A supervisor takes a mistaken upgrade back; an auditor reads, checks and exports the audit."""

import asyncio
import csv
import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, text

from agent.portal.audit import AuditEvent, record
from agent.portal.members import Proven, Way, make_gold
from agent.portal.staff.audit_view import AuditFilter, as_csv, check, export
from agent.portal.staff.register import Role
from agent.portal.store.tables import AUDIT
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer import TestIssuer
from agent.words import SOURCE, Language, load, say
from tests.portal.databases import CHOSEN
from tests.portal.staff_support import (
    APPLICATION,
    StaffBrowser,
    audit_of,
    events,
    hire,
    notices,
    staff_browser,
    transact,
)
from tests.portal.support import MOBILE, Person, Site, Visitor, issue

REASON = {"reason": "wrong_person", "note": "recorded for somebody else"}


@pytest.fixture
async def supervisor(site: Site, other_citizen: Person) -> StaffBrowser:
    return await staff_browser(site, other_citizen, Role.SUPERVISOR)


async def found(supervisor: StaffBrowser, who: str) -> tuple[str, str]:
    """Look somebody up; give the page's path and the number of the upgrade that counts."""
    answer = await supervisor.send("/staff/upgrades", {"who": who})
    assert answer.status == 303, answer.text
    page = await supervisor.open(answer.location)
    return answer.location, page.one(r'name="upgrade" value="(\d+)"')


async def test_an_upgrade_by_card_is_taken_back_and_the_id_number_is_free(
    site: Site, supervisor: StaffBrowser, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    assert await visitor.upgrade(citizen) == "ok"
    path, upgrade = await found(supervisor, MOBILE)
    done = await supervisor.send(path, REASON | {"upgrade": upgrade})
    assert (done.status, done.location) == (303, path)
    member = await visitor.member()
    assert (member["grade"], member["gold_since"], member["name"]) == ("ordinary", None, None)
    assert [each["kind"] for each in member["logins"]] == ["mobile"]
    assert await (await site.visitor()).login(citizen) == "card_not_registered"
    assert (await notices(site))[-1] == ("taken_back", MOBILE)
    shown = await supervisor.open(path)
    assert "recorded for somebody else" in shown.text
    assert 'name="upgrade"' not in shown.text
    assert await visitor.upgrade(citizen) == "ok"  # the right one, this time
    assert await events(site, "upgrade_card", "upgrade_taken_back") == [
        ("upgrade_card", "ok"),
        ("upgrade_taken_back", "wrong_person"),
        ("upgrade_card", "ok"),
    ]


@pytest.mark.parametrize(
    ("way", "evidence"),
    [(Way.CARD, {"card": True}), (Way.ONLINE, {"document": "health_card", "case": "7K3-M92-QFX"})],
)
async def test_the_evidence_of_each_way_is_said_in_words(
    site: Site,
    supervisor: StaffBrowser,
    visitor: Visitor,
    way: Way,
    evidence: Mapping[str, str | bool],
) -> None:
    member = await visitor.register()
    proven = Proven(way, generate_id_number(6), "王測試", evidence)
    assert await transact(site, lambda tx: make_gold(tx, member["id"], proven)) is None
    path, _ = await found(supervisor, MOBILE)
    page = (await supervisor.open(path)).text
    words = say(SOURCE, "online.document.health_card", {})
    assert (words in page, "7K3-M92-QFX" in page) == (way is Way.ONLINE,) * 2
    assert "True" not in page


async def test_an_upgrade_of_the_counter_is_found_by_id_number(
    test_issuer: TestIssuer, site: Site, supervisor: StaffBrowser, citizen: Person
) -> None:
    clerk = await staff_browser(site, issue(test_issuer, 9, name="黃測試"), Role.CLERK)
    visit = await clerk.begin(MOBILE)
    await clerk.confirm(visit)
    await clerk.send(visit, APPLICATION | {"id_number": citizen.id_number})
    path, upgrade = await found(supervisor, citizen.id_number.lower())
    assert "林測試" in (await supervisor.open(path)).text  # who decided
    await supervisor.send(path, REASON | {"upgrade": upgrade, "reason": "asked"})
    gone = await supervisor.send("/staff/upgrades", {"who": citizen.id_number})
    assert gone.status == 404
    assert [outcome for _, outcome in await events(site, "member_looked_up")] == [
        "not_found",  # at the counter, by somebody who had no account yet
        "ok",
        "not_found",
    ]


@pytest.mark.both_databases
async def test_two_supervisors_and_a_double_click_take_back_once(
    test_issuer: TestIssuer,
    site: Site,
    supervisor: StaffBrowser,
    visitor: Visitor,
    citizen: Person,
) -> None:
    colleague = await staff_browser(site, issue(test_issuer, 9, name="黃測試"), Role.SUPERVISOR)
    await visitor.register()
    await visitor.upgrade(citizen)
    pages = [await found(each, MOBILE) for each in (supervisor, colleague)]
    answers = await asyncio.gather(
        *(
            browser.send(path, REASON | {"upgrade": upgrade})
            for browser, (path, upgrade) in zip((supervisor, colleague) * 2, pages * 2, strict=True)
        )
    )
    assert {each.status for each in answers} == {303}
    assert len(await events(site, "upgrade_taken_back")) == 1
    assert [kind for kind, _ in await notices(site)].count("taken_back") == 1


async def test_an_upgrade_of_another_member_is_not_reached_by_its_number(
    site: Site, supervisor: StaffBrowser, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    await visitor.upgrade(citizen)
    _, upgrade = await found(supervisor, MOBILE)
    other = await site.visitor()
    await other.register("0900000002")
    answer = await supervisor.send("/staff/upgrades", {"who": "0900000002"})
    refused = await supervisor.send(answer.location, REASON | {"upgrade": upgrade})
    assert refused.status == 404
    assert (await visitor.member())["grade"] == "gold"


@pytest.mark.parametrize(
    "change",
    [
        {"reason": ""},
        {"reason": "because"},
        {"note": "a" * 201},
        {"note": "\u202e"},
        {"upgrade": "1; DROP TABLE member"},
    ],
)
async def test_without_a_reason_nothing_is_taken_back(
    supervisor: StaffBrowser, visitor: Visitor, citizen: Person, change: dict[str, str]
) -> None:
    await visitor.register()
    await visitor.upgrade(citizen)
    path, upgrade = await found(supervisor, MOBILE)
    refused = await supervisor.send(path, REASON | {"upgrade": upgrade} | change)
    assert refused.status == 422
    assert (await visitor.member())["grade"] == "gold"


async def test_nobody_takes_back_their_own_upgrade(
    site: Site, visitor: Visitor, citizen: Person
) -> None:
    await visitor.register()
    await visitor.upgrade(citizen)
    await hire(site, citizen, Role.SUPERVISOR)
    browser = await site.visitors.enter_async_context(StaffBrowser(site.origin))
    await browser.log_in(citizen)
    path, upgrade = await found(browser, MOBILE)
    assert (await browser.send(path, REASON | {"upgrade": upgrade})).status == 403


# The audit.


@pytest.fixture
async def auditor(site: Site, other_citizen: Person) -> StaffBrowser:
    return await staff_browser(site, other_citizen, Role.AUDITOR)


async def _write(site: Site, count: int) -> None:
    def work(tx: Transaction) -> None:
        for number in range(count):
            member = "0123456789abcdef" if number % 2 else None
            record(tx, AuditEvent.LOGOUT, "ok", member=member, subject=f"=case{number}")

    await transact(site, work)


@pytest.mark.both_databases
async def test_the_audit_is_read_page_by_page_and_filtered(
    site: Site, auditor: StaffBrowser
) -> None:
    await _write(site, 120)
    page = await auditor.open("/staff/audit?event=logout")
    numbers: list[str] = []
    while True:
        numbers += [each.split("<")[0] for each in page.text.split('class="number">')[1:]]
        if 'rel="next"' not in page.text:
            break
        query = page.one(r'rel="next" href="([^"]+)"').replace("&amp;", "&")
        page = await auditor.open(query)
    assert len(numbers) == len(set(numbers)) == 120
    assert numbers == sorted(numbers, key=int, reverse=True)
    mine = await auditor.open("/staff/audit?member=0123456789abcdef&outcome=ok&subject=%3Dcase7")
    assert mine.text.count('class="number"') == 1
    today = await auditor.open("/staff/audit?until=1999-01-01")
    assert 'class="number"' not in today.text


@pytest.mark.parametrize(
    "query",
    [
        "event=%27%20OR%201=1--",
        "staff=1%20OR%201=1",
        "staff=99999999999999999999",
        "since=2026-13-45&before=x",
        "before=-1",
        "until=9999-12-31",
        "since=0001-01-01",
        "member=%00",
        "event=%3Cscript%3E",
        "before=999999999999999999999999",
    ],
)
async def test_a_filter_that_means_nothing_harms_nothing(auditor: StaffBrowser, query: str) -> None:
    page = await auditor.open(f"/staff/audit?{query}")
    assert page.status == 200
    assert "<script>" not in page.text


@pytest.mark.parametrize("language", Language)
def test_every_event_of_the_audit_has_words_of_its_own(language: Language) -> None:
    words = [load(language)[f"staff.audit_event.{event}"] for event in AuditEvent]
    assert len(set(words)) == len(AuditEvent)
    assert not set(words) & set(AuditEvent)


@pytest.mark.parametrize("language", Language)
async def test_the_page_tells_events_in_words_and_the_file_by_their_names(
    site: Site, auditor: StaffBrowser, language: Language
) -> None:
    def work(tx: Transaction) -> None:
        older = {"at": tx.now, "event": "of_an_older_version", "outcome": "ok", "chain": bytes(32)}
        tx.execute(insert(AUDIT).values(older))
        record(tx, AuditEvent.CONTACT_CHANGED, "ok")

    await transact(site, work)
    page = await auditor.open("/staff/audit", Cookie=f"language={language}")
    words = load(language)[f"staff.audit_event.{AuditEvent.CONTACT_CHANGED}"]
    assert f'<td class="words">{words}</td>' in page.text
    assert f'value="contact_changed">{words}</option>' in page.text
    assert '<td class="words"><code>of_an_older_version</code></td>' in page.text
    table = await auditor.open("/staff/audit/export")
    assert '"contact_changed"' in table.text
    assert str(words) not in table.text


async def test_each_look_at_the_audit_is_a_line_of_it(site: Site, auditor: StaffBrowser) -> None:
    await auditor.open("/staff/audit")
    await auditor.send("/staff/audit/check", {})
    await auditor.open("/staff/audit/export")
    lines = [each for each in await audit_of(site) if each.event.startswith("audit_")]
    assert [each.event for each in lines] == ["audit_read", "audit_checked", "audit_exported"]
    assert all(each.staff is not None for each in lines)


@pytest.mark.sqlite  # the guards of the other are its owner's to drop
async def test_a_changed_line_is_found(site: Site, auditor: StaffBrowser) -> None:
    await _write(site, 10)
    whole = await auditor.send("/staff/audit/check", {})
    assert 'id="whole"' in whole.text

    def forge(tx: Transaction) -> None:
        tx.execute(text("DROP TRIGGER audit_no_update"))
        tx.execute(text("UPDATE audit SET outcome = 'internal' WHERE id = 5"))

    await transact(site, forge)
    broken = await auditor.send("/staff/audit/check", {})
    assert 'id="broken"' in broken.text
    assert "Line 5 " in broken.text


async def test_a_long_chain_is_checked_and_exported_piece_by_piece(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.portal.staff.audit_view._SLICE", 7)
    for count in (6, 1, 7):  # before, at and after a whole piece
        await _write(site, count)
        database = await asyncio.to_thread(CHOSEN.open_in, site.folder)
        try:
            found = await check(database)
            pieces = [each async for each in export(database, AuditFilter())]
        finally:
            await database.close()
        lines = await audit_of(site)
        assert (found.lines, found.broken_at) == (len(lines), None)
        rows = list(csv.reader(io.StringIO("".join(pieces).removeprefix("\ufeff"))))
        assert [row[1] for row in rows[1:]] == [str(each.id) for each in lines]


async def test_the_export_is_a_table_without_formulas(site: Site, auditor: StaffBrowser) -> None:
    await _write(site, 3)
    answer = await auditor.open("/staff/audit/export?event=logout")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 4
    assert all(row[rows[0].index("subject")].startswith("'=case") for row in rows[1:])
    assert all(len(row[-1]) == 64 for row in rows[1:])


@given(st.lists(st.text(), min_size=1))
def test_no_cell_is_a_formula(cells: list[str]) -> None:
    (row,) = csv.reader(io.StringIO(as_csv([tuple(cells)]), newline=""))
    for cell, shown in zip(cells, row, strict=True):
        assert shown.removeprefix("'") == cell or shown == cell
        assert not shown.lstrip().startswith(tuple("=+-@＝＋－＠"))
        assert not shown.startswith(("\t", "\r", "\n"))
