"""Every page of the portal is judged by axe-core, also as narrow as a page may get.

The test run looks at each page in Chinese, narrow and light or wide and dark in turn; with the
environment variable ``ANKONG_TEST_LOOKS=all`` in every language, narrow and wide, light and dark.
The same walk goes through each page by keyboard.
"""

import os
import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.portal.store.database import PortalDatabase
from agent.words import Language
from tests.browser import axe_judge
from tests.browser.gallery import cards, closing, members, staff, ways
from tests.browser.gallery.walking import (
    OPERATOR,
    SCREEN,
    GalleryVisit,
    operator_app,
    portal_app,
    routes_of,
)
from tests.browser.world import World, register

ALL = os.environ.get("ANKONG_TEST_LOOKS") == "all"
LANGUAGES = tuple(Language) if ALL else (Language.CHINESE,)
LOOKS = [axe_judge.EVERY_LOOK] if ALL else [[look] for look in axe_judge.FEW_LOOKS]
WALKS = {**members.WALKS, **cards.WALKS, **closing.WALKS, **ways.WALKS, **staff.WALKS}
PORTAL = Path(__file__).parents[2] / "agent" / "portal"
TEMPLATES = PORTAL / "pages" / "html"
SCREENS = PORTAL / "static" / "js" / "screens" / "index.js"

NOT_PAGES: Final = {
    "/again{path}": "leads to the address that was answered",
    "/staff/again{path}": "leads to the address that was answered",
    "/.well-known/security.txt": "for programs",
    "/account/data.json": "a file",
    "/api/account/applications": "JSON",
    "/api/config": "JSON",
    "/api/downloads": "JSON",
    "/api/session": "JSON",
    "/api/telecom": "JSON",
    "/downloads/{name}": "a file",
    "/healthz": "for programs",
    "/phone/operator": "leads to the operator",
    "/phone/answer": "leads to the step that follows",
    "/readyz": "for programs",
    "/staff/audit/export": "a file",
    "/staff/desk/cases/{number}/pictures/{side}": "a picture",
    f"{OPERATOR}/jwks": "JSON",
}


@pytest.fixture
def db(world: World) -> Iterator[PortalDatabase]:
    """Open the portal's database beside the portal."""
    database = PortalDatabase(world.programs.state / "portal" / "portal.db")
    database.open_here()
    yield database
    database.close_here()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", WALKS)
def test_nothing_is_wrong_on_any_page(
    name: str, language: Language, world: World, browser: Browser, db: PortalDatabase
) -> None:
    walk = WALKS[name]
    visit = GalleryVisit(world, browser, db, language, cycle(LOOKS), walk.pages)
    walk.go(visit)
    assert sorted(visit.seen) == sorted(walk.pages)
    assert not visit.found, "\n".join(visit.found)


def test_every_page_is_in_the_gallery() -> None:
    shown = {route for walk in WALKS.values() for route in walk.pages.values()}
    ours = routes_of(portal_app(), "GET")
    of_operator = [f"{OPERATOR}{path}" for path in routes_of(operator_app(), "GET")]
    assert set(NOT_PAGES) <= {*ours, *of_operator}
    assert [each for each in (*ours, *of_operator) if each not in shown | set(NOT_PAGES)] == []
    screens = re.findall(r'^  "?([\w/]+)"?(?:,|:.*)$', _screens(), re.MULTILINE)
    assert len(screens) > 10
    assert [each for each in screens if f"{SCREEN}{each}" not in shown] == []


def _screens() -> str:
    text = SCREENS.read_text("utf-8")
    return text[text.index("export const screens") :]


def test_no_page_reloads_itself_after_a_while() -> None:
    """A refresh that a page orders takes a slow reader's place away (WCAG 2.2, failure F41)."""
    pages = [*TEMPLATES.rglob("*.html"), *(PORTAL / "static").glob("*.html")]
    assert len(pages) > 30
    refreshing = re.compile(r"http-equiv=.?refresh", re.IGNORECASE)
    assert [each.name for each in pages if refreshing.search(each.read_text("utf-8"))] == []


@pytest.mark.browser
def test_the_member_is_named_where_the_page_is_narrow(world: World, page: Page) -> None:
    """Only the picture of the link to them is seen there."""
    register(page, world.url)
    found = list(axe_judge.faults(page, [axe_judge.Look(390, "light")]))
    assert not found, "\n".join(found)
    axe_judge.show(page, axe_judge.Look(390, "light"))
    name = str(page.get_attribute("#who", "aria-label"))
    assert name.strip()
    expect(page.locator("#who")).to_have_accessible_name(name)


@pytest.mark.browser
def test_what_is_wrong_is_found(page: Page) -> None:
    page.set_content(
        '<html lang="en"><title>online.title</title><main><h1 title="telecom.nothing">portal.org'
        "</h1><img src='data:,'><p style='width:500px;color:#999;background:#fff'>method.title"
        "</p><kbd style='color:#bbb'>K</kbd><p style='width:4em;overflow-wrap:anywhere'>Documents"
        "</p><p style='width:2em;overflow-wrap:anywhere'>臺北市金質會員</p></main>"
    )
    found = list(axe_judge.faults(page, [axe_judge.Look(390, "light")]))
    for expected in (
        "390 light: image-alt: ",
        "390 light: color-contrast: p",
        "390 light: color-contrast: kbd",
        "wider than 320: p.",
        "at 320: a word in two: p.: Documents",
        "at 320: squeezed: p.: 臺北市金質會員",
        "a key, not its words: online.title",
        "a key, not its words: telecom.nothing",
        "a key, not its words: method.title",
    ):
        assert [each for each in found if each.startswith(expected)], (expected, found)


def test_words_with_points_are_no_keys() -> None:
    text = "www.login.example tester@login.example https://demo.example/ step.js/x 1.2 ok."
    assert axe_judge.raw_keys(text) == []
    keys = ["login.title", "portal.refusals.x"]
    assert axe_judge.raw_keys("login.title〔portal.refusals.x〕") == keys
