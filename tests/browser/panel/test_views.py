"""The panel in the citizen's browser: each view, live, in both languages."""

import csv
import io
import json
import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.consent.questions import Scope
from agent.consent.site_store import Decision
from agent.words import Language, load
from tests.browser.panel.conftest import SHOP, PanelAgent, part
from tests.browser.world import World

SHOTS = "ANKONG_SHOTS"
"""The environment variable that names a folder for pictures of every view."""
LINES_IN_BAR = """[...document.querySelectorAll(".top .brand span, .top .button")].map((each) => {
    const text = document.createRange();
    text.selectNodeContents(each.firstChild);
    return new Set([...text.getClientRects()].map((line) => Math.round(line.top))).size;
})"""
OF_ANOTHER_GENERATION = """const ask = window.fetch;
window.fetch = async (path, ...rest) => {
  if (path !== "api/events") return ask(path, ...rest);
  const state = await (await ask("api/state", ...rest)).json();
  state.readers[0].generation = "gen9";
  return new Response(`${JSON.stringify(state)}\\n`);
};"""
Opened = Callable[[str], Page]


def test_a_card_without_a_text_of_its_own_is_shown(
    world: World, agent_here: PanelAgent, page: Page
) -> None:
    agent_here.start(world.card("gen2"))
    page.add_init_script(OF_ANOTHER_GENERATION)
    page.goto(agent_here.address("readers"))
    kind = load(Language("zh-Hant"))["panel.readers.generation_unknown"]
    expect(page.locator("#view-readers .facts dd").first).to_have_text(kind)


def test_the_picture_follows_the_card(world: World, agent_here: PanelAgent, opened: Opened) -> None:
    card = world.card("gen2")
    agent_here.start(card)
    page = opened("state")
    for name in ("page", "agent", "service", "reader", "card"):
        part(page, name, "good")
    card.pull()
    part(page, "card", "warning")
    card.insert()
    part(page, "card", "good")


