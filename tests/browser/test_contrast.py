"""The portal for people who set their system to less motion, more contrast or their own colours."""

import pytest
from playwright.sync_api import Page

from tests.browser.system_settings import judged
from tests.browser.world import World, chip, go, panel, register, to_pin

pytestmark = pytest.mark.browser


def test_the_portal_follows_the_system(page: Page, agent: World) -> None:
    card = agent.card()
    wrong = []
    page.goto(agent.url)
    page.fill("#contact", "nobody")
    page.click("#send-code")
    wrong += judged(page, "login")
    register(page, agent.url)
    wrong += judged(page, "member")
    go(page, "upgrade")
    page.locator("#way-card").wait_for()
    wrong += judged(page, "ways")
    go(page, "upgrade/component")
    chip(page, "not_running", "not_installed")
    wrong += judged(page, "component")
    agent.start_agent(card)
    to_pin(page, card.id_number)
    panel(page, "pin")
    wrong += judged(page, "pin")
    card.pull()
    panel(page, "empty")
    wrong += judged(page, "empty")
    page.goto(f"{agent.url}ways/counter")
    wrong += judged(page, "counter")
    page.goto(f"{agent.url}nothing-here")
    wrong += judged(page, "error")
    assert wrong == []
