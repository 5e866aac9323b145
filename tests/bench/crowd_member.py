"""One kind of those who crowd the agent, as a program of its own; the standard library only.

``python -m tests.bench.crowd_member KIND COUNT PACE PORT OLD_PORT AUTHORITY [USER]`` says "ready"
when each of its members has come once, and ends when its standard input closes. Whoever is cut off
comes back at once, as a hostile page does, but all of them together no more than PACE times a
second, so that it is the agent that is measured and not this program.
"""

import asyncio
import concurrent.futures.thread  # noqa: F401  # now: another user may not read the library
import contextlib
import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

NAMES: Final = 40  # that one page calls itself by, below one registered domain
BODY: Final = 16 * 1024 * 1024  # bytes that a stranger announces
_CHUNK: Final = b"%41" * 21_845  # 64 KiB of what takes longest to decode
_CONVERSION: Final = (
    b'{"MethodSelect":"HexToBase64","ComUtilsPara":{"HexString":"' + b"ab" * 2**19 + b'"}}'
)
"""The longest request that anybody is answered at the JRSYS door without being allowed."""
_CONNECT_SECONDS: Final = 10.0
_HELLO: Final = bytes((22, 3, 1, 2, 0, 1))  # the beginning of a TLS handshake


@dataclass
class Target:
    """The agent: its two ports, whom to trust, and how fast one may come back."""

    port: int
    old_port: int
    trust: ssl.SSLContext
    pace: float
    _next: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def turn(self) -> None:
        """Wait for one's turn to come back."""
        async with self._lock:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._next - loop.time())
            self._next = loop.time() + 1 / self.pace

    async def open(
        self, port: int, trust: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect; with TLS where there is somebody to trust."""
        name = None if trust is None else "localhost"
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)


Member = Callable[[Target, int, Callable[[], None]], Awaitable[None]]


async def websocket(target: Target, number: int, come: Callable[[], None]) -> None:
    """Hold a WebSocket of one of the page's names, and ask to be allowed over it."""
    reader, writer = await target.open(target.port, target.trust)
    try:
        writer.write(
            f"GET /v1/socket HTTP/1.1\r\nHost: localhost:{target.port}\r\n"
            f"Origin: https://{number % NAMES}.pest.example\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            "Sec-WebSocket-Protocol: ankong.v1\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_masked(b'{"id":1,"method":"connect"}'))
        come()
        while await reader.read(4096):
            pass
    finally:
        writer.close()


async def jrsys(target: Target, number: int, come: Callable[[], None]) -> None:
    """Hold a WebSocket at the JRSYS door: idle, or with a megabyte to convert again and again."""
    reader, writer = await target.open(target.port, target.trust)
    try:
        writer.write(
            f"GET / HTTP/1.1\r\nHost: localhost:{target.port}\r\n"
            f"Origin: https://{number % NAMES}.pest.example\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        come()
        if number % 2:
            writer.write(_masked(_CONVERSION))
            await writer.drain()
        while await reader.read(65536):
            pass
    finally:
        writer.close()


def _masked(text: bytes) -> bytes:
    """Return a text frame of a client (RFC 6455 §5.2), masked with nothing."""
    length = bytes((0x80 | len(text),)) if len(text) < 126 else b"\xff" + len(text).to_bytes(8)
    return b"\x81" + length + b"\0\0\0\0" + text


async def body(target: Target, number: int, come: Callable[[], None]) -> None:
    """Send a long body to one of the two ports: at once, in chunks, or a little each second."""
    is_old = number % 2 == 0
    port = target.old_port if is_old else target.port
    reader, writer = await target.open(port, None if is_old else target.trust)
    is_chunked, is_slow = number % 4 < 2, number % 6 < 2
    length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {BODY}"
    kind = "application/x-www-form-urlencoded" if is_old else "application/json"
    listening = asyncio.create_task(reader.read())
    try:
        writer.write(
            f"POST {'/sign' if is_old else '/v1/sign'} HTTP/1.1\r\nHost: localhost:{port}\r\n"
            f"Origin: https://{number % NAMES}.pest.example\r\n"
            f"Content-Type: {kind}\r\n{length}\r\n\r\n".encode()
        )
        sent = 0
        while sent < BODY and not listening.done() and not writer.is_closing():
            piece = _CHUNK[:64] if is_slow else _CHUNK
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            await writer.drain()
            await asyncio.sleep(0)  # TLS tells of a cut connection one turn later: write no more
            come()
            sent += len(piece)
            if is_slow:
                await asyncio.wait((listening,), timeout=1.0)
        come()
        await listening
    finally:
        listening.cancel()
        writer.close()


async def handshake(target: Target, number: int, come: Callable[[], None]) -> None:
    """Begin a TLS handshake and never end it."""
    del number
    await _hold(target, _HELLO, come)


async def idle(target: Target, number: int, come: Callable[[], None]) -> None:
    """Connect and say nothing."""
    del number
    await _hold(target, b"", come)


async def _hold(target: Target, greeting: bytes, come: Callable[[], None]) -> None:
    reader, writer = await target.open(target.port)
    try:
        writer.write(greeting)
        come()
        await reader.read()
    finally:
        come()  # also where the agent hung up before a word was said
        writer.close()


KINDS: Final[dict[str, Member]] = {
    "websocket": websocket,
    "body": body,
    "jrsys": jrsys,
    "handshake": handshake,
    "idle": idle,
}


async def _keep_coming(
    member: Member, target: Target, number: int, come: Callable[[], None]
) -> None:
    while True:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            await member(target, number, come)
        await target.turn()


async def _crowd(member: Member, count: int, target: Target) -> None:
    all_came = asyncio.Event()
    waiting = set(range(count))

    def come(number: int) -> None:
        waiting.discard(number)
        if not waiting:
            all_came.set()

    members = [
        asyncio.create_task(
            _keep_coming(member, target, number, lambda number=number: come(number))  # type: ignore[misc]  # a default binds the number
        )
        for number in range(count)
    ]
    await all_came.wait()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    for each in members:
        each.cancel()
    await asyncio.gather(*members, return_exceptions=True)


def main() -> None:
    """Crowd the agent as the command line says."""
    kind, count, pace, port, old_port, authority = sys.argv[1:7]
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    trust = ssl.create_default_context(cafile=authority)
    if len(sys.argv) > 7:
        os.setuid(int(sys.argv[7]))
    target = Target(int(port), int(old_port), trust, float(pace))
    asyncio.run(_crowd(KINDS[kind], int(count), target))


if __name__ == "__main__":
    main()
