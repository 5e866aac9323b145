"""The head of a request has an end, before it is whole; what is a body has its own."""

import asyncio
import json
from typing import Any

import pytest

from agent.web.front.heads import MAX_FIELDS, MAX_HEAD

SITE = "https://shop.example"
FIELD = b"X-%d: " + b"a" * 8000 + b"\r\n"
FIELDS = [FIELD % number for number in range(40)]
TINY = b"".join(b"X-%d: a\r\n" % number for number in range(MAX_FIELDS))
BLANK = b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def start(agent: Any, *, plain: bool, method: str = "GET", path: str = "/v1/status") -> bytes:
    port = agent.plain_port if plain else agent.serving.port
    lines = (f"{method} {path} HTTP/1.1", f"Host: localhost:{port}", f"Origin: {SITE}", "")
    return "\r\n".join(lines).encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, Any]:
    async with asyncio.timeout(30):
        top = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in top.splitlines()
            if line.lower().startswith(b"content-length:")
        )
        return int(top.split()[1]), json.loads(await reader.readexactly(length))


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    "pieces",
    [
        [b"".join(FIELDS), BLANK],
        FIELDS,
        [TINY, BLANK],
        [b"Cookie: " + b"c" * 9000 + b"\r\n", BLANK],
        [b"X: " + b"a" * (MAX_HEAD + 1)],
    ],
    ids=["whole", "unfinished", "too many", "one too long", "an endless field"],
)
async def test_a_head_has_an_end(start_agent: Any, pieces: list[bytes], plain: bool) -> None:
    agent = await start_agent()
    reader, writer = await agent.raw(plain=plain)
    writer.write(start(agent, plain=plain))
    for piece in pieces:
        writer.write(piece)
    status, body = await answer(reader)
    assert (status, body["error"]["code"]) == (431, "too_large")
    writer.close()
    assert await agent.alive()


@pytest.mark.parametrize(
    "pieces",
    [
        [b"0\r\n", *FIELDS],
        [b"1;" + b"x" * 8000, *[b"x" * 8000] * 8],
    ],
    ids=["trailers", "an extension of a chunk"],
)
async def test_what_is_around_a_body_has_an_end(start_agent: Any, pieces: list[bytes]) -> None:
    agent = await start_agent()
    reader, writer = await agent.raw()
    writer.write(start(agent, plain=False, method="POST", path="/v1/sign") + CHUNKED)
    for piece in pieces:
        writer.write(piece)
    async with asyncio.timeout(30):
        try:
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass
    writer.close()
    assert await agent.alive()


async def test_a_browser_s_head_is_far_below(start_agent: Any) -> None:
    agent = await start_agent()
    reader, writer = await agent.raw()
    fields = b"".join(b"X-%d: %b\r\n" % (number, b"a" * 300) for number in range(50))
    for _ in range(4):  # the count begins anew with each
        writer.write(start(agent, plain=False) + b"Cookie: " + b"c" * 8000 + b"\r\n" + fields)
        writer.write(BLANK)
        assert (await answer(reader))[0] == 200
    writer.close()


async def test_a_long_body_in_small_pieces_is_no_head(start_agent: Any) -> None:
    agent = await start_agent()
    reader, writer = await agent.raw()
    body = b'{"data": "%b"}' % (b"A" * 200_000)
    writer.write(
        start(agent, plain=False, method="POST", path="/v1/sign")
        + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    for at in range(0, len(body), 5000):
        writer.write(body[at : at + 5000])
        await writer.drain()
    status, body = await answer(reader)
    assert (status, body["error"]["code"]) == (400, "bad_request")  # read, as far as its JSON
    writer.close()
