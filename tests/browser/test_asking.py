"""A page that nobody has allowed: the agent's own window asks, and the page waits for it."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import PIN, World, panel, register, to_pin
from tests.tray.prompt.desktop import Desktop

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys


def answer(desktop: Desktop, key: str) -> None:
    desktop.see()
    time.sleep(AWAKE)
    desktop.picture(f"page-asks-{key}")
    desktop.press(key)
    desktop.see_nothing()


def test_the_upgrade_goes_on_once_the_citizen_has_allowed_it(
    desktop: Desktop, page: Page, agent: World
) -> None:
    card = agent.card("gen2")
    agent.start_agent(card, consent="ask")
    register(page, agent.url)
    to_pin(page, card.id_number)
    panel(page, "asking")
    answer(desktop, "Escape")
    panel(page, "refused")
    page.locator("#card-panel button").first.click()
    panel(page, "asking")
    answer(desktop, "alt+a")
    panel(page, "pin")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")
    expect(page.locator("#portrait .badge.gold")).to_have_text(re.compile("金質會員"))
