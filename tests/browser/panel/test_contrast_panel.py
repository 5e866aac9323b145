"""The agent's own pages for people who set their system to less motion or other colours."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.test_narrow import VIEWS
from tests.browser.system_settings import judged
from tests.browser.world import World

pytestmark = pytest.mark.browser


def test_the_panel_and_the_self_test_follow_the_system(
    page: Page, world: World, agent_here: PanelAgent
) -> None:
    agent_here.start(world.card("gen2"), consent="allow")
    agent_here.sign("同意書.pdf")
    page.goto(agent_here.address())
    wrong = []
    for view in VIEWS:
        page.evaluate("(view) => { location.hash = `#/${view}`; }", view)
        page.locator(f"#view-{view} h1").wait_for()
        if view == "doctor":
            page.locator("[data-check]").first.wait_for()
        wrong += judged(page, f"panel-{view}")
    page.goto(f"http://localhost:{world.programs.ports.ping}/selfTest.htm")
    page.locator("#checks li").first.wait_for()
    expect(page.locator("#headline")).not_to_be_empty()
    wrong += judged(page, "selftest")
    page.goto(f"http://localhost:{world.programs.ports.ping}/popupForm")
    page.locator("#doing").wait_for()
    wrong += judged(page, "popup")
    assert wrong == []
