"""The panel's door, without a browser: who gets in, who does not, and what an answer gives away."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.host.panel_key import PanelKey
from agent.host.paths import Paths
from agent.host.policy import Policy
from agent.host.preferences import Preferences
from agent.signing.history import History
from agent.signing.history_line import DONE, Entry, Kind
from agent.signing.site_store import Decision, SiteStore
from agent.signing.sites import Site
from agent.web.panel.door import COOKIE, MAX_BODY
from agent.web.panel.panel import Panel, Sources
from agent.web.panel.sessions import IDLE, LIFETIME, MAX_SESSIONS, Sessions
from tests.web.conftest import Agent, AgentFactory, FakeService

Answer = tuple[int, Any]
READS = ("state", "events", "certificates", "sites", "history", "history/chain", "about", "doctor")


@dataclass
class PanelService(FakeService):
    """The use cases, with what the panel needs more."""

    provider_kind: str = "virtual"
    watchers: set[Callable[[], None]] = field(default_factory=set)

    @contextmanager
    def watch(self, changed: Callable[[], None]) -> Iterator[None]:
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
    places: Paths
    page_key: str = ""
    cookie: str = ""

    @property
    def origin(self) -> str:
        return self.agent.url

    @property
    def cookie_name(self) -> str:
        return COOKIE.format(port=self.agent.serving.port)

    def headers(self, **more: str | None) -> dict[str, str]:
        """Give what the page itself sends; None leaves a header out."""
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


@pytest.fixture
async def door(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path
) -> AsyncIterator[Door]:
    """Start an agent with a panel, which is open."""
    places = Paths.choose(tmp_path)
    service = PanelService(card_certificate)
    store = await asyncio.to_thread(SiteStore, places.sites)
    history = await asyncio.to_thread(History, places.history)
    key = PanelKey(bytes(32))
    sources = Sources(
        service=service,
        places=places,
        policy=Policy(),
        preferences=Preferences(places.preferences),
        sites=store,
        history=history,
    )
    panel = await asyncio.to_thread(Panel, sources, key.spend)
    agent = await start_agent(service=service, panel=panel.on)
    panel.listening(agent.serving.port, agent.serving.ping_port, None)
    # A cookie jar would put back what a test leaves out.
    connector = aiohttp.TCPConnector(ssl=agent.trust, limit=0)
    agent.http = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    made = Door(agent, panel, key, store, history, places)
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
    return Entry(at=at, kind=Kind.SIGN, outcome=DONE, **fields)


# Who gets in.


async def test_with_cookie_key_and_origin_the_page_gets_in(door: Door) -> None:
    state = await door.get("state")
    assert state["ports"]["port"] == door.agent.serving.port
    assert state["readers"][0]["state"] == "card"


async def test_a_token_opens_once(door: Door) -> None:
    token = {"token": door.key.make_token()}
    first, _ = await door.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
    second, body = await door.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
    assert (first.status, second.status) == (200, 401)
    assert "Set-Cookie" not in second.headers
    assert b"key" not in body.replace(b"message", b"")


async def test_the_cookie_is_for_no_script_no_other_site_and_no_plain_http(door: Door) -> None:
    token = {"token": door.key.make_token()}
    response, _ = await door.ask("POST", "api/open", token, **{"X-Ankong-Panel": "open"})
    flags = {part.strip().lower() for part in response.headers["Set-Cookie"].split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/panel/"} <= flags


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize(
    "missing",
    [
        {"Cookie": None},
        {"Cookie": "x=y"},
        {"X-Ankong-Panel": None},
        {"X-Ankong-Panel": "open"},
        {"X-Ankong-Panel": "A" * 43},
        {"X-Ankong-Panel": "A" * 5000},
    ],
)
async def test_nothing_is_told_without_both_halves_of_the_secret(
    door: Door, name: str, missing: dict[str, str | None]
) -> None:
    response, body = await door.ask("GET", f"api/{name}", **missing)
    assert response.status in (401, 403)
    assert b"Ankong Virtual Reader" not in body
    assert (await door.get("state"))["service"]  # and nobody was thrown out for it


async def test_halves_of_two_browsers_make_no_whole(door: Door) -> None:
    first = door.cookie
    await door.open()
    response, _ = await door.ask("GET", "api/state", Cookie=f"{door.cookie_name}={first}")
    assert response.status == 401


ORIGINS = [
    "null",
    "https://localhost",
    "https://evil.example",
    "http://localhost:{port}",
    "https://localhost:{other}",
    "https://127.0.0.1:{port}",
    "https://localhost.evil.example:{port}",
    "https://LOCALHOST:{port}",
    "https://localhost:{port}/",
    "https://localhost:{port}.evil.example",
    "https://localhost:{port}@evil.example",
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "api/state"), ("POST", "api/sites")]
)
async def test_another_origin_gets_nothing_even_with_the_secrets(
    door: Door, origin: str, method: str, path: str
) -> None:
    port = door.agent.serving.port
    named = origin.format(port=port, other=port - 1)
    body = {"origin": "https://evil.example", "action": "block"} if method == "POST" else None
    response, raw = await door.ask(method, path, body, Origin=named)
    assert response.status == 403, raw
    assert "Access-Control-Allow-Origin" not in response.headers
    assert door.store.snapshot() == ()


@pytest.mark.parametrize(
    "metadata",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "frame"},
        {"Sec-Fetch-Dest": "embed"},
        {"Sec-Fetch-Dest": "object"},
        {"Sec-Fetch-Dest": "serviceworker"},
    ],
)
@pytest.mark.parametrize("path", ["", "js/app.js", "api/state"])
async def test_what_the_browser_says_of_a_request_counts(
    door: Door, metadata: dict[str, str], path: str
) -> None:
    response, _ = await door.ask("GET", path, Origin=None, **metadata)
    assert response.status == 403


async def test_an_address_that_was_typed_in_shows_the_page_but_calls_nothing(door: Door) -> None:
    typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document", "Origin": None}
    page, _ = await door.ask("GET", "", **typed)
    call, _ = await door.ask("GET", "api/state", **typed)
    assert (page.status, call.status) == (200, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": None},
        {"Origin": None},
        {"Content-Encoding": "gzip"},
        {"X-Ankong-Panel": None},
    ],
)
async def test_what_a_form_can_send_changes_nothing(
    door: Door, headers: dict[str, str | None]
) -> None:
    body = {"origin": "https://shop.example", "action": "block"}
    response, _ = await door.ask("POST", "api/sites", body, **headers)
    assert response.status in (403, 415)
    assert door.store.snapshot() == ()


@pytest.mark.parametrize("path", ["", "api/open", "api/state", "api/sites", "js/app.js"])
async def test_no_preflight_succeeds(door: Door, path: str) -> None:
    for origin in (door.origin, "https://evil.example"):
        response, _ = await door.ask(
            "OPTIONS",
            path,
            Origin=origin,
            **{
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "x-ankong-panel",
            },
        )
        assert response.status >= 400
        assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:1", "localhost.:{port}"])
async def test_another_host_is_refused(door: Door, host: str) -> None:
    named = host.format(port=door.agent.serving.port)
    response, _ = await door.ask("GET", "api/state", Host=named, Origin=f"https://{named}")
    assert response.status == 421


@pytest.mark.parametrize("path", ["", "css/base.css", "js/app.js", "api/state", "nowhere", "api/x"])
async def test_every_answer_keeps_others_out(door: Door, path: str) -> None:
    response, _ = await door.ask("GET", path)
    headers = response.headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


async def test_leaving_ends_it(door: Door) -> None:
    response, _ = await door.ask("POST", "api/close", {})
    assert response.status == 204
    after, _ = await door.ask("GET", "api/state")
    assert after.status == 401


@pytest.mark.parametrize(
    "path",
    ["../v1/status", "%2e%2e/v1/status", "js/%61pp.js", "js/../index.html", "index.html", "js/"],
)
async def test_a_path_has_one_spelling(door: Door, path: str) -> None:
    port = door.agent.serving.port
    reader, writer = await door.agent.raw()
    writer.write(f"GET /panel/{path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    status = await reader.readline()
    assert status.split()[1] == b"404"
    writer.close()


async def test_the_bare_name_leads_to_the_page(door: Door) -> None:
    url = f"{door.origin}/panel"
    async with door.agent.http.get(url, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (308, "/panel/")


async def test_the_native_api_is_as_it_was(door: Door) -> None:
    assert await door.agent.alive()
    async with door.agent.http.get(f"{door.origin}/panelling") as response:
        assert response.status == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b"[" * 10_000, b'{"action":"block"}', b'{"x":1}'],
)
@pytest.mark.parametrize("name", ["open", "sites", "selftest", "doctor", "settings"])
async def test_a_body_that_makes_no_sense_is_answered(door: Door, name: str, body: bytes) -> None:
    marker = {"X-Ankong-Panel": "open"} if name == "open" else {}
    response, raw = await door.ask("POST", f"api/{name}", body, **marker)
    assert response.status == 400, raw
    assert b"Traceback" not in raw


async def test_a_body_that_is_too_long_is_refused(door: Door) -> None:
    response, _ = await door.ask("POST", "api/sites", b" " * (MAX_BODY + 1))
    assert response.status == 413


# What it does.


async def test_a_site_can_be_blocked_and_forgotten_but_not_allowed(door: Door) -> None:
    site = Site("https://shop.example")
    await asyncio.wrap_future(door.store.remember(site, Decision.ALLOWED))
    (row,) = (await door.get("sites"))["sites"]
    assert (row["origin"], row["decision"], row["ruling"]) == (site.origin, "allowed", "silent")
    await door.post("sites", {"origin": site.origin, "action": "block"})
    assert door.store.decision(site) is Decision.BLOCKED
    answer = await door.post("sites", {"origin": site.origin, "action": "forget"})
    assert answer["sites"] == []
    for action in ("allow", "allowed", "this_time", "BLOCK", ""):
        response, _ = await door.ask("POST", "api/sites", {"origin": site.origin, "action": action})
        assert response.status == 400
    assert door.store.decision(site) is Decision.UNKNOWN


async def test_what_is_no_origin_is_not_remembered(door: Door) -> None:
    for origin in ("", "shop.example", "https://shop.example/path", "local://user", "null"):
        response, _ = await door.ask("POST", "api/sites", {"origin": origin, "action": "block"})
        assert response.status == 400
    assert door.store.snapshot() == ()


async def test_the_history_is_found_by_words_and_by_pages(door: Door) -> None:
    entries = [
        entry(site="https://shop.example", document=f"文件 {number}.pdf") for number in range(120)
    ]
    await asyncio.to_thread(
        write, door, *entries, entry(site="https://tax.example", holder="王測試")
    )
    first = await door.get("history?q=")
    assert len(first["lines"]) == 50
    assert first["lines"][0]["holder"] == "王測試"
    second = await door.get(f"history?q=&before={first['before']}")
    third = await door.get(f"history?q=&before={second['before']}")
    assert [len(second["lines"]), len(third["lines"]), third["before"]] == [50, 21, None]
    seen = [line["seq"] for page in (first, second, third) for line in page["lines"]]
    assert seen == list(range(121, 0, -1))
    for words, found in (("TAX.example", 1), ("王測", 1), ("文件 7.pdf", 1), ("nothing", 0)):
        answer = await door.get(f"history?q={words}")
        assert (len(answer["lines"]), answer["before"]) == (found, None)


@pytest.mark.parametrize("before", ["-1", "x", "1e3", "", "9" * 30])
async def test_a_place_in_the_history_is_a_number(door: Door, before: str) -> None:
    response, _ = await door.ask("GET", f"api/history?before={before}")
    assert response.status == 400


async def test_the_chain_is_examined_and_the_history_exported(door: Door) -> None:
    await asyncio.to_thread(write, door, entry(site="https://shop.example", document="=1+1"))
    assert (await door.get("history/chain"))["intact"] is True
    response, table = await door.ask("GET", "api/history/export?format=csv")
    assert response.content_type == "text/csv"
    assert "'=1+1" in table.decode("utf-8-sig")
    exported = await door.get("history/export?format=json")
    assert exported["lines"][0]["document"] == "=1+1"


async def test_every_change_is_told_at_once(door: Door) -> None:
    service = door.agent.service
    assert isinstance(service, PanelService)
    url = f"{door.origin}/panel/api/events"
    async with door.agent.http.get(url, headers=door.headers()) as response:
        first = json.loads(await response.content.readline())
        assert first["working"] is False
        service.view = type(service.view)(
            service_available=True, readers=service.view.readers, working=True
        )
        for changed in tuple(service.watchers):
            changed()
        assert json.loads(await response.content.readline())["working"] is True
        door.panel.key_used()
        assert json.loads(await response.content.readline())["uses"] == 1
        door.panel.close()
        assert await response.content.read() == b""
    await Agent.until(lambda: not service.watchers)


async def test_a_page_that_leaves_is_not_told_any_more(door: Door) -> None:
    service = door.agent.service
    assert isinstance(service, PanelService)
    url = f"{door.origin}/panel/api/events"
    async with door.agent.http.get(url, headers=door.headers()) as response:
        await response.content.readline()
        assert len(service.watchers) == 1
        response.close()
    await Agent.until(lambda: not service.watchers)


async def test_a_language_that_is_chosen_lasts(door: Door) -> None:
    state = await door.post("settings", {"language": "en"})
    assert state["language"] == "en"
    again = await asyncio.to_thread(Preferences, door.places.preferences)
    assert again.language == "en"
    response, _ = await door.ask("POST", "api/settings", {"language": "fr"})
    assert response.status == 400


# Sessions.


def test_a_session_ends_when_nobody_uses_it_and_in_the_end_anyway() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    opened = sessions.open()
    now += IDLE + 1
    assert not sessions.check(opened.cookie, opened.key)
    opened = sessions.open()
    end = now + LIFETIME
    while now + IDLE / 2 < end:
        now += IDLE / 2
        assert sessions.check(opened.cookie, opened.key)
    now += IDLE
    assert not sessions.check(opened.cookie, opened.key)


def test_of_too_many_sessions_the_quiet_one_ends() -> None:
    sessions = Sessions()
    first, second = sessions.open(), sessions.open()
    for _ in range(MAX_SESSIONS - 2):
        sessions.open()
    assert sessions.check(first.cookie, first.key)
    sessions.open()
    assert sessions.check(first.cookie, first.key)
    assert not sessions.check(second.cookie, second.key)


def test_no_secret_shows_in_a_repr() -> None:
    sessions = Sessions()
    opened = sessions.open()
    assert opened.key not in repr(opened)
    assert opened.cookie not in repr(opened)
