"""axe-core finds nothing on the panel: each view, and what stands where it is closed.

The test run looks at Chinese pages, narrow and light, wide and dark; with ``ANKONG_TEST_LOOKS=all``
at every language, width and colour scheme.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.consent.site_store import Decision
from agent.words import Language
from tests.browser import axe_judge
from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.question_support import picture
from tests.browser.world import World, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALL = os.environ.get("ANKONG_TEST_LOOKS") == "all"
LOOKS = axe_judge.EVERY_LOOK if ALL else axe_judge.FEW_LOOKS
READY = {
    "state": "#settings",
    "sign": "#drop",
    "verify": "#drop",
    "readers": ".reader",
    "sites": "[data-origin]",
    "history": "[data-seq]",
    "selftest": "#signature",
    "doctor": "[data-check]",
    "inspector": "#standing",
    "about": "#parts",
    "mac": "ol",
}
"""Each view, and what is there once it is whole."""
LISTED = "nav ul:not(.tongues) a"
LOOKED_AT = {Language.CHINESE: ("testing", "codes"), Language.ENGLISH: ("index",)}
"""The pages of the handbook that the test run looks at, by how their names begin."""


def show(page: Page, view: str) -> None:
    page.evaluate("(view) => { location.hash = `#/${view}`; }", view)
    page.locator(f"#view-{view} {READY[view]}").first.wait_for()


@pytest.fixture
def panel(world: World, agent_here: PanelAgent, browser: Browser) -> Iterator[Page]:
    """Open the panel of an agent that knows sites, and has signed."""
    agent_here.start(world.card("gen2"), consent="allow")
    agent_here.sign("合約.pdf")
    agent_here.stop()
    agent_here.start(world.card("gen2"))
    agent_here.decide("https://bank.example:8443", Decision.ALLOWED)
    agent_here.decide("https://evil.example", Decision.BLOCKED)
    context = browser.new_context(locale="zh-TW")
    page = context.new_page()
    page.goto(agent_here.address())
    page.locator("#view-state #settings").wait_for()
    yield page
    context.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", Language if ALL else [Language.CHINESE])
def test_nothing_is_wrong_with_any_view(language: Language, panel: Page) -> None:
    panel.select_option("#speak", str(language))
    expect(panel.locator("html")).to_have_attribute("lang", str(language))
    found: list[str] = []
    for view in READY:
        show(panel, view)
        found += [f"{view}: {each}" for each in axe_judge.faults(panel, LOOKS)]
    show(panel, "about")
    panel.locator(".top .button").click()
    panel.locator("#closed").wait_for()
    found += [f"closed: {each}" for each in axe_judge.faults(panel, LOOKS)]
    assert not found, "\n".join(found)


@pytest.mark.timeout(300)
def test_nothing_is_wrong_with_the_handbook(panel: Page) -> None:
    """The panel opens it in its own language, and its pages lead to the same ones in others."""
    show(panel, "about")
    with panel.context.expect_page() as opened:
        panel.locator("a[href^='handbook/']").click()
    handbook = opened.value
    found: list[str] = []
    for tongue in (Language.CHINESE, Language.ENGLISH):
        handbook.click(f".tongues a:text-is('{tongue.endonym}')")
        expect(handbook.locator("html")).to_have_attribute("lang", str(tongue))
        pages = [str(each.get_attribute("href")) for each in handbook.locator(LISTED).all()]
        few = [name for name in pages if name.startswith(LOOKED_AT[tongue])]
        for name in pages if ALL else few:
            handbook.click(f"{LISTED}[href='{name}']")
            handbook.locator(f"{LISTED}[href='{name}'][aria-current]").wait_for()
            found += [f"{name}: {each}" for each in axe_judge.faults(handbook, LOOKS)]
    assert not found, "\n".join(found)


def test_where_to_be_asked_is_chosen_by_keyboard_alone_and_lasts(
    agent_here: PanelAgent, panel: Page
) -> None:
    tab_to(panel, "#questions")
    with panel.expect_response("**/api/settings") as told:
        panel.keyboard.press("End")
    assert told.value.ok
    expect(panel.locator("#questions")).to_have_value("page")
    expect(panel.locator("#questions-text")).to_contain_text("螢幕報讀軟體")
    picture(panel, "panel-questions")
    panel.reload()
    expect(panel.locator("#questions")).to_have_value("page")
    agent_here.stop()
    agent_here.start(flags=("--questions", "window"))
    panel.goto("about:blank")
    panel.goto(agent_here.address())
    expect(panel.locator("#questions")).to_be_disabled()
    expect(panel.locator("#questions-text")).to_contain_text("設定檔")


def test_a_site_is_blocked_by_keyboard_alone(panel: Page) -> None:
    show(panel, "sites")
    row = panel.locator("[data-origin='https://bank.example:8443']")
    button = row.get_by_role("button").last
    button.evaluate("(each) => { each.id = 'block-by-key'; }")
    tab_to(panel, "#block-by-key")
    panel.keyboard.press("Enter")
    dialog = panel.get_by_role("dialog")
    expect(dialog.locator("[value=no]")).to_be_focused()
    panel.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()
    panel.keyboard.press("Enter")
    expect(dialog.locator("[value=yes]")).to_be_enabled()
    panel.keyboard.press("Tab")
    expect(dialog.locator("[value=yes]")).to_be_focused()
    panel.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    # The row was written anew: the keyboard goes on in the view, not at the top of the page.
    expect(panel.locator("main:focus, main :focus")).to_have_count(1)
