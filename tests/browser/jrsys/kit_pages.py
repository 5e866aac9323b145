"""Pages of foreign sites that load a client of either kind, and what they were told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Page

from tests.browser.jrsys.own_agent import OwnAgent
from tests.browser.public_site import PublicSite

PAGES = Path(__file__).parent / "pages"
KINDS = {".html": "text/html", ".js": "text/javascript"}
DRIVER = {"P11DriverName": "anything.dll"}


class KitSite(PublicSite):
    """Serves the page and both clients."""

    def find(self, path: str) -> tuple[str, str] | None:
        """Return the media type and the text of a path."""
        file = PAGES / urlsplit(path).path.lstrip("/")
        if file.parent != PAGES or not file.is_file():
            return None
        return KINDS[file.suffix], file.read_text("utf-8")


@dataclass
class KitPage:
    """A page of one site.

    Attributes:
        page: in the browser.
        origin: whose page it is.

    """

    page: Page
    origin: str

    def load(self, agent: OwnAgent, **query: object) -> None:
        """Load it, for this agent's ports; ``start`` has the older client begin at page load."""
        ports = {"plain": agent.plain, "tls": agent.tls}
        self.page.goto(f"{self.origin}/page.html?{urlencode({**ports, **query})}")

    # What the page's scripts do. Each gives what the page was told.

    def newer(self, method: str, block: str | None = None, **fields: Any) -> dict[str, Any]:
        """Ask as the newer kit does."""
        before = self.told
        self.start_newer(method, block, **fields)
        return self.outcome(before)

    def p11(self, method: str, **fields: Any) -> dict[str, Any]:
        """Ask as the newer kit does about a card."""
        return self.newer(method, "ComPKCS11Para", **DRIVER, **fields)

    def older(self, method: str, data: Mapping[str, Any] | None = None, **pro: Any) -> Any:
        """Ask as the older kit does."""
        before = self.told
        self.start_older(method, data, **pro)
        return self.outcome(before)

    def start_newer(self, method: str, block: str | None = None, **fields: Any) -> None:
        """Ask, and do not wait."""
        self.page.evaluate("([a, b, c]) => askNewer(a, b, c)", [method, block, fields])

    def start_older(self, method: str, data: Mapping[str, Any] | None = None, **pro: Any) -> None:
        """Ask, and do not wait."""
        blocks = {} if data is None else {"Data": data, "Pro": {"autoChoose": True, **pro}}
        self.page.evaluate("(request) => askOlder(request)", {"MethodSelect": method, **blocks})

    def convert(self, method: str, text: str) -> dict[str, Any]:
        """Ask the older way for a text to be converted."""
        before = self.told
        request = {"MethodSelect": method, "sendString": text}
        self.page.evaluate("(request) => askOlder(request)", request)
        return self.outcome(before)

    @property
    def told(self) -> int:
        """How often the page has been told something."""
        return int(self.page.evaluate("outcomes.length"))

    def outcome(self, number: int) -> dict[str, Any]:
        """Wait for what the page was told, counted from 0."""
        self.page.wait_for_function("(number) => outcomes.length > number", arg=number)
        found: dict[str, Any] = self.page.evaluate("(number) => outcomes[number]", number)
        return found

    def watch(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Ask without a kit, which leaves the WebSocket open; give the one answer."""
        self.page.evaluate("(text) => watch(text)", json.dumps(request))
        self.page.wait_for_function("watched.messages.length > 0 || watched.closed !== null")
        (message,) = self.page.evaluate("watched.messages")
        answer: dict[str, Any] = json.loads(message)
        return answer
