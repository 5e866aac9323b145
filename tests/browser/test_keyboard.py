"""The way to gold by keyboard alone, from the step with the component to the end."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import PIN, World, go, register, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_member_becomes_gold_by_keyboard_alone(page: Page, agent: World) -> None:
    card = agent.card("gen2")
    agent.start_agent(card)
    register(page, agent.url)
    go(page, "upgrade/component")
    expect(page.locator("#next")).to_be_enabled()
    tab_to(page, "#next")
    page.keyboard.press("Enter")
    page.locator("#id-number").wait_for()
    tab_to(page, "#id-number")
    page.keyboard.type(card.id_number)
    tab_to(page, "#next")
    page.keyboard.press("Enter")
    expect(page.locator("#pin")).to_be_focused()
    page.keyboard.type(PIN)
    tab_to(page, "#submit-pin")
    page.keyboard.press("Space")
    page.wait_for_selector(".success")
    expect(page.locator("#portrait .badge.gold")).to_have_text("金質會員")
