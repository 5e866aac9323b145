"""No connection stays open whose program was let in and who was then cut."""

import asyncio
import socket

from agent.seldom import SeldomLog
from agent.web.front.accepting import MAX_HANDSHAKES, Acceptor
from agent.web.front.peer import ConnectionPeers
from agent.web.recorder.recorder import CallRecorder


def acceptor() -> Acceptor:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    return Acceptor(
        listening,
        asyncio.Protocol,
        None,
        ConnectionPeers(None),
        SeldomLog(__name__),
        recorder=CallRecorder(),
    )


async def test_who_is_cut_before_the_handshake_began_is_closed() -> None:
    door = acceptor()
    pairs = [socket.socketpair() for _ in range(MAX_HANDSHAKES + 1)]
    for ours, _ in pairs:
        ours.setblocking(False)
        door._begin(ours)
    await door.close()
    await asyncio.sleep(0)
    assert {ours.fileno() for ours, _ in pairs} == {-1}
    for _, theirs in pairs:
        theirs.close()
