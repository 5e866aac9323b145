"""Heads of HTTP requests, in pieces of any length."""

import asyncio
from collections.abc import Iterator
from functools import cache
from unittest.mock import Mock

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser as Parser

from agent.web.front.heads import MAX_FIELDS, MAX_HEAD, HeadBound

REFUSALS = (HttpProcessingError,)
LONGEST = 70_000
WORDS = (
    b"GET / HTTP/1.1\r\n",
    b"Host: ",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n",
    b"\r\n\r\n",
    b"Upgrade: websocket\r\n",
    b"Connection: upgrade\r\n",
    b"0\r\n",
)


@cache
def loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def one(data: bytes) -> int:
    """Feed pieces whose length is 1 to 256 times the first octet."""
    piece, rest = 1 + (data[0] if data else 0) * 97, data[1:]
    parser = HeadBound(Parser(Mock(), loop(), 2**16, max_headers=MAX_FIELDS))
    requests = 0
    for at in range(0, len(rest), piece):
        more, upgrades, _ = parser.feed_data(rest[at : at + piece])
        requests += len(more)
        for head, _ in more:
            assert len(head.raw_headers) <= MAX_FIELDS
            assert len(head.path) <= MAX_HEAD
        if upgrades:
            break
    return requests


def seeds() -> Iterator[tuple[bytes, int]]:
    head = b"POST /v1/sign HTTP/1.1\r\nHost: localhost\r\nOrigin: https://portal.example\r\n"
    yield b"\x01" + head + b"Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: a\r\n\r\n", 2
    yield b"\xff" + head + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 1
