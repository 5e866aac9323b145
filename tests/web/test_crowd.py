"""Whoever crowds the agent, in every way at once: an allowed site and a new one go on."""

import asyncio
import socket as sockets
from contextlib import AsyncExitStack
from typing import Any

from structlog.testing import capture_logs

from agent.origin import Origin
from tests.web.conftest import SITE, AgentFactory

SIGN = {"params": {"data": "AAAA", "hash": "SHA-256", "format": "cms"}}
HONEST = "https://www.honest.example"
MAX_LINES = 50


async def foreign_connection(port: int, foreign: set[int]) -> sockets.socket:
    """Connect as a program whose user is said to be another."""
    made = sockets.socket()
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    foreign.add(made.getsockname()[1])
    await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
    return made


async def test_an_allowed_site_and_a_new_one_go_on_in_a_crowd(start_agent: AgentFactory) -> None:
    foreign: set[int] = set()
    agent = await start_agent(is_our_peer=lambda peer, _: peer[1] not in foreign)
    held: list[Any] = []
    async with AsyncExitStack() as stack:
        stack.callback(lambda: [each.close() for each in held])
        lines = stack.enter_context(capture_logs())
        allowed = await stack.enter_async_context(agent.socket(SITE))
        for port in (agent.serving.port, agent.plain_port):
            held += [await foreign_connection(port, foreign) for _ in range(150)]
        for _ in range(100):  # our own user's, which say nothing
            _, writer = await asyncio.open_connection("127.0.0.1", agent.serving.port)
            held.append(writer)
        for number in range(80):  # one page with forty names, and one with a name each
            site = f"https://{number % 40}.pest.example"
            await stack.enter_async_context(agent.socket(site))
            await stack.enter_async_context(agent.socket(f"https://stranger{number}.example"))
        await allowed.send_json({"id": 1, "method": "sign", **SIGN})
        assert "result" in await allowed.receive_json(timeout=60)
        assert (await agent.post("sign", SIGN))[0] == 200
        assert await agent.alive()
        async with agent.socket(HONEST) as honest:
            await honest.send_json({"id": 1, "method": "connect"})
            assert (await honest.receive_json(timeout=60))["result"] == {"allowed": True}
        assert Origin.parse(HONEST) in agent.service.allowed
    assert len(lines) < MAX_LINES, lines


async def test_a_connection_of_another_user_hears_nothing(start_agent: AgentFactory) -> None:
    foreign: set[int] = set()
    agent = await start_agent(is_our_peer=lambda peer, _: peer[1] not in foreign)
    made = await foreign_connection(agent.serving.port, foreign)
    try:
        assert await asyncio.get_running_loop().sock_recv(made, 1) == b""
    finally:
        made.close()
    assert await agent.alive()
