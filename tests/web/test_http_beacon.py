"""The beacon over plain HTTP, and what can move in beside it."""

from typing import Any

import pytest
from aiohttp import web

from agent import __version__
from agent.origin import Origin
from agent.web.front.answer import answer
from agent.web.front.audience import Audience
from agent.web.front.mount import Mount, Route

SITE = "https://shop.example"
STRANGER = "https://stranger.example"
SIGN = {"params": {"data": "AAAA", "hash": "SHA-256", "format": "cms", "pin": "123456"}}
PUBLIC = ["/v1/status", "/v1/openapi.json", "/v1/messages.schema.json", "/sdk/ankong.js"]


async def test_the_beacon_says_where_tls_is(agent: Any) -> None:
    url = f"{agent.plain_url}/v1/ping"
    async with agent.http.get(url, headers={"Origin": STRANGER}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == STRANGER
        assert await response.json() == {
            "product": "ankong",
            "version": __version__,
            "tls": agent.serving.port,
        }


async def test_the_beacon_side_says_its_version_in_words(agent: Any) -> None:
    async with agent.http.get(f"{agent.plain_url}/") as response:
        assert f"version:{__version__}" in await response.text()


@pytest.mark.parametrize("path", ["/v1/status", "/v1/sign", "/v1/socket", "/sign", "/pkcs11info"])
async def test_the_beacon_side_serves_nothing_else(agent: Any, path: str) -> None:
    async with agent.http.get(f"{agent.plain_url}{path}", headers={"Origin": SITE}) as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "bad_request"


async def test_the_beacon_side_checks_the_host_too(agent: Any) -> None:
    for host in ("evil.example", f"localhost:{agent.serving.port}"):
        url = f"{agent.plain_url}/v1/ping"
        async with agent.http.get(url, headers={"Host": host}) as response:
            assert response.status == 421


async def test_other_protocols_can_move_in_beside_the_beacon(start_agent: Any) -> None:
    async def handle(request: web.BaseRequest, caller: Origin | None) -> web.Response:
        return answer(b'{"port":%d}' % request.url.port, caller)

    old = Mount({"/sign": {"GET": Route(handle, Audience.EVERYBODY, None)}})
    agent = await start_agent(plain_mounts=(old,))
    async with agent.http.get(f"{agent.plain_url}/sign") as response:
        assert await response.json() == {"port": agent.plain_port}
    async with agent.http.get(f"{agent.plain_url}/v1/ping") as response:
        assert (await response.json())["product"] == "ankong"
    async with agent.http.get(f"{agent.url}/sign") as response:
        assert response.status == 404


async def test_the_beacon_tells_of_a_restart_but_not_of_which_browser(start_agent: Any) -> None:
    """Names of programs would tell every site one computer from another."""
    due = [False]
    agent = await start_agent(is_restart_due=lambda: due[0])
    for is_due in (False, True, False):
        due[0] = is_due
        async with agent.http.get(f"{agent.plain_url}/v1/ping") as response:
            told = await response.json()
        hint = {"hint": "restart_browser"} if is_due else {}
        known = {"product": "ankong", "version": __version__, "tls": agent.serving.port}
        assert told == {**known, **hint}