def test_the_ports_of_jrsys_pages_are_shown_and_whose_they_are(
    world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        agent_here.paths.prepare()
        agent_here.paths.config.write_text(f"jrsys_ports = [{port}]\njrsys_tls_ports = [0]\n")
        agent_here.start(world.card("gen2"))
        page = opened("state")
        shown = page.locator("#jrsys")
        expect(shown).to_contain_text("wss://127.0.0.1:")
        expect(shown).not_to_contain_text(f"ws://127.0.0.1:{port}")
        expect(shown).to_contain_text(f"pid {os.getpid()}")
        expect(shown).to_contain_text("不是依市府網頁本身")
        keep_picture(page, "jrsys-ports")
        page.set_viewport_size({"width": 320, "height": 800})
        page.emulate_media(color_scheme="dark")
        keep_picture(page, "jrsys-ports-dark-320")


def test_a_reader_shows_its_card_and_its_certificates(
    world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    card = world.card("gen1")
    agent_here.start(card)
    page = opened("readers")
    page.get_by_role("button", name="讀取憑證").click()
    certificates = page.locator(".reader .list li")
    expect(certificates).to_have_count(2)
    expect(certificates.first).to_contain_text("王測試")
    expect(certificates.first).to_contain_text("有效")
    expect(page.locator(".reader .facts")).to_contain_text("第一代")
    card.pull()
    page.locator(".reader[data-state=empty]").wait_for()
    expect(page.locator(".reader .list li")).to_have_count(0)


def test_a_policy_that_cannot_be_used_is_told_first(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.paths.policy.write_text("no_such_setting = true\n")
    agent_here.start()
    first = opened("state").locator("#live .notice").first
    expect(first).to_have_class("notice bad")
    expect(first).to_contain_text("no_such_setting")


def test_the_page_of_sites_says_why_a_new_one_is_not_asked_about(
    agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start()
    page = opened("state")
    page.route(
        "**/api/sites",
        lambda route: route.fulfill(
            json={"sites": [], "set_aside": None, "newcomers_wait": True}, status=200
        ),
    )
    page.locator("a[href='#/sites']").first.click()
    page.locator(".notice", has_text="ankong sites allow").wait_for()


def test_a_decision_is_taken_back_and_a_site_blocked_after_a_question(
    agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start()
    agent_here.decide(SHOP, Decision.ALLOWED)
    agent_here.decide("https://xn--fsq.example", Decision.ALLOWED)
    agent_here.decide("https://xn--80ak6aa92e.com", Decision.ALLOWED)  # Cyrillic, like apple.com
    agent_here.decide("https://gov.tw.evil.example", Decision.ALLOWED)
    page = opened("sites")
    shop = page.locator(f"[data-origin='{SHOP}']")
    expect(shop).to_contain_text("允許")
    ideographs = page.locator("[data-origin='https://xn--fsq.example']")
    expect(ideographs).to_contain_text("例.example")
    expect(ideographs).not_to_contain_text("仿冒")
    expect(page.locator("[data-origin='https://xn--80ak6aa92e.com']")).to_contain_text("仿冒")
    host = page.locator("[data-origin='https://gov.tw.evil.example'] .host")
    expect(host).to_have_text("gov.tw.evil.example 屬於 evil.example")  # the end for the ear alone
    expect(host.locator(".domain")).to_have_text("evil.example")
    shop.get_by_role("button", name="封鎖").click()
    yes = page.get_by_role("dialog").get_by_role("button", name="封鎖")
    assert yes.is_disabled()  # a click meant for something else would come too early
    yes.click()
    expect(shop).to_contain_text("解除封鎖")
    shop.get_by_role("button", name="解除封鎖").click()
    page.get_by_role("dialog").get_by_role("button", name="取消").click()
    expect(shop).to_be_visible()
    shop.get_by_role("button", name="解除封鎖").click()
    page.get_by_role("dialog").get_by_role("button", name="解除封鎖").click()
    expect(shop).to_have_count(0)


def test_signatures_over_what_cannot_be_shown_are_seen_and_taken_back(
    agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start()
    agent_here.decide(SHOP, Decision.ALLOWED)
    agent_here.decide(SHOP, Decision.ALLOWED, Scope.BLIND)
    page = opened("sites")
    shop = page.locator(f"[data-origin='{SHOP}']")
    expect(shop).to_contain_text("可簽署無法顯示的內容")
    shop.get_by_role("button", name="收回簽署").click()
    page.get_by_role("dialog").get_by_role("button", name="收回簽署").click()
    expect(shop).not_to_contain_text("無法顯示")
    expect(shop).to_contain_text("允許")


def test_no_page_offers_to_allow_a_site(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start()
    agent_here.decide(SHOP, Decision.BLOCKED)
    page = opened("sites")
    page.locator("[data-origin]").wait_for()
    labels = page.locator("main button").all_inner_texts()
    assert labels == ["解除封鎖"]
    answer = page.evaluate(
        """async (origin) => (await fetch("api/sites", {method: "POST",
            headers: {"Content-Type": "application/json",
                "X-Ankong-Panel": sessionStorage.getItem("ankong.panel.key")},
            body: JSON.stringify({origin, action: "allow"})})).status""",
        SHOP,
    )
    assert answer == 400


def test_the_history_is_there_searched_and_exported(
    world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start(world.card("gen2"), consent="allow")
    agent_here.sign("同意書.pdf")
    page = opened("history")
    expect(page.locator("[data-seq]")).to_have_count(1)
    agent_here.sign("<img src=x onerror=alert(1)>.pdf", site="https://tax.example")
    expect(page.locator("[data-seq]")).to_have_count(2)  # nobody asked for it
    expect(page.locator("#chain .notice.good")).to_contain_text("2")
    claimed = page.locator("[data-seq='2'] [data-named=site]")
    expect(claimed).to_have_text("網站稱它為「<img src=x onerror=alert(1)>.pdf」")
    page.fill("#search", "同意書")
    expect(page.locator("[data-seq]")).to_have_count(1)
    expect(page.locator("[data-seq='1']")).to_contain_text("shop.example")
    page.fill("#search", "nothing like it")
    expect(page.locator("[data-seq]")).to_have_count(0)
    with page.expect_download() as table:
        page.get_by_role("button", name="匯出 CSV").click()
    assert table.value.suggested_filename == "ankong-history.csv"
    rows = list(csv.reader(io.StringIO(table.value.path().read_text("utf-8-sig"))))
    assert len(rows) == 3
    with page.expect_download() as lines:
        page.get_by_role("button", name="匯出 JSON").click()
    assert len(json.loads(lines.value.path().read_text("utf-8"))["lines"]) == 2


def test_a_history_that_was_changed_is_shown_as_broken(
    world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start(world.card("gen2"), consent="allow")
    agent_here.sign("contract.pdf")
    agent_here.sign("other.pdf")
    with closing(sqlite3.connect(agent_here.paths.history)) as database:
        database.execute("DROP TRIGGER lines_stand")
        database.execute("UPDATE lines SET document = 'harmless.pdf' WHERE seq = 1")
        database.commit()
    page = opened("history")
    expect(page.locator("#chain .notice.bad")).to_contain_text("第 1 筆：這一筆被改過")
    expect(page.locator("#chain .notice.good")).to_have_count(0)
    keep_picture(page, "broken-history")
    page.locator("[href='#/state']").first.click()
    expect(page.locator("#record .notice.bad")).to_contain_text("不會自行修補")
    keep_picture(page, "broken-state")
    page.locator("#record a").click()
    page.locator("#view-history [data-flaw=changed]").wait_for()
    page.locator("[href='#/doctor']").click()
    fault = page.locator("[data-code=history_broken][data-level=fault]")
    expect(fault).to_contain_text("第 1 筆")
    expect(fault.get_by_role("button")).to_have_count(0)  # it is nothing to be repaired


def test_the_self_test_says_what_is_wrong(
    world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    card = world.card("gen2")
    agent_here.start(card, consent="allow")
    page = opened("selftest")
    page.get_by_role("button", name="開始檢測").click()
    page.locator("[data-step=certificate][data-outcome=good]").wait_for()
    assert page.locator("[data-step=signature]").get_attribute("data-outcome") == "skipped"
    card.pull()
    page.locator("[href='#/state']").first.click()
    part(page, "card", "warning")
    page.locator("[href='#/selftest']").click()
    page.get_by_role("button", name="開始檢測").click()
    page.locator("[data-step=card][data-outcome=bad][data-code=empty]").wait_for()


def test_a_signature_without_a_window_says_so(
    world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start(world.card("gen2"), consent="allow")  # which has no windows
    page = opened("selftest")
    page.check("#signature")
    page.get_by_role("button", name="開始檢測").click()
    step = page.locator("[data-step=signature][data-outcome=bad]")
    step.wait_for()
    assert step.get_attribute("data-code") == "pin_required"


def test_the_doctor_repairs_with_one_click(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.paths.state.chmod(0o755)
    agent_here.start()
    page = opened("doctor")
    fault = page.locator("[data-level=fault]", has=page.get_by_role("button", name="收緊檔案權限"))
    fault.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="收緊檔案權限").click()
    expect(fault).to_have_count(0)
    page.locator("[data-check]").first.wait_for()
    assert agent_here.paths.state.stat().st_mode & 0o777 == 0o700


def test_the_language_changes_everything_and_lasts(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start()
    page = opened("about")
    page.select_option("#speak", "en")
    expect(page.locator("h1")).to_have_text("About Ankong")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.reload()
    expect(page.locator("h1")).to_have_text("About Ankong")
    expect(page.locator("#parts")).to_contain_text("cryptography")


def test_an_agent_that_ends_is_missed_and_found_again(
    agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start()
    page = opened("state")
    agent_here.stop()
    page.locator("#offline").wait_for()
    agent_here.start()
    page.locator("#closed[data-why=expired]").wait_for()


def test_everything_is_reached_with_the_keyboard(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start()
    page = opened("state")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.getAttribute('href')"))
    views = (
        "state",
        "sign",
        "verify",
        "readers",
        "sites",
        "history",
        "selftest",
        "doctor",
        "inspector",
        "about",
    )
    assert {f"#/{view}" for view in views} <= seen


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [
        ("zh-TW", "light", 1200),
        ("en-GB", "dark", 1200),
        ("zh-TW", "dark", 390),
        ("en-GB", "light", 320),
    ],
)
def test_every_view_fits(  # noqa: PLR0917  # fixtures
    world: World,
    agent_here: PanelAgent,
    browser: Browser,
    language: str,
    scheme: str,
    width: int,
) -> None:
    agent_here.start(world.card("gen2"))
    agent_here.decide(f"https://{'long-' * 12}name.example:8443", Decision.ALLOWED)
    context = browser.new_context(
        locale=language,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 800},
    )
    page = context.new_page()
    page.goto(agent_here.address())
    for view in (
        "state",
        "sign",
        "verify",
        "readers",
        "sites",
        "history",
        "selftest",
        "doctor",
        "inspector",
        "about",
    ):
        page.evaluate("(view) => { location.hash = `#/${view}`; }", view)
        page.locator(f"#view-{view} h1").wait_for()
        if view == "doctor":
            page.locator("[data-check]").first.wait_for()
        if view == "sites":
            page.locator("[data-origin]").first.wait_for()
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, view
        keep_picture(page, f"panel-{language}-{scheme}-{width}-{view}")
    context.close()


@pytest.mark.parametrize("width", [1200, 320])
@pytest.mark.parametrize("language", list(Language))
def test_every_language_fits(
    agent_here: PanelAgent, browser: Browser, language: Language, width: int
) -> None:
    agent_here.start()
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(agent_here.address())
    page.select_option("#speak", str(language))
    expect(page.locator("html")).to_have_attribute("lang", str(language))
    for view in ("state", "sign", "verify", "sites", "history", "selftest", "inspector", "about"):
        page.evaluate("(view) => { location.hash = `#/${view}`; }", view)
        page.locator(f"#view-{view} h1").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, view
        assert page.evaluate(LINES_IN_BAR) == [1, 1], view
        keep_picture(page, f"panel-{language}-{width}-{view}")
    context.close()


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to look at it."""
    folder = os.environ.get(SHOTS)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_mac_is_told_what_is_for_macs(agent_here: PanelAgent, opened: Opened) -> None:
    """Also from what the doctor says of a driver; elsewhere nothing leads there."""
    agent_here.start()
    page = opened("about")
    page.locator("#parts").wait_for()
    expect(page.locator("#mac")).to_have_count(0)

    of_a_mac = {"version": "1", "python": "3", "system": "Darwin 24.6.0", "state_dir": "/s"}
    about = {**of_a_mac, "log_dir": "/l", "parts": []}
    page.route("**/api/about", lambda route: route.fulfill(json=about))
    page.reload()
    page.locator("#mac").click()
    said = load(Language.CHINESE)
    expect(page.locator("#view-mac h1")).to_have_text(str(said["mac.title"]))
    expect(page.locator("#view-mac code").first).to_have_text("arm64.pkg")
    finding = {
        "check": "driver",
        "level": "fault",
        "code": "reader_driver_architecture",
        "message": {"zh-Hant": "EZ100", "en": "EZ100"},
        "facts": {},
        "repair": None,
    }
    found = {"clean": False, "complete": True, "findings": [finding]}
    page.route("**/api/doctor", lambda route: route.fulfill(json=found))
    page.goto(page.url.replace("#/mac", "#/doctor"))
    page.locator("[data-code=reader_driver_architecture] a").click()
    expect(page.locator("#view-mac h1")).to_be_focused()
