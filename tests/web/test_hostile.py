"""Whatever arrives: an answer in JSON or a closed connection, and the next request works."""

import asyncio
import json
import socket as sockets
import time
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agent.size_limits import MAX_ANSWERED_MESSAGE, MAX_DATA, MAX_MESSAGE
from agent.web.front import accepting, connections
from agent.web.front import http_server as app
from agent.web.front.limits import Limits

SITE = "https://shop.example"
METHODS = ("sign", "authenticate", "connect", "decrypt")
SIGN = {"data": "AAAA", "hash": "SHA-256", "format": "cms"}


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Read until the agent closes; a hang fails the test."""
    async with asyncio.timeout(15):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


def head(agent: Any, *lines: str, method: str = "POST", path: str = "/v1/sign") -> bytes:
    start = [f"{method} {path} HTTP/1.1", f"Host: localhost:{agent.serving.port}"]
    usual = [f"Origin: {SITE}", "Content-Type: application/json"]
    return "\r\n".join([*start, *usual, *lines, "", ""]).encode()


def status_and_error(answer: bytes) -> tuple[int, str]:
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n\r\n",
        b"hello\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",  # TLS where plain HTTP is spoken
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/sign HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/sign HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    ],
    ids=lambda raw: repr(raw[:50]),
)
@pytest.mark.parametrize("plain", [True, False])
async def test_what_is_hardly_http_gets_json_or_nothing(
    agent: Any, raw: bytes, plain: bool
) -> None:
    reader, writer = await agent.raw(plain=plain)
    writer.write(raw)
    if writer.can_write_eof():
        writer.write_eof()
        answer = await read_all(reader)
    else:
        answer = await reader.read(65536) if b"HTTP" in raw or b"hello" in raw else b""
    writer.close()
    if answer:
        status, code = status_and_error(answer)
        assert 400 <= status < 500
        assert code in {"bad_request", "origin_not_allowed", "too_large"}
        assert (code == "too_large") is (status == 431)
        assert b"Traceback" not in answer
    assert await agent.alive()


async def test_a_huge_declared_body_is_refused_unread(agent: Any) -> None:
    reader, writer = await agent.raw()
    writer.write(head(agent, "Content-Length: 100000000"))
    assert status_and_error(await read_all(reader)) == (413, "too_large")
    writer.close()
    assert await agent.alive()


@pytest.mark.parametrize("method", ["status", "connect"])
async def test_what_strangers_may_say_is_short(agent: Any, method: str) -> None:
    body = b"{" + b" " * 5000 + b"}"
    status, answer = await agent.post(method, body, "https://stranger.example")
    assert (status, answer["error"]["code"]) == (413, "too_large")
    assert agent.service.questions == 0
    assert await agent.alive()


async def test_a_huge_undeclared_body_is_cut_off(agent: Any) -> None:
    async def endless() -> Any:
        for _ in range(MAX_MESSAGE // 65536 + 2):
            yield b" " * 65536

    headers = {"Origin": SITE, "Content-Type": "application/json"}
    try:
        async with agent.http.post(
            f"{agent.url}/v1/sign", data=endless(), headers=headers
        ) as response:
            assert response.status == 413
    except aiohttp.ClientConnectionError:
        pass  # cut off while still sending: just as good
    assert not agent.service.asked
    assert await agent.alive()


async def test_the_largest_message_that_is_allowed_works(agent: Any) -> None:
    data = "A" * (MAX_DATA // 3 * 4)
    status, _ = await agent.post("sign", {"params": {**SIGN, "data": data}})
    assert status == 200
    assert len(agent.service.asked[0].documents[0].data) == len(data) // 4 * 3


async def test_a_compressed_body_is_not_unpacked(agent: Any) -> None:
    import gzip

    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    status, body = await agent.post("sign", bomb, **{"Content-Encoding": "gzip"})
    assert (status, body["error"]["code"]) == (415, "bad_request")
    assert await agent.alive()


async def test_a_broken_chunk_is_refused(agent: Any) -> None:
    reader, writer = await agent.raw()
    writer.write(head(agent, "Transfer-Encoding: chunked") + b"zz\r\n{}\r\n")
    status, code = status_and_error(await read_all(reader))
    assert (status, code) == (400, "bad_request")
    writer.close()
    assert await agent.alive()


async def test_a_polite_client_is_told_to_go_on(agent: Any) -> None:
    body = json.dumps({"params": SIGN}).encode()
    reader, writer = await agent.raw()
    writer.write(head(agent, f"Content-Length: {len(body)}", "Expect: 100-continue"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await reader.readline()).split()[1] == b"200"
    writer.close()


async def test_slow_headers_are_not_waited_for(
    start_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "IDLE_SECONDS", 0.3)
    agent = await start_agent()
    reader, writer = await agent.raw(plain=True)

    async def drip() -> None:
        for byte in head(agent) * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    assert await read_all(reader) == b""
    dripping.cancel()
    writer.close()
    assert await agent.alive()


async def test_slow_headers_of_a_second_request_are_not_waited_for(
    start_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "IDLE_SECONDS", 0.3)
    agent = await start_agent()
    reader, writer = await agent.raw()
    writer.write(head(agent, method="GET", path="/v1/status") + b"GET /v1/sta")
    assert (await read_all(reader)).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_slow_body_is_not_waited_for(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(body_seconds=0.2))
    reader, writer = await agent.raw()
    writer.write(head(agent, "Content-Length: 1000") + b"{")
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.split()[1] == b"408"
    await read_all(reader)
    writer.close()
    assert await agent.alive()


async def test_a_silent_tls_peer_is_not_waited_for(
    start_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "HANDSHAKE_SECONDS", 0.3)
    agent = await start_agent()
    reader, writer = await asyncio.open_connection("127.0.0.1", agent.serving.port)
    assert await read_all(reader) == b""
    writer.close()
    assert await agent.alive()


async def test_the_oldest_of_too_many_silent_connections_is_cut(
    start_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_STRANGERS", 3)
    agent = await start_agent()
    held = [await agent.raw(plain=True) for _ in range(4)]
    assert await read_all(held[0][0]) == b""
    assert await agent.alive()
    for _, each in held:
        each.close()


async def test_strangers_cannot_cut_the_connection_of_an_allowed_site(
    start_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_STRANGERS", 3)
    agent = await start_agent()
    reader, writer = await agent.raw()
    asking = head(agent, method="GET", path="/v1/status")
    writer.write(asking)
    await reader.readuntil(b'"readers"')
    for _ in range(3):
        crowd = [await agent.raw() for _ in range(4)]
        assert await read_all(crowd[0][0]) == b""
        for _, each in crowd:
            each.close()
    writer.write(asking)
    assert (await reader.readuntil(b"\r\n\r\n")).count(b"200 OK") == 1
    writer.close()


async def test_the_oldest_of_too_many_unfinished_handshakes_is_cut(
    start_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "MAX_HANDSHAKES", 3)
    agent = await start_agent()
    held = [await asyncio.open_connection("127.0.0.1", agent.serving.port) for _ in range(4)]
    assert await read_all(held[0][0]) == b""
    assert await agent.alive()
    for _, each in held:
        each.close()


async def test_a_flood_over_http_is_slowed_for_one_site_only(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(rate=0.001, burst=5))
    statuses = [(await agent.post("status", {}))[0] for _ in range(8)]
    assert statuses == [200] * 5 + [429] * 3
    assert (await agent.post("status", {}, "https://other.example"))[0] == 200
    assert await agent.alive()


async def test_a_flood_over_a_socket_ends_with_it(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(rate=0.001, burst=5))
    async with agent.socket() as socket:
        for number in range(300):
            try:
                await socket.send_json({"id": number, "method": "status"})
            except aiohttp.ClientConnectionResetError:
                break
        codes = []
        while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
            answer = json.loads(message.data)
            codes.append(answer.get("error", {}).get("code"))
        assert socket.close_code == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert codes.count(None) == 4  # the handshake took one
    assert 100 <= codes.count("rate_limited") <= 110
    assert await agent.alive()


async def test_a_page_that_does_not_read_loses_its_connection(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(rate=1e6, burst=10**6, send_seconds=0.3))
    # Big answers to small questions, and nobody who takes them.
    agent.service.certificate = type(agent.service.certificate)(
        agent.service.certificate.facts, "R" * 1_000_000, "SIGN", "label", "serial"
    )
    reader, writer = await agent.raw()
    raw: sockets.socket = writer.get_extra_info("socket")
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    key = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    key += ["Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol: ankong.v1"]
    writer.write(head(agent, *key, method="GET", path="/v1/socket"))
    await reader.readuntil(b"\r\n\r\n")
    await agent.until(lambda: agent.service.listeners)
    writer.transport.pause_reading()
    message = b'{"id":%d,"method":"certificates"}'
    for number in range(20):
        body = message % number
        writer.write(bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)
    await agent.until(lambda: not agent.service.listeners)
    writer.transport.abort()
    assert await agent.alive()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"id":1,"method":"status","x":' + b'{"a":' * 50_000,
        b'{"id":1,"id":1,"method":"status"}',
        b'{"id":1,"method":"nothing"}',
        b'{"id":1,"method":"sign","params":{"pin":123456}}',
    ],
    ids=lambda raw: repr(raw[:40]),
)
async def test_a_bad_message_is_answered_and_the_socket_stays(agent: Any, message: bytes) -> None:
    async with agent.socket() as socket:
        for kind in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            await socket.send_frame(message, kind)
            answer = await socket.receive_json(timeout=10)
            assert answer["error"]["code"] == "bad_request"
        await socket.send_json({"id": "next", "method": "status"})
        assert (await socket.receive_json(timeout=10))["id"] == "next"


async def test_a_binary_message_is_refused_even_when_it_would_do(agent: Any) -> None:
    async with agent.socket() as socket:
        await socket.send_bytes(b'{"id":1,"method":"status"}')
        answer = await socket.receive_json(timeout=10)
        assert answer["id"] is None
        assert answer["error"]["code"] == "bad_request"


async def test_a_message_over_every_limit_closes_the_socket(agent: Any) -> None:
    async with agent.socket() as socket:
        await socket.send_str('"' + "x" * (MAX_ANSWERED_MESSAGE + 10) + '"')
        message = await socket.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    assert await agent.alive()


@pytest.mark.parametrize(
    "frame",
    [
        bytes([0x81, 0x7F]) + (100_000_000).to_bytes(8, "big"),  # unmasked, 100 MB declared
        bytes([0x81, 0xFF]) + (100_000_000).to_bytes(8, "big") + bytes(4),
        bytes([0x81, 0xFF]) + b"\xff" * 8 + bytes(4),
        bytes([0x83, 0x80, 0, 0, 0, 0]),  # a reserved opcode
        bytes([0xF1, 0x80, 0, 0, 0, 0]),  # reserved bits
        bytes([0x80, 0x80, 0, 0, 0, 0]),  # a continuation of nothing
        bytes([0x89, 0xFE, 0x01, 0x00, 0, 0, 0, 0]) + bytes(256),  # a ping that is too long
        bytes([0x09, 0x80, 0, 0, 0, 0]),  # a ping in pieces
        bytes([0x88, 0x81, 0, 0, 0, 0, 1]),  # a close with half a code
    ],
    ids=lambda frame: frame[:10].hex(),
)
async def test_a_broken_frame_closes_the_socket(agent: Any, frame: bytes) -> None:
    reader, writer = await agent.raw()
    key = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    key += ["Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol: ankong.v1"]
    writer.write(head(agent, *key, method="GET", path="/v1/socket"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    writer.write(frame)
    await read_all(reader)
    await agent.until(lambda: not agent.service.listeners)
    writer.close()
    assert await agent.alive()


async def test_a_fragmented_message_is_put_together(agent: Any) -> None:
    reader, writer = await agent.raw()
    key = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    key += ["Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol: ankong.v1"]
    writer.write(head(agent, *key, method="GET", path="/v1/socket"))
    await reader.readuntil(b"\r\n\r\n")
    body = b'{"id":1,"method":"status"}'
    for index, byte in enumerate(body):
        opcode = 1 if index == 0 else 0
        final = 0x80 if index == len(body) - 1 else 0
        writer.write(bytes([final | opcode, 0x81, 0, 0, 0, 0, byte]))
    answer = await reader.readexactly(2)
    assert answer[0] == 0x81
    writer.close()


async def test_status_answers_at_once_while_much_is_under_way(agent: Any) -> None:
    """A count, not a clock: no status waits for a signature."""
    agent.service.gate = asyncio.Event()
    signing = [asyncio.create_task(agent.post("sign", {"params": SIGN})) for _ in range(10)]
    for _ in signing:
        await agent.service.is_entered()
    assert [await agent.alive() for _ in range(20)] == [True] * 20
    assert not any(task.done() for task in signing)
    agent.service.gate.set()
    assert [status for status, _ in await asyncio.gather(*signing)] == [200] * 10


_ANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def test_any_body_gets_json_and_the_next_request_works(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(rate=1e6, burst=10**6))
    loop = asyncio.get_running_loop()

    @_ANY
    @given(body=st.binary(max_size=400), method=st.sampled_from(METHODS))
    def ask(body: bytes, method: str) -> None:
        future = asyncio.run_coroutine_threadsafe(agent.post(method, body), loop)
        status, answer = future.result(10)
        assert status == (200 if "result" in answer else 400)

    await asyncio.to_thread(ask)
    assert await agent.alive()


async def test_any_message_gets_json_and_the_next_one_works(start_agent: Any) -> None:
    agent = await start_agent(limits=Limits(rate=1e6, burst=10**6))
    loop = asyncio.get_running_loop()
    async with agent.socket() as socket:

        async def exchange(message: bytes, binary: bool) -> None:
            kind = aiohttp.WSMsgType.BINARY if binary else aiohttp.WSMsgType.TEXT
            await socket.send_frame(message, kind)
            assert "error" in await socket.receive_json(timeout=10)
            await socket.send_json({"id": 1, "method": "status"})
            assert "result" in await socket.receive_json(timeout=10)

        @_ANY
        @given(message=st.binary(max_size=400), binary=st.booleans())
        def ask(message: bytes, binary: bool) -> None:
            asyncio.run_coroutine_threadsafe(exchange(message, binary), loop).result(10)

        await asyncio.to_thread(ask)


async def test_these_tests_notice_a_blocked_event_loop(agent: Any) -> None:
    """What our own code must not do in the loop fails here: the check is awake."""
    import blockbuster

    agent.service.view = None
    namespace: dict[str, Any] = {"time": time, "__name__": "agent.web.nap"}
    filename = str(app.__file__)
    exec(compile("def nap():\n    time.sleep(0.01)\n", filename, "exec"), namespace)  # noqa: S102  # code that says it is ours
    with pytest.raises(blockbuster.BlockingError):
        namespace["nap"]()


async def test_a_page_that_is_gone_before_its_socket_opens_is_no_error_of_ours(
    agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare(self: web.WebSocketResponse, request: web.BaseRequest) -> None:
        del self
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    monkeypatch.setattr(web.WebSocketResponse, "prepare", prepare)
    with capture_logs() as lines, pytest.raises(aiohttp.ClientError):
        async with agent.socket():
            pass
    assert lines == []
    assert await agent.alive()
