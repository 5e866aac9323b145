"""axe-core finds nothing on the pages of the old component's protocol, each as it may stand."""

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from agent.virtualcard.card import VirtualCard
from agent.words import Language
from tests.browser import axe_judge
from tests.browser.hipki.popups import press, say, until_closed
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import WRONG_PIN, Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
ALL = os.environ.get("ANKONG_TEST_LOOKS") == "all"
LOOKS = axe_judge.EVERY_LOOK if ALL else axe_judge.FEW_LOOKS
LANGUAGES = tuple(Language) if ALL else (Language.CHINESE,)


@pytest.fixture(params=LANGUAGES)
def visitor(
    request: pytest.FixtureRequest, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """Open a page of somebody to whom the old pages speak a language."""
    monkeypatch.setattr("agent.web.hipki.hipki_mount.requested_language", lambda *_: request.param)
    context = browser.new_context(locale="zh-TW", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def judged(page: Page, name: str) -> list[str]:
    page.set_viewport_size({"width": 1280, "height": 900})
    # The site's host begins as some of our keys do.
    found = (each for each in axe_judge.faults(page, LOOKS) if "service.test" not in each)
    return [f"{name}: {each}" for each in found]


def test_nothing_is_wrong_with_pages_that_open_by_themselves(
    make_card: CardFactory, visitor: Page
) -> None:
    found = []
    with Rig(make_card(), None, consent="ask") as rig:
        for path, ready in (
            ("selfTest.htm", "#checks .ok"),
            ("popupForm", "#doing"),
            ("addDomain?domain=https://bank.example", "main"),
        ):
            visitor.goto(f"{rig.own}/{path}")
            visitor.locator(ready).first.wait_for()
            found += judged(visitor, path)
    assert not found, "\n".join(found)


def test_nothing_is_wrong_with_what_the_popup_asks(
    make_card: CardFactory, visitor: Page, sites: Sites
) -> None:
    found = []
    card = make_card()
    with Rig(card, consent="ask") as rig:
        visitor.goto(sites.url("classic.html", port=rig.port, pin=WRONG_PIN))
        popup = press(visitor, "check")
        popup.locator("[data-answer=always]").wait_for()
        found += judged(popup, "site")
        say(popup, "always")
        until_closed(popup)
        popup = press(visitor, "sign")
        until_closed(popup)
        popup = press(visitor, "sign")
        popup.locator("[data-answer=once]").wait_for()
        found += judged(popup, "pin")
        say(popup, "cancel")
    assert not found, "\n".join(found)


def test_nothing_is_wrong_with_the_choice_of_a_card(
    make_card: CardFactory, visitor: Page, sites: Sites
) -> None:
    found = []
    with Rig(make_card("gen1"), make_card("gen2"), consent="ask") as rig:
        rig.allow(sites.origin())
        visitor.goto(sites.url("classic.html", port=rig.port))
        popup = press(visitor, "sign")
        popup.locator("[data-answer=once]").first.wait_for()
        found += judged(popup, "card")
        say(popup, "cancel")
    assert not found, "\n".join(found)
