"""A listening agent with a panel, and a browser that has opened it."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from agent.consent.site_store import SiteStore
from agent.history.line import DONE, Entry, EntryKind
from agent.history.store import History
from agent.host.instance.first_ticket import PURPOSE, FirstTickets
from agent.host.instance.panel_key import PanelKey
from agent.host.machine.paths import Paths
from agent.host.settings.config import Settings
from agent.host.settings.policy import Policy
from agent.host.settings.preferences import Preferences
from agent.web.front.mount import Mount
from agent.web.offered_views import OfferedViews
from agent.web.panel.door import COOKIE
from agent.web.panel.first_page import FirstMount
from agent.web.panel.panel import Panel, PanelPorts, Sources
from agent.web.recorder.recorder import CallRecorder
from tests.web.conftest import Agent, AgentFactory, FakeService

Answer = tuple[int, Any]
READS = (
    "state",
    "events",
    "certificates",
    "sites",
    "history",
    "history/chain",
    "about",
    "doctor",
    "documents",
    "record",
)


@dataclass
class PanelService(FakeService):
    """The use cases, with what the panel needs more."""

    provider_kind: str = "virtual"
    watchers: set[Callable[[], None]] = field(default_factory=set)

    @contextmanager
    def watch(self, changed: Callable[[], None], *, closely: bool) -> Iterator[None]:
        assert closely
        self.watchers.add(changed)
        try:
            yield
        finally:
            self.watchers.discard(changed)


@dataclass
class Door:
    """A listening agent with a panel, and a browser that has opened it."""

    agent: Agent
    panel: Panel
    key: PanelKey
    store: SiteStore
    history: History
    paths: Paths
    recorder: CallRecorder
    page_key: str = ""
    cookie: str = ""

    @property
    def origin(self) -> str:
        return self.agent.url

    @property
    def cookie_name(self) -> str:
        return COOKIE.format(port=self.agent.serving.port)

    def headers(self, **more: str | None) -> dict[str, str]:
        """Return what the page itself sends; None leaves a header out."""
        usual: dict[str, str | None] = {
            "Origin": self.origin,
            "Content-Type": "application/json",
            "X-Ankong-Panel": self.page_key,
            "Cookie": f"{self.cookie_name}={self.cookie}",
            **more,
        }
        return {name: value for name, value in usual.items() if value is not None}

    async def ask(
        self, method: str, path: str, body: Any = None, **headers: str | None
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        data = None
        if body is not None:
            data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        url = f"{self.origin}/panel/{path}"
        sent = self.headers(**headers)
        if data is None:
            sent.pop("Content-Type", None)
        async with self.agent.http.request(
            method, url, data=data, headers=sent, allow_redirects=False
        ) as response:
            if response.content_type == "application/x-ndjson":
                return response, await response.content.readline()
            return response, await response.read()

    async def get(self, name: str) -> Any:
        response, body = await self.ask("GET", f"api/{name}")
        assert response.status == 200, body
        return json.loads(body)

    async def post(self, name: str, body: Any) -> Any:
        response, raw = await self.ask("POST", f"api/{name}", body)
        assert response.status == 200, raw
        return json.loads(raw)

    async def open(self) -> None:
        token = {"token": self.key.make_token()}
        response, body = await self.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
        assert response.status == 200, body
        self.page_key = json.loads(body)["key"]
        self.cookie = response.cookies[self.cookie_name].value


@asynccontextmanager
async def open_door(
    start_agent: AgentFactory,
    certificate: Any,
    folder: Path,
    mounts: tuple[Mount, ...] = (),
    **options: Any,
) -> AsyncIterator[Door]:
    """Start an agent with a panel, and open it; keywords: of ``start_agent``."""
    paths = Paths.choose(folder)
    service = options.pop("service", None) or PanelService(certificate)
    store = await asyncio.to_thread(SiteStore, paths.sites)
    history = await asyncio.to_thread(History, paths.history)
    key = PanelKey(bytes(32))
    newcomers_wait = options.pop("newcomers_wait", lambda: False)
    recorder = options.setdefault("recorder", CallRecorder())
    sources = Sources(
        service=service,
        paths=paths,
        policy=Policy(),
        preferences=Preferences(paths.preferences),
        sites=store,
        newcomers_wait=newcomers_wait,
        history=history,
        recorder=recorder,
        desk=options.pop("desk", None),
        views=options.setdefault("views", OfferedViews()),
        settings=options.pop("panel_settings", Settings()),
    )
    tickets = FirstTickets(key.derive(PURPOSE))
    panel = await asyncio.to_thread(
        Panel, sources, lambda token: key.spend(token) or tickets.spend(token)
    )
    first = await asyncio.to_thread(FirstMount, tickets.claim)
    agent = await start_agent(
        service=service,
        native_mounts=(panel.first_door, panel.mount, *mounts),
        plain_mounts=(first, *options.pop("plain_mounts", ())),
        **options,
    )
    panel.listening(PanelPorts(agent.serving.port, agent.plain_port))
    # A cookie jar would put back what a test leaves out.
    connector = aiohttp.TCPConnector(ssl=agent.trust, limit=0)
    agent.http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    made = Door(agent, panel, key, store, history, paths, recorder)
    await made.open()
    yield made
    panel.close()
    await agent.http.close()
    await asyncio.to_thread(store.close)
    await asyncio.to_thread(history.close)


def write(door: Door, *entries: Entry) -> None:
    door.history.append(lambda: entries).result()


def entry(**fields: Any) -> Entry:
    at = datetime(2026, 1, 2, tzinfo=UTC).isoformat(timespec="microseconds")
    return Entry(at=at, kind=EntryKind.SIGN, outcome=DONE, **fields)
