"""A Chromium that does not trust us yet: it is told to restart, and sees no warning."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect, sync_playwright

from agent.host.instance.panel_opening import first_address
from agent.host.tls.chromium import ChromiumStore
from agent.host.tls.machine import Machine
from agent.host.tls.store import AuthorityFile
from agent.portal.demo import browser as demo_browser
from tests.browser.panel.conftest import PanelAgent, addresses_of, plain_origin
from tests.browser.tls.conftest import new_home
from tests.browser.world import TIMEOUT

pytestmark = pytest.mark.browser
Start = Callable[[], BrowserContext]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home whose database does not have our authority."""
    return new_home(tmp_path / "home")


@pytest.fixture
def start_browser(home: Path, tmp_path: Path) -> Iterator[Start]:
    """Start Chromium with the tabs that it had when it was closed."""
    path = demo_browser.find_chromium()
    assert path is not None
    with sync_playwright() as playwright:

        def start() -> BrowserContext:
            context = playwright.chromium.launch_persistent_context(
                tmp_path / "profile",
                executable_path=path,
                args=[*demo_browser.sandbox_flags(), "--restore-last-session"],
                env={**os.environ, **demo_browser.environment(home)},
                locale="zh-TW",
            )
            context.set_default_timeout(TIMEOUT)
            return context

        yield start


def trust(agent: PanelAgent, home: Path) -> None:
    """Put our authority into the database, as ``ankong trust install`` does."""
    machine = Machine(home=home, platform="linux", environment={})
    authority = AuthorityFile.load(agent.paths.tls / "authority.pem")
    ChromiumStore(machine).install(authority, lambda _: None)


def test_it_is_told_to_restart_and_never_sees_a_warning(
    agent_here: PanelAgent, home: Path, start_browser: Start
) -> None:
    agent_here.start()
    context = start_browser()
    page = context.pages[0]
    seen = addresses_of(page)
    page.goto(first_address(agent_here.paths))
    expect(page.locator("#restart h1")).to_have_text("請重新啟動 Chromium")
    for _ in range(2):  # it looks again, and again
        with page.expect_response("**/v1/ping"):
            pass
    expect(page.locator("#restart")).to_be_visible()
    assert {each.partition("#")[0] for each in seen} == {f"{plain_origin(agent_here)}/first"}
    context.close()
    trust(agent_here, home)
    page = start_browser().new_page()
    page.goto(first_address(agent_here.paths))
    page.locator("#view-state h1").wait_for()


def test_a_tab_that_comes_back_after_the_restart_goes_on_by_itself(
    agent_here: PanelAgent, home: Path, start_browser: Start
) -> None:
    agent_here.start()
    context = start_browser()
    page = context.pages[0]
    page.goto(first_address(agent_here.paths))
    expect(page.locator("#restart")).to_be_visible()
    context.close()
    trust(agent_here, home)
    context = start_browser()
    panel = f"{agent_here.origin}/panel/#/state"
    page = next(each for each in context.pages if each.url.startswith("http"))
    page.wait_for_url(panel)
    page.locator("#view-state h1").wait_for()
