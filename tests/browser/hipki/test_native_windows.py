"""The old component's pages on a desktop: the popup waits, the citizen answers in our window."""

import base64
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from agent.cms.digest import HashAlgorithm
from agent.cms.verify import verify
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from tests.browser.hipki.popups import outcome, press
from tests.browser.hipki.site import Sites
from tests.conftest import TEST_PIN
from tests.tray.prompt.desktop import PATIENCE, Desktop, program
from tests.tray.prompt.running_agent import RunningAgent, running_agent

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CardFactory = Callable[..., VirtualCard]
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys
CANCELLED = 0x76000999


# The same agent, but its windows wait for the next popup for as long as that takes, and hear keys
# as soon as they are seen.
LINGERING = """
import sys
from agent.consent import joining, process
joining.LINGER_SECONDS = 3600.0
process.prompt_command = lambda: {}
from agent.__main__ import main
sys.exit(main())
"""
Start = Callable[..., RunningAgent]


@pytest.fixture
def start(desktop: Desktop, make_card: CardFactory, tmp_path: Path) -> Iterator[Start]:
    """Give what starts an agent with windows that knows no site."""
    file = tmp_path / "card.json"
    cardfile.save(file, make_card("gen2").data)
    arguments = ("--virtual-card", str(file))
    with ExitStack() as agents:

        def started(**options: Any) -> RunningAgent:
            agent = running_agent(tmp_path / "state", desktop.environment, *arguments, **options)
            return agents.enter_context(agent)

        yield started


@pytest.fixture
def agent(start: Start) -> RunningAgent:
    return start()


@pytest.fixture
def lingering_agent(start: Start) -> RunningAgent:
    return start(program=(sys.executable, "-P", "-c", LINGERING.format(program(0.0))))


def classic(agent: RunningAgent, sites: Sites, **query: Any) -> str:
    return sites.url("classic.html", port=agent.ready["hipki_port"], **query)


def until_asked(popup: Page) -> None:
    """Wait until a popup says that the citizen is asked in a window."""
    said = popup.locator("#doing")
    expect(said).to_have_text("請回答「安控」的詢問", timeout=PATIENCE * 1000)


def answer(desktop: Desktop, popup: Page, picture: str, *keys: str) -> None:
    until_asked(popup)
    assert popup.locator("#choices button").count() == 0
    desktop.see()
    time.sleep(AWAKE)
    desktop.picture(picture)
    desktop.press(*keys)
    desktop.see_nothing()


def test_a_site_is_allowed_and_a_last_try_confirmed_in_our_windows(
    desktop: Desktop, agent: RunningAgent, page: Page, sites: Sites
) -> None:
    page.goto(classic(agent, sites, pin="654321"))
    popup = press(page, "sign")
    answer(desktop, popup, "hipki-allow", "alt+t")
    assert outcome(page, 0)["last_error"] == -2147483646
    answer(desktop, press(page, "sign"), "hipki-few-tries", "Escape")
    assert outcome(page, 1)["ret_code"] == CANCELLED
    page.evaluate(f"query.set('pin', '{TEST_PIN}')")
    answer(desktop, press(page, "sign"), "hipki-few-tries-again", "alt+u", "alt+g")
    assert verify(base64.b64decode(outcome(page, 2)["signature"])).content == b"TBS"


def test_a_site_that_was_never_to_be_allowed_is_added_again_in_our_window(
    desktop: Desktop, agent: RunningAgent, page: Page, sites: Sites
) -> None:
    page.goto(classic(agent, sites))
    answer(desktop, press(page, "check"), "hipki-never", "alt+n")
    assert outcome(page, 0)["ret_code"] == 0x76000031
    popup = press(page, "trust")
    popup.click(f"text=http://service.test:{sites.port}")
    popup.click("text=由安控詢問")
    expect(popup.locator("#text")).to_have_text("請回答「安控」的詢問")
    desktop.see()
    time.sleep(AWAKE)
    desktop.press("alt+a")
    assert outcome(page, 1) == {"func": "", "ret_code": 0}
    press(page, "check")
    assert outcome(page, 2)["ret_code"] == 0


def test_closing_the_popup_closes_our_window(
    desktop: Desktop, agent: RunningAgent, page: Page, sites: Sites
) -> None:
    page.goto(classic(agent, sites))
    popup = press(page, "check")
    desktop.see()
    popup.close()
    desktop.see_nothing()
    answer(desktop, press(page, "check"), "hipki-asked-again", "alt+n")
    assert outcome(page, 0)["ret_code"] == 0x76000031


def test_an_impatient_document_system_leaves_one_window_standing(
    desktop: Desktop, lingering_agent: RunningAgent, page: Page, sites: Sites
) -> None:
    port = lingering_agent.ready["hipki_port"]
    page.goto(sites.url("documents.html", port=port, budget=600_000, retries=4))
    until_asked(press(page, "sign"))
    first = lingering_agent.next_window()
    desktop.see()
    for _ in range(2):
        with page.expect_popup() as opened:
            page.evaluate("giveUp()")
        until_asked(opened.value)
    assert lingering_agent.windows() == [first]
    desktop.press("alt+t")
    page.wait_for_function("window.outcomes.some(each => each.func === 'sign')")
    desktop.see_nothing()  # however late another one was to appear


def test_what_cannot_be_shown_is_asked_about_in_our_window_once(
    desktop: Desktop, agent: RunningAgent, page: Page, sites: Sites
) -> None:
    digest = base64.b64encode(HashAlgorithm.SHA256.digest(b"document")).decode()
    query = {"port": agent.ready["hipki_port"], "digest": digest, "budget": 600_000}
    page.goto(classic(agent, sites))
    answer(desktop, press(page, "check"), "hipki-allow-before-blind", "alt+a")
    assert outcome(page, 0)["ret_code"] == 0
    page.goto(sites.url("documents.html", **query))
    answer(desktop, press(page, "sign"), "hipki-blind", "alt+n")
    assert outcome(page, 0)["ret_code"] == 0x76000031
    press(page, "sign")
    assert outcome(page, 1)["ret_code"] == 0x76000031
    page.goto(sites.url("documents.html", "other", **query))
    answer(desktop, press(page, "sign"), "hipki-allow-and-blind", "alt+a")
    assert outcome(page, 0)["ret_code"] == 0
    press(page, "sign")
    assert outcome(page, 1)["ret_code"] == 0
