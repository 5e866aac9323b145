"""A double click, a reload, the back button, two tabs: nothing is lost, nothing done twice."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.words import Language
from tests.browser.world import PIN, TIMEOUT, World, go, panel, register, to_pin

pytestmark = pytest.mark.browser

NAMELESS = """() => [...document.querySelectorAll("button, input, a")]
    .filter((it) => it.checkVisibility())
    .filter((it) => !(it.ariaLabel || it.innerText.trim() || it.labels?.[0]?.innerText))
    .map((it) => it.outerHTML)"""
"""The visible controls that a screen reader could not name, looked at in one moment."""


@pytest.fixture
def running(agent: World) -> World:
    """Start the agent without a card, where none is needed."""
    agent.start_agent()
    return agent


def english(browser: Browser, width: int) -> Page:
    page = browser.new_page(locale="en-GB", viewport={"width": width, "height": 800})
    page.set_default_timeout(TIMEOUT)
    return page


def test_a_double_click_registers_once(page: Page, world: World) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/api/")[2]))
    page.goto(world.url)
    page.fill("#contact", "0911222333")
    page.dblclick("#send-code")
    page.fill("#code", page.inner_text("#demo-code"))
    page.dblclick("#confirm-code")
    page.wait_for_selector("#portrait")
    assert asked.count("otp") == 1
    assert asked.count("otp/confirm") == 1


def test_a_double_click_signs_once(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/api/")[2]))
    register(page, agent.url)
    to_pin(page, card.id_number)
    page.fill("#pin", PIN)
    page.dblclick("#submit-pin")
    page.wait_for_selector(".success")
    assert asked.count("upgrade/card") == 1


def test_a_reload_keeps_the_code_that_was_sent(page: Page, world: World) -> None:
    page.goto(world.url)
    page.fill("#contact", "someone@example.com")
    page.click("#send-code")
    code = page.inner_text("#demo-code")
    page.reload()
    expect(page.locator("#demo-code")).to_have_text(code)


def test_a_reload_at_the_pin_stays_there(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    page.fill("#pin", PIN)
    page.reload()
    panel(page, "pin")
    expect(page.locator("#pin")).to_have_value("")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")
    page.reload()
    page.wait_for_selector(".success")


def test_back_leads_step_by_step_and_never_to_a_second_upgrade(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    go(page, "upgrade")
    page.click("#choose-card")
    page.click("#next:enabled")
    page.fill("#id-number", card.id_number)
    page.click("#next")
    page.wait_for_selector("#pin")
    page.go_back()
    expect(page.locator("#id-number")).to_have_value(card.id_number)
    page.go_back()
    page.wait_for_selector("#next:enabled")
    page.go_forward()
    page.go_forward()
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")
    page.go_back()
    page.wait_for_selector(".success")
    assert page.url.endswith("#/upgrade/done")


def test_what_happens_in_one_tab_is_seen_in_the_other(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    other = page.context.new_page()
    other.goto(agent.url)
    other.wait_for_selector("#portrait.ordinary")
    to_pin(page, card.id_number)
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")
    other.wait_for_selector("#portrait.gold")
    other.click("#logout")
    page.wait_for_selector("#contact")


def test_both_tabs_at_the_pin_make_one_gold_member(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    other = page.context.new_page()
    other.goto(f"{agent.url}#/upgrade/component")
    other.wait_for_selector("#next:enabled")
    to_pin(other, card.id_number)
    for tab in (page, other):
        tab.wait_for_selector("#pin")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")
    other.wait_for_selector(".success")


def test_an_address_that_needs_a_login_is_gone_to_after_it(page: Page, world: World) -> None:
    page.goto(f"{world.url}#/profile")
    page.fill("#contact", "0944555666")
    page.click("#send-code")
    page.fill("#code", page.inner_text("#demo-code"))
    page.click("#confirm-code")
    page.wait_for_selector("#to-upgrade")


def test_an_unknown_address_leads_home(page: Page, world: World) -> None:
    page.goto(f"{world.url}#/no/such/screen")
    page.wait_for_selector("#contact")
    assert page.url.endswith("#/login")


def test_a_mistyped_id_number_is_told_and_kept(page: Page, running: World) -> None:
    register(page, running.url)
    go(page, "upgrade/id")
    for typed, complaint in (("", "請輸入"), ("A12345678", "共 10 碼"), ("A123456788", "檢查碼")):
        page.fill("#id-number", typed)
        page.click("#next")
        expect(page.locator("#id-number-error")).to_have_text(re.compile(complaint))
        expect(page.locator("#id-number")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#id-number")).to_be_focused()


def test_the_card_logs_in_as_well_as_the_mobile(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")
    page.click("#logout")
    page.click("#card-login")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector("#portrait.gold")
    assert page.locator(".logins .login-item").count() == 2


def test_a_card_that_is_nobodys_cannot_log_in(page: Page, agent: World) -> None:
    agent.start_agent(agent.card())
    page.goto(f"{agent.url}#/login/card")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    expect(page.locator(".card-message .notice.error")).to_contain_text("沒有連結任何會員")


def test_an_english_browser_is_spoken_to_in_english(browser: Browser, agent: World) -> None:
    card = agent.card("gen2")
    agent.start_agent(card)
    page = english(browser, width=390)
    register(page, agent.url)
    assert page.locator("html").get_attribute("lang") == "en"
    to_pin(page, card.id_number)
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    expect(page.locator(".success h1")).to_have_text("Upgrade complete")
    page.select_option("#language", "zh-Hant")
    expect(page.locator(".success h1")).to_have_text("成功升級")
    page.reload()
    expect(page.locator(".success h1")).to_have_text("成功升級")
    assert page.locator("html").get_attribute("lang") == "zh-Hant"


def test_changing_the_language_keeps_what_was_typed(page: Page, world: World) -> None:
    page.goto(world.url)
    page.fill("#contact", "0912")
    page.select_option("#language", "en")
    expect(page.locator("h1")).to_have_text("Log in or register")
    expect(page.locator("#contact")).to_have_value("0912")


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_no_screen_is_wider_than_the_window(browser: Browser, running: World, width: int) -> None:
    page = english(browser, width)
    register(page, running.url)
    screens = ("member", "profile", "upgrade", "upgrade/component", "upgrade/id")
    for screen in screens:
        go(page, screen)
        page.wait_for_function("(hash) => location.hash === hash", arg=f"#/{screen}")
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, screen


@pytest.mark.parametrize("language", list(Language))
def test_the_bar_breaks_no_word_on_a_phone(
    browser: Browser, running: World, language: Language
) -> None:
    page = english(browser, 360)
    register(page, running.url)
    page.select_option("#language", str(language))
    expect(page.locator("html")).to_have_attribute("lang", str(language))
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    broken = """(texts) => texts.filter((text) => text.textContent.split(" ").some((word) => {
        const range = document.createRange();
        const start = text.textContent.indexOf(word);
        range.setStart(text, start);
        range.setEnd(text, start + word.length);
        return new Set([...range.getClientRects()].map((line) => Math.round(line.top))).size > 1;
    })).map((text) => text.textContent)"""
    words = (
        "[...document.querySelectorAll('.brand > span, #logout')].map((each) => each.firstChild)"
    )
    found = page.evaluate(f"({broken})({words})")
    assert language == Language.CHINESE or found == []  # Chinese breaks between any two characters


def test_every_control_has_a_name_and_every_screen_one_heading(page: Page, running: World) -> None:
    register(page, running.url)
    for screen in ("profile", "upgrade", "upgrade/component", "upgrade/id", "member"):
        go(page, screen)
        page.wait_for_function("(hash) => location.hash === hash", arg=f"#/{screen}")
        assert page.locator("main h1").count() == 1
        expect(page.locator("main h1")).to_be_focused()
        assert page.evaluate(NAMELESS) == [], screen
