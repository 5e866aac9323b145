"""Fixtures: one world for all browser tests of a process; a browser and an agent for each test."""

from collections.abc import Iterator
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from agent.portal.demo import browser as demo_browser
from agent.portal.demo.children import Children
from agent.portal.demo.programs import DemoPrograms, Ports
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import Generation
from agent.virtualcard.rsa_key import RsaKey
from tests.browser.world import PIN, TIMEOUT, World, engine
from tests.tray.prompt.desktop import PROGRAMS, Desktop, x_server


@pytest.fixture(scope="session")
def needs_chromium() -> None:
    """Skip where there is no Chromium to drive."""
    if demo_browser.find_chromium() is None or not demo_browser.can_make_home():
        pytest.skip("chromium and libnss3-tools are needed")


@pytest.fixture(scope="session")
def world(
    needs_chromium: None,
    tmp_path_factory: pytest.TempPathFactory,
    card_keys: dict[Generation, tuple[RsaKey, RsaKey]],
) -> Iterator[World]:
    """Start a portal that trusts a new test issuer; the agent has run once, and is not running."""
    del needs_chromium
    state = tmp_path_factory.mktemp("world")
    for name in ("logs", "cards"):
        (state / name).mkdir()
    issuer = DirectoryIssuer.open(state / "issuer", key_size=2048)
    with Children(state / "logs") as children:
        programs = DemoPrograms(
            children, state, Ports.choose(usual=False), ["--provider", "virtual"]
        )
        programs.start_services()
        programs.make_authority()
        home = state / "home"
        demo_browser.make_home(home, programs.authority)
        yield World(programs, issuer, card_keys, state / "cards", home)
        _insist_on_silence_about_pins(state)


def _insist_on_silence_about_pins(state: Path) -> None:
    """Fail if a PIN has been written anywhere but into the card files, which stand for cards."""
    for path in state.rglob("*"):
        if path.is_file() and "cards" not in path.parts:
            assert PIN.encode() not in path.read_bytes(), path


@pytest.fixture
def agent(world: World) -> Iterator[World]:
    """Return the world and stop its agent afterwards, if the test has started it."""
    yield world
    world.stop_agent()


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    """Run an X server that the agent opens its windows on."""
    if not all(map(which, PROGRAMS)):
        pytest.skip(f"{', '.join(PROGRAMS)} are needed")
    with x_server() as name:
        monkeypatch.setenv("DISPLAY", name)
        yield Desktop(name)


@pytest.fixture(scope="module")
def browser(world: World) -> Iterator[Browser]:
    """Start a browser that trusts the agent's authority.

    Not for the whole session: Playwright's loop runs in this thread for as long as it is started,
    and asynchronous tests of other folders could then not run theirs.
    """
    with engine(world.home) as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return a new profile of a Chinese browser: no cookies, nothing remembered."""
    context = browser.new_context(locale="zh-TW")
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Open a Chinese page; whatever the test does, nothing may leak and nothing may break."""
    page = context.new_page()
    requests: list[Request] = []
    errors: list[str] = []

    def note(request: Request) -> None:
        requests.append(request)

    context.on("request", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert not errors
    for request in requests:
        assert urlsplit(request.url).hostname in {"localhost", "127.0.0.1", None}, request.url
        assert PIN not in f"{request.url} {request.post_data or ''}", request.url
