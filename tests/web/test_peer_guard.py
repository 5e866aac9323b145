"""On the wire: another user of this computer is turned away before a byte is read."""

import asyncio
import errno
import os
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.host.peer.check import check_for
from agent.web.front import accepting
from agent.web.front.peer import ConnectionPeers
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


async def test_whoever_is_gone_is_not_called_another_user(start_agent: AgentFactory) -> None:
    closed: set[int] = set()

    def check(peer: Any, _: Any) -> bool | None:
        closed.add(peer[1])
        return None if len(closed) <= 3 else True

    agent = await start_agent(is_our_peer=check)
    with capture_logs() as lines:
        for _ in range(3):
            reader, writer = await asyncio.open_connection("127.0.0.1", agent.serving.port)
            with suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        assert await agent.alive()
    assert lines == []


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


async def test_those_who_came_in_the_meantime_are_asked_about_together(
    start_agent: AgentFactory,
) -> None:
    let_go = threading.Event()

    def check(peer: Any, _: Any) -> bool:
        return let_go.wait(60) and peer[1] not in foreign

    foreign: set[int] = set()
    sizes: list[int] = []
    agent = await start_agent(is_our_peer=check)
    are_own = ConnectionPeers.are_own

    async def count(
        self: ConnectionPeers, connections: Sequence[socket.socket]
    ) -> list[bool | None]:
        sizes.append(len(connections))
        return await are_own(self, connections)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ConnectionPeers, "are_own", count)
        held = [
            socket.create_connection(("127.0.0.1", agent.serving.port)) for _ in range(40)
        ]  # the first is being asked about; the others wait in the kernel
        foreign |= {each.getsockname()[1] for each in held}
        let_go.set()
        assert await agent.alive()
    for each in held:
        each.settimeout(60)
        assert await asyncio.to_thread(each.recv, 1) == b""
        each.close()
    assert sum(sizes) == len(held) + 1
    assert len(sizes) < len(held)


async def test_a_silent_tls_connection_keeps_little_memory(start_agent: AgentFactory) -> None:
    agent = await start_agent()
    assert await agent.alive()
    count, most = 20, 100_000  # bytes, for both ends: asyncio's own buffer has 262 144 at each
    tracemalloc.start()
    try:
        held = [
            await asyncio.open_connection("localhost", agent.serving.port, ssl=agent.trust)
            for _ in range(count)
        ]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    for _, writer in held:
        writer.close()
    assert taken / count < 2 * most
