"""On the wire: another user of this computer is refused at every port, and asked about once."""

import asyncio
import os
import subprocess
import sys
from typing import Any

import pytest

from agent.host.peer.check import check_for
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
client.request("GET", "/v1/ping" if sys.argv[4] == "plain" else "/v1/status")
print(client.getresponse().status)
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
        assert await ask(port, authority, NOBODY, kind) == 403
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


async def test_whoever_is_refused_cannot_open_a_socket_either(start_agent: AgentFactory) -> None:
    agent = await start_agent(is_our_peer=lambda *_: False)
    status, body = await agent.post("status", {})
    assert (status, body["error"]["code"]) == (403, "origin_not_allowed")
    with pytest.raises(Exception, match="403"):
        async with agent.socket():
            pass
    assert agent.service.asked == []
