"""The panel by keyboard alone: every view is gone through, and no action loses the keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from agent.consent.site_store import Decision
from tests.browser import axe_judge
from tests.browser.keyboard_judge import keyboard_faults
from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.test_narrow import history as full_history
from tests.browser.panel.test_panel_access import READY
from tests.browser.sight_judge import sight_faults
from tests.browser.world import World, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Opened = Callable[[str], Page]
ROWS = 3


@pytest.fixture
def sites_view(world: World, agent_here: PanelAgent, opened: Opened) -> Page:
    """Open the view of sites, of which three are known."""
    agent_here.start(world.card("gen2"))
    for name in "abc":
        agent_here.decide(f"https://{name}.example", Decision.ALLOWED)
    page = opened("sites")
    expect(page.locator("[data-origin]")).to_have_count(ROWS)
    return page


def test_every_view_is_gone_through(world: World, agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start(world.card("gen2"))
    agent_here.decide("https://bank.example", Decision.ALLOWED)
    page = opened("state")
    page.route("**/api/history?*", full_history)
    found = []
    for place, view in enumerate(READY):
        page.evaluate("(view) => { location.hash = `#/${view}`; }", view)
        page.locator(f"#view-{view} {READY[view]}").first.wait_for()
        axe_judge.show(page, axe_judge.FEW_LOOKS[place % len(axe_judge.FEW_LOOKS)])
        wrong = keyboard_faults(page) + sight_faults(page)
        found += [f"{view}: {each}" for each in wrong]
    assert not found, "\n".join(found)


def test_a_dialog_holds_the_keyboard_until_escape(sites_view: Page) -> None:
    button = sites_view.locator("[data-origin] button").first
    button.focus()
    sites_view.keyboard.press("Enter")
    dialog = sites_view.get_by_role("dialog")
    expect(dialog.locator("[value=yes]")).to_be_enabled()
    found = keyboard_faults(sites_view)
    sites_view.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    assert not found, "\n".join(found)


def test_after_a_row_is_gone_the_keyboard_is_in_the_next_one(sites_view: Page) -> None:
    """And in the one before where there is none, and at the top of the view after the last."""
    order = sites_view.locator("[data-origin]").evaluate_all(
        "all => all.map((each) => each.dataset.origin)"
    )
    for gone, expected in ((1, order[2]), (1, order[0]), (0, None)):
        row = sites_view.locator("[data-origin]").nth(gone)
        row.get_by_role("button").first.focus()
        sites_view.keyboard.press("Space")
        yes = sites_view.get_by_role("dialog").locator("[value=yes]")
        expect(yes).to_be_enabled()
        sites_view.keyboard.press("Tab")
        sites_view.keyboard.press("Enter")
        next_one = f"[data-origin='{expected}'] button" if expected else "h1"
        expect(sites_view.locator(f"#view-sites {next_one}").first).to_be_focused()


def test_what_changes_elsewhere_leaves_the_keyboard_where_it_is(
    sites_view: Page, agent_here: PanelAgent
) -> None:
    row = sites_view.locator("[data-origin='https://b.example']")
    row.get_by_role("button").last.focus()
    agent_here.decide("https://a.example", Decision.BLOCKED)
    expect(sites_view.locator("[data-origin='https://a.example'] .tag.bad")).to_have_count(1)
    expect(row.get_by_role("button").last).to_be_focused()


def two_pages(route: Route) -> None:
    """Answer as with a history that is longer than one page."""
    is_second = "before=" in route.request.url
    line = {
        "seq": 1 if is_second else 2,
        "segment": 1,
        "at": "2026-11-28T09:08:07.000000Z",
        "kind": "authenticate",
        "outcome": "done",
        "site": "https://bank.example",
        "link": "cd" * 32,
    }
    route.fulfill(json={"lines": [line], "before": None if is_second else 2})


def test_the_history_is_searched_opened_and_read_on(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start()
    page = opened("state")
    page.route("**/api/history?*", two_pages)
    tab_to(page, "#rail a[href='#/history']")
    page.keyboard.press("Enter")
    page.locator("[data-seq='2']").wait_for()
    expect(page.locator("#view-history h1")).to_be_focused()
    tab_to(page, "#search")
    tab_to(page, "[data-seq='2'] summary")
    page.keyboard.press("Enter")
    expect(page.locator("[data-seq='2'] details")).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("[data-seq='1'] summary")).to_be_focused()
    with page.expect_download():
        page.locator("#search").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")


def test_the_doctor_examines_again_and_the_self_test_runs(
    world: World, agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start(world.card("gen2"))
    page = opened("doctor")
    page.locator("[data-check]").first.wait_for()
    again = page.locator("#view-doctor .button").first
    again.focus()
    with page.expect_response("**/api/doctor"):
        page.keyboard.press("Enter")
    page.locator("[data-check]").first.wait_for()
    expect(again).to_be_focused()
    page.evaluate("location.hash = '#/selftest'")
    expect(page.locator("#view-selftest h1")).to_be_focused()
    start = page.locator("#view-selftest .button").first
    start.focus()
    page.keyboard.press("Enter")
    page.locator("[data-step]").last.wait_for()
    expect(start).to_be_enabled()
    expect(start).to_be_focused()


def test_the_language_is_changed_and_the_panel_left(agent_here: PanelAgent, opened: Opened) -> None:
    agent_here.start()
    page = opened("about")
    tab_to(page, "#speak")
    page.keyboard.press("ArrowDown")
    expect(page.locator("html")).not_to_have_attribute("lang", "zh-Hant")
    expect(page.locator("#speak")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#closed").wait_for()
    expect(page.locator("main:focus, main :focus")).to_have_count(1)
