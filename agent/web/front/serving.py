"""Listening ports, and the server that keeps every connection on them bounded."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from agent.errors import AgentError, ErrorCode
from agent.host.peer.check import PeerCheck
from agent.origin import Origin
from agent.web.front.dispatcher import Dispatcher, HttpHandler
from agent.web.front.guard import Refused
from agent.web.front.limits import RateLimiter
from agent.web.front.listen import listen
from agent.web.front.mount import Mount
from agent.web.front.peer import ConnectionPeers
from agent.web.front.refusal import refusal, unexpected

MAX_CONNECTIONS: Final = 256  # on one port; a browser opens six to a host
IDLE_SECONDS: Final = 30.0  # for request headers to arrive, and between requests
HANDSHAKE_SECONDS: Final = 10.0  # for TLS
LINGER_SECONDS: Final = 2.0  # for the rest of a body that nobody reads
SHUTDOWN_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """Where protocols are to answer.

    Attributes:
        name: of what answers there; unique in an agent.
        ports: to try in turn; 0 stands for any.
        tls: for HTTPS; None for plain HTTP.
        mounts: the first that claims a path answers; the last one, where none does.

    """

    name: str
    ports: tuple[int, ...]
    tls: ssl.SSLContext | None = None
    mounts: tuple[Mount, ...] = ()


class _Connection(web.RequestHandler):
    """A connection whose errors below HTTP are JSON too, and which is one of a bounded number."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        manager = self._manager
        if manager is not None and len(manager.connections) > MAX_CONNECTIONS:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what escaped the endpoint."""
        del request, message
        error: AgentError
        if 400 <= status < 500:
            error = Refused(status, ErrorCode.BAD_REQUEST, "not HTTP")
        else:
            error = unexpected(exc if isinstance(exc, Exception) else RuntimeError(str(status)))
        response = refusal(error, None)
        response.force_close()
        return response


class _Server(web.Server):
    """Makes our connections; cancels a handler whose page went away."""

    def __init__(self, handler: HttpHandler) -> None:
        super().__init__(
            handler,
            handler_cancellation=True,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
            access_log=None,
        )

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class Listeners:
    """The listening ports of an agent, and the mounts that answer on each."""

    def __init__(
        self,
        rate: RateLimiter,
        is_allowed: Callable[[Origin], bool],
        is_our_peer: PeerCheck | None = None,
    ) -> None:
        """Begin without a port.

        Args:
            rate: one budget for each site, over all ports.
            is_allowed: whether the citizen has allowed a site.
            is_our_peer: whether the program at the other end is this user's; None lets everybody
                on this computer in.

        """
        self._rate = rate
        self._is_allowed = is_allowed
        self._peers = ConnectionPeers(is_our_peer)
        self._mounts: list[Mount] = []
        self._accepting: list[tuple[_Server, asyncio.Server]] = []

    async def listen(self, listener: Listener) -> int:
        """Serve on the first port that is free; return which it is.

        Args:
            listener: with one mount at least.

        Raises:
            PortTakenError: none of its ports is free.

        """
        sockets = listen(listener.ports)
        port: int = sockets[0].getsockname()[1]
        mounts, tls = listener.mounts, listener.tls
        self._mounts += [each for each in mounts if each not in self._mounts]
        handler = Dispatcher(port, mounts, self._rate, self._is_allowed, self._peers)
        server = _Server(handler)
        handshake = HANDSHAKE_SECONDS if tls is not None else None
        loop = asyncio.get_running_loop()
        for each in sockets:
            accepting = await loop.create_server(
                server, sock=each, ssl=tls, ssl_handshake_timeout=handshake
            )
            self._accepting.append((server, accepting))
        return port

    async def close(self) -> None:
        """Stop: no new connection; the open ones are cut, their requests cancelled."""
        for _, accepting in self._accepting:
            accepting.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await asyncio.gather(*(mount.close() for mount in self._mounts))
        servers = {id(server): server for server, _ in self._accepting}
        for server in servers.values():
            server.pre_shutdown()  # idle connections need not be waited for
        await asyncio.gather(*(server.shutdown(SHUTDOWN_SECONDS) for server in servers.values()))
        for _, accepting in self._accepting:
            await accepting.wait_closed()
