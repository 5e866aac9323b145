"""An agent of its own for each test, its panel in real Chromium, and cards that have signed."""

import base64
import json
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from agent.consent.questions import Scope
from agent.consent.site_store import Decision, SiteStore
from agent.host.instance.panel_key import panel_address
from agent.host.machine.paths import Paths
from agent.origin import Origin
from tests.browser.world import PIN, TestCard, World

SHOP = "https://shop.example"


@dataclass(slots=True)
class PanelAgent:
    """A running agent, seen from the computer of its user."""

    world: World
    paths: Paths

    def start(self, *cards: TestCard, consent: str = "ask", flags: Sequence[str] = ()) -> None:
        self.world.start_agent(*cards, consent=consent, state=self.paths.state, flags=flags)

    def stop(self) -> None:
        self.world.stop_agent()

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.world.programs.ports.tls}"

    def address(self, page: str = "state") -> str:
        """Return an address that opens the panel once, as the tray makes it."""
        return f"{panel_address(self.paths)}&page={page}"

    def decide(self, origin: str, decision: Decision, scope: Scope = Scope.CARD) -> None:
        """Decide about a site as another process does, such as the command line."""
        store = SiteStore(self.paths.sites, fresh=False)
        store.remember(Origin.parse(origin), decision, scope).result()
        store.close()

    def sign(self, document: str | None = None, site: str = SHOP, **more: str) -> None:
        """Have a page's request signed; the agent was started to allow everything."""
        params: dict[str, Any] = {
            "data": base64.b64encode(b"text").decode(),
            "hash": "SHA-256",
            "format": "cms",
            "pin": PIN,
            **more,
        }
        if document is not None:
            params["document_name"] = document
        assert "signature" in self.request("sign", params, site)()["result"]

    def request(
        self, method: str, params: dict[str, Any], site: str = SHOP
    ) -> Callable[[], dict[str, Any]]:
        """Prepare a site's request; calling it sends it and returns the answer."""
        request = urllib.request.Request(  # noqa: S310  # our own agent
            f"{self.origin}/v1/{method}",
            data=json.dumps({"params": params}).encode(),
            headers={"Content-Type": "application/json", "Origin": site},
        )
        trust = ssl.create_default_context(cafile=str(self.world.programs.authority))

        def send() -> dict[str, Any]:
            try:
                with urllib.request.urlopen(request, context=trust, timeout=60) as answer:  # noqa: S310
                    told: dict[str, Any] = json.load(answer)
            except urllib.error.HTTPError as error:
                told = json.load(error)
            except OSError:  # the agent has ended meanwhile
                told = {}
            return told

        return send


@pytest.fixture
def agent_here(world: World, tmp_path: Path) -> Iterator[PanelAgent]:
    """Return an agent with a folder of its own, whose certificate the browser trusts."""
    state = tmp_path / "state"
    shutil.copytree(world.programs.state / "agent" / "tls", state / "tls")
    yield PanelAgent(world, Paths.choose(state))
    world.stop_agent()


@pytest.fixture
def opened(agent_here: PanelAgent, page: Page) -> Callable[[str], Page]:
    """Open the panel at a view: ``opened("sites")``."""

    def open_at(view: str) -> Page:
        page.goto(agent_here.address(view))
        page.locator(f"#view-{view} h1").wait_for()
        return page

    return open_at


def part(page: Page, name: str, kind: str) -> Locator:
    """Wait until a part of the picture is of a kind."""
    found = page.locator(f"#picture .chain-part.{kind}[data-part={name}]")
    found.wait_for()
    return found


def addresses_of(page: Page) -> list[str]:
    """Return a list to which each address is added that the tab goes to."""
    seen: list[str] = []
    page.on("framenavigated", lambda frame: seen.append(frame.url))
    return seen


def plain_origin(agent: PanelAgent) -> str:
    return f"http://127.0.0.1:{agent.world.programs.ports.ping}"
