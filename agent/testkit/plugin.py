"""Fixtures for pytest: an agent with a virtual card, and a browser that trusts it.

pytest finds them by itself once ``ankong[test]`` is installed; nothing is loaded or started before
a test asks for one of them.
"""

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, BrowserType

    from agent.testkit.card_files import KitIssuer
    from agent.testkit.handles import AgentHandle, CardFile, ReaderHandle

BROWSER: Final = "ANKONG_BROWSER"
"""The variable of the environment that names the browser: chromium, firefox or webkit."""
BROWSER_PATH: Final = "ANKONG_BROWSER_PATH"
"""The one that names its program; without it Playwright's own is taken."""
_BROWSERS: Final = ("chromium", "firefox", "webkit")
_LOCAL_NETWORK: Final = "local-network-access"


@pytest.fixture(scope="session")
def ankong_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the agent of this session lives."""
    folder = tmp_path_factory.mktemp("ankong") / "agent"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(scope="session")
def ankong_issuer(ankong_folder: Path) -> "KitIssuer":
    """Return the authority of all cards, which the server under test has to trust."""
    from agent.testkit.card_files import KitIssuer  # noqa: PLC0415  # heavy

    return KitIssuer(ankong_folder / "issuer")


@pytest.fixture
def ankong_card(ankong_issuer: "KitIssuer", tmp_path: Path) -> "Callable[..., CardFile]":
    """Return what makes cards: ``ankong_card(generation=1, validity="expired", tries_left=1)``."""

    def make(**wanted: Any) -> "CardFile":
        return ankong_issuer.make_card(tmp_path, **wanted)

    return make


@pytest.fixture(scope="session")
def ankong_process(ankong_folder: Path) -> "Iterator[AgentHandle]":
    """Run one agent for all tests of the session."""
    from agent.testkit.agent_process import running_agent  # noqa: PLC0415  # heavy

    with running_agent(ankong_folder) as agent:
        yield agent


@contextmanager
def _answering(folder: Path) -> "Iterator[None]":
    """Say where to look when the agent has ended in the middle of a session."""
    try:
        yield
    except OSError as error:
        logs = folder.with_name(f"{folder.name}.log"), folder / "logs"
        told = f"the agent does not answer any more ({type(error).__name__}); its logs: %s, %s"
        pytest.fail(told % logs, pytrace=False)


@pytest.fixture
def ankong_agent(ankong_process: "AgentHandle", ankong_folder: Path) -> "Iterator[AgentHandle]":
    """Return the agent as it was when it started; fail if it asked what no rule answers."""
    agent = ankong_process
    with _answering(ankong_folder):
        agent.reset()
    agent.fails_when_unanswered = True
    yield agent
    with _answering(ankong_folder):
        open_questions = agent.unanswered if agent.fails_when_unanswered else []
    if open_questions:
        named = "; ".join(f"{each['kind']} of {each['site']}" for each in open_questions)
        pytest.fail(f"the agent asked what no rule answers: {named}", pytrace=False)


@pytest.fixture
def ankong_reader(
    ankong_agent: "AgentHandle", ankong_card: "Callable[..., CardFile]"
) -> "ReaderHandle":
    """Return the agent's reader, with a good card in it."""
    ankong_agent.insert(ankong_card())
    return ankong_agent.readers[0]


# Not for the whole session: Playwright's loop runs in this thread for as long as it is started, and
# asynchronous tests of other modules could then not run theirs.
@pytest.fixture(scope="module")
def ankong_browser(ankong_process: "AgentHandle") -> "Iterator[Browser]":
    """Start a browser without a window.

    Raises:
        pytest.UsageError: ``ANKONG_BROWSER`` names none.

    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # heavy

    name = os.environ.get(BROWSER) or "chromium"
    if name not in _BROWSERS:
        raise pytest.UsageError(f"{BROWSER} is one of {', '.join(_BROWSERS)}, and not {name}")
    flags = _chromium_flags(ankong_process) if name == "chromium" else []
    with sync_playwright() as playwright:
        kind: BrowserType = getattr(playwright, name)
        browser = kind.launch(executable_path=os.environ.get(BROWSER_PATH) or None, args=flags)
        yield browser
        browser.close()


def _chromium_flags(agent: "AgentHandle") -> list[str]:
    # Only our own key: a certificate of the site's that is wrong stays an error.
    flags = [f"--ignore-certificate-errors-spki-list={agent.spki}"]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0  # in a container
    return [*flags, "--no-sandbox"] if is_root else flags


@pytest.fixture
def ankong_context(
    ankong_browser: "Browser", ankong_agent: "AgentHandle"
) -> "Iterator[BrowserContext]":
    """Return a new profile that trusts the agent, and whose pages on this computer find it."""
    is_chromium = ankong_browser.browser_type.name == "chromium"
    context = ankong_browser.new_context(ignore_https_errors=not is_chromium)
    if is_chromium:
        context.grant_permissions([_LOCAL_NETWORK])
    ports = json.dumps(ankong_agent.ports)
    context.add_init_script(f"globalThis.ANKONG_PORTS = {ports};")
    yield context
    context.close()
