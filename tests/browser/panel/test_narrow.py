"""The panel on a telephone's width, with all that a history may say, and without its agent."""

import json

import pytest
from playwright.sync_api import Browser, Route, expect

from agent.consent.site_store import Decision
from agent.errors import ErrorCode
from agent.words import Language
from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.test_views import Opened, keep_picture
from tests.browser.world import World

VIEWS = (
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
    "mac",
)
OUTCOMES = ("done", "undelivered", "broken", *(code.value for code in ErrorCode))
SEEN = {"doctor": "[data-check]", "sites": "[data-origin]", "history": "[data-seq]"}
# What reaches out of the column, or out of the part that it is in.
REACHES_OUT = """(() => {
    const edge = document.querySelector("main").getBoundingClientRect().right + 1;
    const parts = [...document.querySelectorAll("main *")].filter((each) => each.checkVisibility());
    return parts.filter((each) => !each.closest("svg, .unseen, .chain-picture") && (
        each.getBoundingClientRect().right > edge
        || (getComputedStyle(each).display !== "inline" && each.scrollWidth > each.clientWidth + 1)
    )).map((each) => `${each.tagName} ${each.className}: ${each.textContent}`);
})()"""
ALL_DRAWN = "[...document.querySelectorAll('.notice use')].every((use) => use.getBBox().width > 0)"


def history(route: Route) -> None:
    """Answer with a line for each way that a request may end."""
    lines = [
        {
            "seq": number,
            "segment": 1,
            "at": "2026-11-28T09:08:07.000000Z",
            "kind": "sign" if number % 2 else "authenticate",
            "outcome": outcome,
            "site": f"https://{'long-' * 9}name.example:8443",
            "document": "股東會同意書" * 20 + ".pdf" if number % 3 else "agreement" * 20,
            "hash": "SHA-512",
            "digest": "ab" * 64,
            "holder": "Nguyễn Thị Hồng Ánh " * 3,
            "reader": "Reader " * 12,
            "detail": ("blind", "jrsys", None)[number % 3],
            "link": "cd" * 32,
        }
        for number, outcome in enumerate(OUTCOMES, 1)
    ]
    route.fulfill(
        body=json.dumps({"lines": lines, "before": None}), content_type="application/json"
    )


@pytest.mark.parametrize("language", Language)
def test_nothing_reaches_out_of_a_narrow_page(
    world: World, agent_here: PanelAgent, browser: Browser, language: Language
) -> None:
    agent_here.start(world.card("gen2"))
    agent_here.decide(f"https://{'long-' * 12}name.example:8443", Decision.ALLOWED)
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.route("**/api/history?*", history)
    page.goto(agent_here.address())
    page.select_option("#speak", str(language))
    expect(page.locator("html")).to_have_attribute("lang", str(language))
    found = {}
    for view in VIEWS:
        page.evaluate("(view) => { location.hash = `#/${view}`; }", view)
        page.locator(f"#view-{view} h1").wait_for()
        page.locator(SEEN.get(view, "h1")).first.wait_for()
        for width in (390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            keep_picture(page, f"narrow-{language}-{width}-{view}")
            found[view, width] = page.evaluate(REACHES_OUT)
    context.close()
    assert {where: what for where, what in found.items() if what} == {}


def test_what_says_that_the_agent_is_gone_has_its_icon(
    agent_here: PanelAgent, opened: Opened
) -> None:
    agent_here.start()
    page = opened("about")
    page.locator("#icon-warning").wait_for(state="attached")
    agent_here.stop()
    page.locator("#offline").wait_for()
    assert page.evaluate(ALL_DRAWN)
    keep_picture(page, "offline")
    page.locator("a[href='#/doctor']").click()
    page.locator("#view-doctor .notice").wait_for()  # it cannot be had now
    assert page.evaluate(ALL_DRAWN)
