"""A client that costs little: raw HTTP over TLS, answers told apart by their length only."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from itertools import cycle

GOOD = b"HTTP/1.1 200 "


def status_requests(port: int, sites: int) -> Iterator[bytes]:
    """Give requests for the status from ``sites`` pages in turn, so that none asks too often."""
    return cycle(
        f"GET /v1/status HTTP/1.1\r\nHost: localhost:{port}\r\n"
        f"Origin: https://site{number:05}.example\r\n\r\n".encode()
        for number in range(sites)
    )


class _Asker(asyncio.Protocol):
    """One connection that asks one thing at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _content_length(head):
            return
        good = self._buffer.startswith(GOOD)
        self._buffer.clear()
        if self._answer is not None and not self._answer.done():
            if good:
                self._answer.set_result(None)
            else:
                self._answer.set_exception(RuntimeError(head.decode(errors="replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the server hung up"))

    async def ask(self, request: bytes) -> float:
        """Ask once; return how long the answer took, in seconds."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self._transport.write(request)
        await self._answer
        return time.perf_counter() - start

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _content_length(head: bytes | bytearray) -> int:
    _, found, rest = bytes(head).lower().partition(b"\r\ncontent-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def _connect(port: int, trust: ssl.SSLContext) -> _Asker:
    loop = asyncio.get_running_loop()
    _, asker = await loop.create_connection(
        _Asker, "127.0.0.1", port, ssl=trust, server_hostname="localhost"
    )
    return asker


async def connect_and_ask(port: int, trust: ssl.SSLContext, sites: int) -> float:
    """Return how long a new connection and one status over it take, in seconds."""
    start = time.perf_counter()
    asker = await _connect(port, trust)
    await asker.ask(next(status_requests(port, sites)))
    asker.close()
    return time.perf_counter() - start


async def requests_per_second(
    port: int, trust: ssl.SSLContext, *, seconds: float, connections: int, sites: int
) -> float:
    """Ask for the status as fast as the server answers, on several connections at once."""
    askers = [await _connect(port, trust) for _ in range(connections)]
    requests = status_requests(port, sites)
    start = time.perf_counter()

    async def keep_asking(asker: _Asker) -> int:
        count = 0
        while time.perf_counter() - start < seconds:
            await asker.ask(next(requests))
            count += 1
        return count

    counts = await asyncio.gather(*map(keep_asking, askers))
    elapsed = time.perf_counter() - start
    for asker in askers:
        asker.close()
    return sum(counts) / elapsed


async def latencies(
    port: int, trust: ssl.SSLContext, *, seconds: float, interval: float, sites: int
) -> list[float]:
    """Ask for the status every ``interval`` seconds; return how long each answer took."""
    asker = await _connect(port, trust)
    requests = status_requests(port, sites)
    await asker.ask(next(requests))
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        taken.append(await asker.ask(next(requests)))
        await asyncio.sleep(interval)
    asker.close()
    return taken
