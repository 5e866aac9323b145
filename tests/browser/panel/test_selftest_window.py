"""The panel's self-test tries a signature: the PIN is typed in our own window, never in a page."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel.conftest import PanelAgent
from tests.browser.world import PIN, WRONG_PIN, World
from tests.tray.prompt.desktop import Desktop

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Opened = Callable[[str], Page]
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys


def try_signature(page: Page) -> None:
    page.check("#signature")
    page.get_by_role("button", name="開始檢測").click()
    expect(page.locator("#results")).to_contain_text("請在安控詢問時輸入 PIN 碼")


def type_keys(desktop: Desktop, picture: str, *keys: str) -> None:
    desktop.see()
    time.sleep(AWAKE)
    desktop.press(*keys)
    desktop.picture(picture)
    desktop.press("Return")


def step(page: Page, outcome: str, code: str = "") -> None:
    page.locator(f"[data-step=signature][data-outcome={outcome}][data-code='{code}']").wait_for()


@pytest.mark.parametrize("generation", ["gen1", "gen2"])
def test_a_pin_typed_in_our_window_makes_a_signature_and_a_line(
    desktop: Desktop, world: World, agent_here: PanelAgent, opened: Opened, generation: str
) -> None:
    agent_here.start(world.card(generation))
    page = opened("selftest")
    assert page.locator("input[type=password]").count() == 0
    try_signature(page)
    type_keys(desktop, f"selftest-{generation}", *PIN)
    step(page, "good")
    expect(page.locator("#results .notice.good")).to_have_count(1)
    desktop.see_nothing()
    page.locator("[href='#/history']").click()
    line = page.locator("[data-seq='1'][data-outcome=done]")
    expect(line).to_contain_text("安控的自我檢測")


def test_a_wrong_pin_is_asked_for_again_and_no_is_no(
    desktop: Desktop, world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start(world.card("gen2"))
    page = opened("selftest")
    try_signature(page)
    type_keys(desktop, "selftest-wrong", *WRONG_PIN)
    time.sleep(AWAKE)  # while the card refuses it
    desktop.see()
    time.sleep(AWAKE)
    desktop.picture("selftest-again")
    desktop.press("Escape")
    step(page, "bad", "user_cancelled")
    page.uncheck("#signature")
    page.get_by_role("button", name="開始檢測").click()
    page.locator("[data-step=card][data-outcome=warning][data-code=few_attempts]").wait_for()


def test_leaving_the_page_closes_the_window(
    desktop: Desktop, world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start(world.card("gen2"))
    page = opened("selftest")
    try_signature(page)
    desktop.see()
    page.goto("about:blank")
    desktop.see_nothing()


def test_a_card_that_is_pulled_closes_the_window(
    desktop: Desktop, world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    card = world.card("gen1")
    agent_here.start(card)
    page = opened("selftest")
    try_signature(page)
    desktop.see()
    card.pull()
    step(page, "bad", "card_removed")
    desktop.see_nothing()


def test_without_a_desktop_it_says_so(
    monkeypatch: pytest.MonkeyPatch, world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    agent_here.start(world.card("gen2"))
    page = opened("selftest")
    page.check("#signature")
    page.get_by_role("button", name="開始檢測").click()
    step(page, "bad", "window_unavailable")
    expect(page.locator("[data-step=signature]")).to_contain_text("開不了輸入 PIN 碼的視窗")
