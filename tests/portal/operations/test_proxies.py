"""Whose address counts behind a proxy: never what a stranger writes."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agent.portal.operations.proxies import believing, parse_networks, visitor_address

OURS = parse_networks(["10.0.0.0/8", "fd00::/8", "192.0.2.1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "visitor"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # a stranger who writes the header
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the stranger's own part
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),  # the same, as two fields
        ("10.0.0.1", ["198.51.100.1, 10.9.9.9, 192.0.2.1"], "198.51.100.1"),
        ("10.0.0.1", ["10.1.1.1"], "10.1.1.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("fd00::1%eth0", ["2001:db8::1"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [",".join(["10.0.0.1"] * 5000)], "10.0.0.1"),
        ("no address", ["198.51.100.1"], "no address"),
    ],
)
def test_whose_address_counts(peer: str, forwarded: list[str], visitor: str) -> None:
    assert visitor_address(peer, forwarded, OURS) == visitor


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example", "", "10.0.0.0/33"])
def test_what_is_no_network_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match="is no network such as"):
        parse_networks([text])


@pytest.mark.parametrize(
    ("trusted", "seen"),
    [(["127.0.0.0/8"], "198.51.100.1"), (["10.0.0.0/8"], "127.0.0.1"), ([], "127.0.0.1")],
)
async def test_a_handler_sees_the_visitor(trusted: list[str], seen: str) -> None:
    async def tell(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.remote} {await request.text()}")

    app = web.Application(middlewares=[believing(parse_networks(trusted))])
    app.router.add_post("/", tell)
    async with TestClient(TestServer(app)) as client:
        headers = {"X-Forwarded-For": "203.0.113.7, 198.51.100.1"}
        async with client.post("/", data=b"body", headers=headers) as response:
            assert await response.text() == f"{seen} body"
