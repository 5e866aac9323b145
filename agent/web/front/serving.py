"""Listening ports, and the server that keeps every connection on them bounded."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from agent.domain import registrable_domain
from agent.errors import AgentError, ErrorCode
from agent.host.peer.check import PeerCheck
from agent.origin import LOCAL_PROGRAM, OPAQUE, Origin
from agent.seldom import SeldomLog
from agent.web.front import message_queues, tls_buffers
from agent.web.front.accepting import Acceptor
from agent.web.front.connections import Connections
from agent.web.front.dispatcher import Dispatcher, HttpHandler
from agent.web.front.dropped import DroppedBytes
from agent.web.front.guard import Refused
from agent.web.front.heads import MAX_FIELDS, HeadBound, TooLongHeadError
from agent.web.front.limits import RateLimiter
from agent.web.front.listen import listen
from agent.web.front.mount import Mount
from agent.web.front.peer import ConnectionPeers
from agent.web.front.refusal import refusal, unexpected
from agent.web.recorder.recorder import CallRecorder

IDLE_SECONDS: Final = 30.0  # for request headers to arrive, and between requests
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

    __slots__ = ("_counted", "_dropped", "_refused", "_watcher")

    def __init__(
        self, server: "_Server", counted: Connections, dropped: DroppedBytes, **options: Any
    ) -> None:
        super().__init__(server, max_headers=MAX_FIELDS, **options)
        self._parser: Any = HeadBound(self._parser)
        self._counted = counted
        self._dropped = dropped
        self._refused: str | None = None
        self._watcher: Callable[[int], bool] | None = None

    def count_unread(self, domain: str | None) -> None:
        """Count what still comes in of a refused body, for a domain; None to count nothing."""
        self._refused = domain

    def watch_incoming(self, watcher: Callable[[int], bool] | None) -> None:
        """Tell ``watcher`` how many bytes came in, and drop them where it says no."""
        self._watcher = watcher

    def data_received(self, data: bytes) -> None:
        if self._refused is not None and not self._dropped.take(self._refused, len(data)):
            self.cut()
            return
        if self._watcher is None or self._watcher(len(data)):
            super().data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._counted.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._counted.closed(self)
        super().connection_lost(exc)

    def cut(self) -> None:
        """End at once; a transport that is only closed would wait for a peer that does not read."""
        transport = self.transport
        if transport is not None:
            transport.abort()

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
        if isinstance(exc, TooLongHeadError):
            error = Refused(431, ErrorCode.TOO_LARGE, "the address or the headers are too long")
        elif 400 <= status < 500:
            error = Refused(status, ErrorCode.BAD_REQUEST, "not HTTP")
        else:
            error = unexpected(exc if isinstance(exc, Exception) else RuntimeError(str(status)))
        response = refusal(error, None)
        response.force_close()
        return response


class _Server(web.Server):
    """Makes our connections; cancels a handler whose page went away."""

    def __init__(self, handler: HttpHandler, counted: Connections, dropped: DroppedBytes) -> None:
        self._counted = counted
        self._dropped = dropped
        super().__init__(
            handler,
            handler_cancellation=True,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
            access_log=None,
        )

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._counted, self._dropped, loop=self._loop, **self._kwargs)


class Listeners:
    """The listening ports of an agent, and the mounts that answer on each."""

    def __init__(
        self,
        rate: RateLimiter,
        is_allowed: Callable[[Origin], bool],
        is_our_peer: PeerCheck | None = None,
        recorder: CallRecorder | None = None,
    ) -> None:
        """Begin without a port.

        Args:
            rate: one budget for each site, over all ports.
            is_allowed: whether the citizen has allowed a site.
            is_our_peer: whether the program at the other end is this user's; None lets everybody
                on this computer in.
            recorder: is told of what never became a call; None for one that stays off.

        """
        self._recorder = recorder or CallRecorder()
        self._rate = rate
        self._is_allowed = is_allowed
        self._peers = ConnectionPeers(is_our_peer)
        self._mounts: list[Mount] = []
        self._servers: list[_Server] = []
        self._acceptors: list[Acceptor] = []
        self._dropped = DroppedBytes()
        self._log = SeldomLog(__name__)

    def forget_rates(self) -> None:
        """Give every site its full budget again."""
        self._rate.forget()

    async def listen(self, listener: Listener) -> int:
        """Serve on the first port that is free; return which it is.

        Args:
            listener: with one mount at least.

        Raises:
            PortTakenError: none of its ports is free.

        """
        await asyncio.to_thread(registrable_domain, "www.example")  # reads its list, once
        tls_buffers.make_small()
        message_queues.make_short()
        sockets = listen(listener.ports)
        port: int = sockets[0].getsockname()[1]
        mounts, tls = listener.mounts, listener.tls
        self._mounts += [each for each in mounts if each not in self._mounts]
        connections = Connections(self._is_kept, self._log)
        handler = Dispatcher(
            port, mounts, self._rate, self._is_allowed, connections, recorder=self._recorder
        )
        server = _Server(handler, connections, self._dropped)
        self._servers.append(server)
        self._acceptors += [
            Acceptor(each, server, tls, self._peers, self._log, recorder=self._recorder)
            for each in sockets
        ]
        return port

    def _is_kept(self, caller: Origin) -> bool:
        """Return whether strangers cannot touch a caller's connections.

        A program counts as a site does: it may be any. So may a page that hides whose it is.
        """
        if caller.is_local and caller not in {LOCAL_PROGRAM, OPAQUE}:
            return True
        return caller != OPAQUE and self._is_allowed(caller)

    async def close(self) -> None:
        """Stop: no new connection; the open ones are cut, their requests cancelled."""
        await asyncio.gather(*(each.close() for each in self._acceptors))
        self._peers.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await asyncio.gather(*(mount.close() for mount in self._mounts))
        for server in self._servers:
            server.pre_shutdown()  # idle connections need not be waited for
        await asyncio.gather(*(server.shutdown(SHUTDOWN_SECONDS) for server in self._servers))
