"""What a stranger sends on a WebSocket is bounded before it is whole; its time is short, too."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web_ws
from aiohttp._websocket.reader import WebSocketDataQueue

from agent.origin import Origin
from agent.web.front.limits import Limits
from agent.web.front.unread import MAX_STRANGER, Unread, UnreadBytes
from agent.web.native import routes
from agent.web.native.socket import MAX_REFUSED, Session

SITE = "https://shop.example"
STRANGER = "https://stranger.example"
FAST = Limits(rate=1e6, burst=10**6, stranger_rate=1e6, stranger_burst=10**6)
DOCUMENT = 4 * 1024 * 1024


def frame(first: int, payload: bytes, declared: int | None = None) -> bytes:
    """Return a frame of a client (RFC 6455 §5.2), its mask zero."""
    length = len(payload) if declared is None else declared
    return bytes([first, 0xFF]) + length.to_bytes(8, "big") + bytes(4) + payload


async def open_raw(agent: Any, site: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await agent.raw()
    lines = [
        "GET /v1/socket HTTP/1.1",
        f"Host: localhost:{agent.serving.port}",
        f"Origin: {site}",
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        *("Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol: ankong.v1"),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    return reader, writer


HALF = bytes(MAX_STRANGER // 2)
FLOODS = {
    "one frame": [frame(0x81, HALF, 8_000_000), *[HALF] * 8],
    "fragments": [frame(0x01, HALF), *[frame(0x00, HALF)] * 8],
    "tiny fragments": [bytes([0x01, 0x80, 0, 0, 0, 0]), bytes([0, 0x81, 0, 0, 0, 0, 1]) * 20_000],
    "empty fragments": [bytes([0x01, 0x80, 0, 0, 0, 0]), bytes([0, 0x80, 0, 0, 0, 0]) * 20_000],
    "all at once": [frame(0x81, bytes(DOCUMENT))],
    "behind a message": [frame(0x81, b"{}") * 100 + frame(0x01, HALF), *[HALF] * 40],
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_stranger_s_message_is_cut_off_before_it_is_whole(
    start_agent: Any, name: str
) -> None:
    agent = await start_agent(limits=FAST)
    reader, writer = await open_raw(agent, STRANGER)
    for piece in FLOODS[name]:
        writer.write(piece)
    received = b""
    close = bytes([0x88, 20, 0x03, 0xF0]) + b"origin_not_allowed"  # RFC 6455 §5.5.1: 1008
    while close not in received:
        part = await asyncio.wait_for(reader.read(65536), 20)
        assert part, received[-200:]
        received += part
    writer.transport.abort()
    await agent.until(lambda: not agent.service.listeners)
    assert await agent.alive()


async def test_an_allowed_site_sends_its_documents(agent: Any) -> None:
    async with agent.socket() as socket:
        await socket.send_json({"id": 1, "method": "status", "params": {"nonce": "x" * DOCUMENT}})
        assert (await socket.receive_json(timeout=20))["error"]["code"] == "bad_request"


async def test_a_site_that_was_just_allowed_sends_its_documents_at_once(agent: Any) -> None:
    async with agent.socket(STRANGER) as socket:
        await socket.send_json({"id": 1, "method": "connect"})
        assert "result" in await socket.receive_json(timeout=10)
        await socket.send_json({"id": 2, "method": "status", "params": {"nonce": "x" * DOCUMENT}})
        assert (await socket.receive_json(timeout=20))["error"]["code"] == "bad_request"


async def test_many_short_messages_of_a_stranger_add_up_to_nothing(start_agent: Any) -> None:
    agent = await start_agent(limits=FAST)
    async with agent.socket(STRANGER) as socket:
        for number in range(100):
            params = {"nonce": "x" * 3000}
            await socket.send_json({"id": number, "method": "status", "params": params})
            assert (await socket.receive_json(timeout=10))["id"] == number


async def test_what_all_allowed_sites_send_is_bounded_too(
    start_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[Unread] = []

    class Remembering(UnreadBytes):
        def watch(self, connection: Any, unread: Unread) -> Any:
            came.append(unread)
            return super().watch(connection, unread)

    monkeypatch.setattr(routes, "UnreadBytes", lambda is_allowed: Remembering(is_allowed, DOCUMENT))
    agent = await start_agent(limits=FAST)
    agent.service.allowed.add(Origin.parse(STRANGER))
    reader, writer = await open_raw(agent, SITE)
    half = frame(0x01, bytes(DOCUMENT * 2 // 3))
    writer.write(half)  # and no more
    await agent.until(lambda: came[0].length == len(half))
    async with agent.socket(STRANGER) as honest:
        text = json.dumps({"id": 1, "method": "status", "params": {"nonce": "x" * (DOCUMENT // 2)}})
        await honest.send_str(text)
        assert (await honest.receive_json(timeout=20))["id"] == 1
    close = await asyncio.wait_for(reader.readexactly(8), 20)
    assert close == bytes([0x88, 6, 0x03, 0xF5]) + b"busy"  # 1013
    writer.transport.abort()


def test_a_message_is_left_out_with_its_frame() -> None:
    for length, around in ((0, 6), (125, 6), (126, 8), (2**16 - 1, 8), (2**16, 14)):
        unread = Unread(Origin.parse(SITE), lambda _: None)
        unread.length = length + around + 1
        unread.taken(length)
        assert unread.length == 1


async def test_a_stranger_s_socket_ends_after_a_while(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(stranger_seconds=0.1))
    async with agent.socket(STRANGER) as socket, agent.socket() as allowed:
        message = await socket.receive(timeout=20)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert (message.data, message.extra) == (1000, "timeout")
        await allowed.send_json({"id": 1, "method": "status"})
        assert "result" in await allowed.receive_json(timeout=10)


async def test_a_stranger_s_socket_stays_while_the_citizen_is_asked(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(stranger_seconds=0.1))
    agent.service.gate = asyncio.Event()
    async with agent.socket(STRANGER) as socket, agent.socket("https://idle.example") as idle:
        await socket.send_json({"id": 1, "method": "connect"})
        await agent.service.is_entered()
        assert (await idle.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
        async with agent.socket("https://later.example") as later:
            assert (await later.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
        agent.service.gate.set()
        assert (await socket.receive_json(timeout=10))["result"] == {"allowed": True}


@pytest.mark.parametrize("opcode", [0x89, 0x8A])  # ping, pong
async def test_a_flood_of_pings_ends_with_the_socket(start_agent: Any, opcode: int) -> None:
    agent = await start_agent(limits=Limits(rate=0.001, burst=5))
    reader, writer = await open_raw(agent, SITE)
    writer.write(bytes([opcode, 0x80, 0, 0, 0, 0]) * (MAX_REFUSED + 10))
    received = b""
    while b"rate_limited" not in received:
        part = await asyncio.wait_for(reader.read(65536), 20)
        assert part
        received += part
    pongs = 4 if opcode == 0x89 else 0  # the handshake took one
    assert received.startswith(bytes([0x8A, 0]) * pongs + bytes([0x88]))
    writer.transport.abort()


async def test_a_ping_is_answered(agent: Any) -> None:
    reader, writer = await open_raw(agent, SITE)
    writer.write(bytes([0x89, 0x84, 0, 0, 0, 0]) + b"ping")
    assert await asyncio.wait_for(reader.readexactly(6), 20) == bytes([0x8A, 4]) + b"ping"
    writer.transport.abort()


async def test_few_messages_wait_on_a_websocket(
    start_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pings too, of whatever length: the objects that they become are many times longer."""
    arrived, let_go = asyncio.Event(), asyncio.Event()

    async def receive(*_: Any) -> None:
        arrived.set()
        await let_go.wait()

    monkeypatch.setattr(Session, "_receive", receive)
    queues: list[WebSocketDataQueue] = []

    class Queue(WebSocketDataQueue):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            queues.append(self)

    monkeypatch.setattr(web_ws, "WebSocketDataQueue", Queue)
    agent = await start_agent(limits=FAST)
    _, writer = await open_raw(agent, STRANGER)
    writer.write(bytes([0x89, 0x80, 0, 0, 0, 0]) * 5000)  # less than MAX_STRANGER
    async with asyncio.timeout(30):
        await arrived.wait()
    assert await agent.alive()  # what was sent before has come in
    (queue,) = queues
    assert 0 < len(queue._buffer) < 300
    let_go.set()
    writer.close()
