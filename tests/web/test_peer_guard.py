"""On the wire: another user of this computer is turned away before a byte is read."""

import asyncio
import errno
import os
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.host.peer.check import check_for
from agent.web.front import accepting
from tests.web.conftest import AgentFactory

NOBODY = 65534
ASK = """
import encodings.idna, os, ssl, sys, http.client
context = ssl.create_default_context(cafile=sys.argv[2])
if sys.argv[4] == "plain":
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
else:
    client = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), timeout=30, context=context)
os.setuid(int(sys.argv[3]))
try:
    client.request("GET", "/v1/ping" if sys.argv[4] == "plain" else "/v1/status")
    print(client.getresponse().status)
except OSError:
    print(0)
"""


async def ask(port: int, authority: str, user: int, kind: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ASK, str(port), authority, str(user), kind),
        stdout=subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return int(output)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, and Linux")
async def test_another_user_is_refused_on_both_ports(
    start_agent: AgentFactory, local_identity: Any
) -> None:
    agent = await start_agent(is_our_peer=check_for())
    authority = str(local_identity.authority)
    for port, kind in ((agent.serving.port, "tls"), (agent.plain_port, "plain")):
        assert port is not None
        assert await ask(port, authority, os.geteuid(), kind) == 200
        assert await ask(port, authority, NOBODY, kind) == 0
    assert await agent.alive()


async def test_each_connection_is_asked_about_once(start_agent: AgentFactory) -> None:
    asked: list[Any] = []

    def check(peer: Any, local: Any) -> bool:
        asked.append((peer, local))
        return True

    agent = await start_agent(is_our_peer=check)
    for _ in range(5):
        assert await agent.alive()  # one connection, kept alive
    assert len(asked) == 1
    (peer, local) = asked[0]
    assert local[1] == agent.serving.port
    assert peer[1] != agent.serving.port


async def test_whoever_is_turned_away_costs_no_handshake_and_no_line_each(
    start_agent: AgentFactory,
) -> None:
    ours = False
    agent = await start_agent(is_our_peer=lambda *_: ours)
    with capture_logs() as lines:
        for _ in range(300):
            reader, writer = await asyncio.open_connection("127.0.0.1", agent.serving.port)
            with suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
    assert [line["event"] for line in lines] == ["another user's program was turned away"]
    assert agent.service.asked == []
    ours = True
    assert await agent.alive()


async def test_a_failed_accept_is_logged_once_and_the_port_goes_on(
    start_agent: AgentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    accept = loop.sock_accept
    failures = iter(range(20))

    async def failing(listening: socket.socket) -> Any:
        if next(failures, None) is not None:
            raise OSError(errno.EMFILE, "Too many open files")
        return await accept(listening)

    monkeypatch.setattr(loop, "sock_accept", failing)
    monkeypatch.setattr(accepting, "PAUSE_SECONDS", 0)
    with capture_logs() as lines:
        agent = await start_agent()
        assert await agent.alive()
    events = [line["event"] for line in lines]
    assert events.count("a connection could not be accepted") == 1
