"""The popup's own size: all answers to its question are in sight, whatever the page opened."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from agent.portal.demo import browser as demo_browser
from agent.virtualcard.card import VirtualCard
from agent.words import Language
from tests.browser.hipki.popups import press
from tests.browser.hipki.site import ARGUMENTS, Sites
from tests.browser.world import launched
from tests.web.hipki.rig import Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
WHOLE = """() => window.innerWidth > 400
    && document.documentElement.scrollHeight <= window.innerHeight
    && document.documentElement.scrollWidth <= window.innerWidth"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser on a screen that has room; the usual one without a window has 600 lines."""
    screen = "--screen-info={1366x900}"
    with launched(demo_browser.find_chromium(), [*ARGUMENTS, screen]) as started:
        yield started


@pytest.mark.parametrize("language", Language)
def test_every_answer_is_in_sight_in_any_language(
    make_card: CardFactory,
    browser: Browser,
    sites: Sites,
    monkeypatch: pytest.MonkeyPatch,
    language: Language,
) -> None:
    mount = "agent.web.hipki.hipki_mount.requested_language"
    monkeypatch.setattr(mount, lambda *_: language)
    context = browser.new_context(no_viewport=True)  # so that windows have sizes of their own
    context.set_default_timeout(15_000)
    card = make_card()
    with Rig(card, consent="ask") as rig:
        rig.known.write(card.data.serial, 2)  # the longest question: a PIN may be covered
        page = context.new_page()
        page.goto(sites.url("classic.html", port=rig.port))
        popup = press(page, "check")
        popup.locator("[data-answer=cancel]").wait_for()
        popup.wait_for_function(WHOLE)
    context.close()
