"""How the agent asks its server for newer versions, and what it makes of the answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent.host.machine.paths import Paths
from agent.host.settings.config import Settings
from agent.host.settings.preferences import Preferences
from agent.host.update.fetch import check_address, fetch
from agent.host.update.manifest import MAX_SIZE, BadManifestError
from agent.host.update.status import VersionAge
from agent.host.update.watch import UpdateWatch
from tests.unit.host.update_support import NOW, public, signed


@dataclass
class Server:
    """A web server of this test's own."""

    url: str
    requests: list[web.BaseRequest] = field(default_factory=list)


@asynccontextmanager
async def serving(answer: Callable[[web.BaseRequest], Any]) -> AsyncIterator[Server]:
    found = Server("")

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        found.requests.append(request)
        response: web.StreamResponse = await answer(request)
        return response

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    found.url = f"http://localhost:{port}/ankong.manifest"
    try:
        yield found
    finally:
        await runner.cleanup()


def answering(body: bytes, status: int = 200, **headers: str) -> Callable[[Any], Any]:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    return answer


async def test_an_agent_hears_from_a_real_server_and_tells_it_nothing(tmp_path: Path) -> None:
    paths = Paths.choose(tmp_path / "state")
    paths.prepare()
    async with serving(answering(signed(), **{"Set-Cookie": "id=1"})) as server:
        agent = UpdateWatch(
            paths.update,
            Settings(update_url=server.url, update_keys=(public(),)),
            Preferences(paths.preferences),
            clock=lambda: NOW,
        )
        assert await agent.ask()
        assert await agent.ask()
        for request in server.requests:
            assert request.method == "GET"
            assert set(request.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding"}
            assert request.headers["User-Agent"] == "Ankong"
            assert request.query_string == ""
            assert request.body_exists is False
    assert len(server.requests) == 2
    assert agent.status.age is VersionAge.NEWER


@pytest.mark.parametrize("status", [204, 301, 302, 307, 308, 401, 404, 407, 500])
async def test_only_a_plain_answer_counts_and_no_redirect_is_followed(status: int) -> None:
    async with serving(answering(signed())) as other:
        answer = answering(b"", status, Location=other.url)
        async with serving(answer) as server:
            with pytest.raises(BadManifestError):
                await fetch(server.url)
        assert other.requests == []


async def test_a_server_that_sends_for_ever_is_left() -> None:
    left = asyncio.Event()

    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * MAX_SIZE)
        except (ConnectionError, asyncio.CancelledError):
            left.set()
        return response

    async with serving(endless) as server:
        with pytest.raises(BadManifestError, match="longer"):
            await fetch(server.url)
        await asyncio.wait_for(left.wait(), 60)


async def test_a_server_that_says_nothing_is_left() -> None:
    held = asyncio.Event()

    async def silent(_: web.BaseRequest) -> web.Response:
        await held.wait()
        return web.Response()

    async with serving(silent) as server:
        with pytest.raises(TimeoutError):
            await fetch(server.url, seconds=0.3)
        held.set()


async def test_nothing_is_unpacked() -> None:
    import gzip

    packed = gzip.compress(b"x" * 10_000_000)
    async with serving(answering(packed[:4000], **{"Content-Encoding": "gzip"})) as server:
        assert len(await fetch(server.url)) == 4000


async def test_a_proxy_of_the_environment_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(b"proxy")) as proxy, serving(answering(b"server")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert await fetch(server.url) == b"server"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://updates.example/",
        "https://",
        "https://user:password@updates.example/",
        "file:///etc/passwd",
        "https://updates.example/#part",
        "http://localhost.evil.example/",
        "//updates.example/",
    ],
)
def test_other_addresses_are_not_asked(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        check_address(url)
