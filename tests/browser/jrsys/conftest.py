"""Fixtures: one agent and one browser for each file, and sites of each test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import Browser, BrowserContext

from agent.portal.demo import browser as demo_browser
from agent.virtualcard.card import VirtualCard
from tests.browser.jrsys.kit_pages import KitPage, KitSite
from tests.browser.jrsys.own_agent import OwnAgent, own_agent
from tests.browser.jrsys.windows import Windows
from tests.browser.public_site import self_signed, serve, set_permission, trusting_home
from tests.browser.world import TIMEOUT, chromium

HOSTS = [f"city{number}.test" for number in range(100)]
_numbers = count()

CardFactory = Callable[..., VirtualCard]
OpenPage = Callable[..., KitPage]


@dataclass(frozen=True)
class Place:
    """A browser that trusts the agent and the sites, and where the sites are."""

    browser: Browser
    secure: KitSite
    plain: KitSite

    def new_origin(self, *, secure: bool) -> str:
        """Return the origin of a site that no test has used."""
        scheme, _, place = (self.secure if secure else self.plain).origin.partition("://")
        return f"{scheme}://{HOSTS[next(_numbers)]}:{place.rpartition(':')[2]}"


@pytest.fixture(scope="module")
def shared_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnAgent]:
    with own_agent(tmp_path_factory.mktemp("agent")) as agent:
        yield agent


@pytest.fixture(scope="module")
def place(shared_agent: OwnAgent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Start the browser; sites with TLS are public for it, so that it guards this computer.

    For one file, because Playwright's loop runs in this thread for as long as the browser does.
    """
    if demo_browser.find_chromium() is None or not demo_browser.can_make_home():
        pytest.skip("chromium and libnss3-tools are needed")
    folder = tmp_path_factory.mktemp("browser")
    pem = self_signed(folder, *HOSTS)
    home = trusting_home(shared_agent.authority, folder, pem)
    secure, plain = KitSite(""), KitSite("")
    with ExitStack() as stack:
        stack.enter_context(serve(secure, pem))
        stack.enter_context(serve(plain, None))
        flags = (
            "--host-resolver-rules=MAP *.test 127.0.0.1",
            f"--ip-address-space-overrides=127.0.0.1:{secure.origin.rpartition(':')[2]}=public",
        )
        yield Place(stack.enter_context(chromium(home, *flags)), secure, plain)


@pytest.fixture
def agent(shared_agent: OwnAgent) -> OwnAgent:
    """Return the agent; its reader is empty, and its citizen says yes to everything."""
    shared_agent.windows.begin()
    shared_agent.pull()
    return shared_agent


@pytest.fixture
def windows(agent: OwnAgent) -> Windows:
    return agent.windows


@pytest.fixture
def context(place: Place) -> Iterator[BrowserContext]:
    context = place.browser.new_context(locale="zh-TW")
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


@pytest.fixture
def open_page(agent: OwnAgent, place: Place, context: BrowserContext) -> Iterator[OpenPage]:
    """Open pages of new sites: ``open_page()``, or ``open_page(secure=False)`` for plain HTTP.

    ``reach`` is the browser's answer whether a site on the public network may reach this computer.
    Other keywords go into the page's address. No page's script may fail.
    """
    errors: list[str] = []

    def opened(*, secure: bool = True, reach: str = "granted", **query: object) -> KitPage:
        page = KitPage(context.new_page(), place.new_origin(secure=secure))
        page.page.on("pageerror", lambda error: errors.append(str(error)))
        if secure:
            set_permission(page.page, page.origin, reach)
        page.load(agent, **query)
        return page

    yield opened
    assert not errors


@pytest.fixture
def page(open_page: OpenPage) -> KitPage:
    """Return a page of a site that nobody knows yet."""
    return open_page()
