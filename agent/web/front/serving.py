"""The listening agent: routes, ports, and the server that keeps every connection bounded."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web

from agent.errors import AgentError, ErrorCode
from agent.host.peer.check import PeerCheck
from agent.host.peer.port_owner import describe_owner
from agent.host.settings.config import Settings
from agent.web.front.endpoint import Endpoint, HttpHandler, refusal, unexpected
from agent.web.front.guard import Refused
from agent.web.front.limits import Limits
from agent.web.front.listen import PortTakenError, listen
from agent.web.front.peer import PeerGuard
from agent.web.native.messages import AgentState
from agent.web.native.methods import NativeApi, Prover, Service
from agent.web.native.routes import NativeRoutes, plain_routes

MAX_CONNECTIONS: Final = 256  # on one port; a browser opens six to a host
IDLE_SECONDS: Final = 30.0  # for request headers to arrive, and between requests
HANDSHAKE_SECONDS: Final = 10.0  # for TLS
LINGER_SECONDS: Final = 2.0  # for the rest of a body that nobody reads
SHUTDOWN_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """How to listen.

    Attributes:
        tls: with the local leaf.
        settings: the ports, and what pages may do.
        virtual: whether the cards are virtual.
        door: put in front of the plain-HTTP side, for other protocols; given the port and the
            handler of what is not its own, it gives a handler.
        panel: likewise in front of the native API, for our own pages.
        more_plain_ports: the plain-HTTP side listens there too, where they are free.
        limits: for each site.
        is_our_peer: tells whether the program at the other end is this user's; None lets
            everybody on this computer in.
        prove: shows an allowed site that it is still the same installation.
        state: what everybody is told of the agent.

    """

    tls: ssl.SSLContext
    settings: Settings = field(default_factory=Settings)
    virtual: bool = False
    door: Callable[[int, HttpHandler], HttpHandler] | None = None
    panel: Callable[[int, HttpHandler], HttpHandler] | None = None
    more_plain_ports: tuple[int, ...] = ()
    limits: Limits = field(default_factory=Limits)
    is_our_peer: PeerCheck | None = None
    prove: Prover | None = None
    state: AgentState = "running"


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


class Serving:
    """A listening agent.

    Attributes:
        port: of the native API, https and wss.
        ping_port: of the plain-HTTP side; None when another program holds it.
        ping_error: who holds it then, in English, as far as that can be known.

    """

    def __init__(
        self, port: int, native: NativeRoutes, is_our_peer: PeerCheck | None = None
    ) -> None:
        self.port = port
        self.ping_port: int | None = None
        self.ping_error: str | None = None
        self._native = native
        self._is_our_peer = is_our_peer
        self._listeners: list[tuple[_Server, asyncio.Server]] = []

    async def add(
        self, handler: HttpHandler, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None
    ) -> None:
        """Accept connections on ``sockets``, which are bound and listening."""
        if self._is_our_peer is not None:
            handler = PeerGuard(handler, self._is_our_peer)
        server = _Server(handler)
        handshake = HANDSHAKE_SECONDS if tls is not None else None
        loop = asyncio.get_running_loop()
        for each in sockets:
            listener = await loop.create_server(
                server, sock=each, ssl=tls, ssl_handshake_timeout=handshake
            )
            self._listeners.append((server, listener))

    async def close(self) -> None:
        """Stop: no new connection; the open ones are cut, their requests cancelled."""
        for _, listener in self._listeners:
            listener.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                await self._native.close()
        servers = {id(server): server for server, _ in self._listeners}
        for server in servers.values():
            server.pre_shutdown()  # idle connections need not be waited for
        await asyncio.gather(*(server.shutdown(SHUTDOWN_SECONDS) for server in servers.values()))
        for _, listener in self._listeners:
            await listener.wait_closed()


async def serve(config: ServerConfig, service: Service) -> Serving:
    """Listen; return once every port answers.

    Raises:
        PortTakenError: every port of the native API is taken.

    """
    sockets = listen(config.settings.native_ports)
    port: int = sockets[0].getsockname()[1]
    api = NativeApi(
        service,
        config.settings,
        config.limits,
        virtual=config.virtual,
        prove=config.prove,
        state=config.state,
    )
    native = NativeRoutes(api)
    routes = await asyncio.to_thread(native.routes)
    serving = Serving(port, native, config.is_our_peer)
    allowed = service.is_allowed
    handler: HttpHandler = Endpoint(routes, port, api.rate, allowed)
    if config.panel is not None:
        handler = config.panel(port, handler)
    await serving.add(handler, sockets, config.tls)
    plain = _Plain(
        serving,
        config.door,
        lambda number: Endpoint(plain_routes(port), number, api.rate, allowed),
    )
    await plain.serve(config.settings.hipki_port, config.more_plain_ports)
    _log.info("listening", port=port, ping_port=serving.ping_port, addresses=len(sockets))
    return serving


@dataclass(frozen=True, slots=True)
class _Plain:
    """The plain-HTTP side: what other programs may hold without harm to the native API."""

    serving: Serving
    door: Callable[[int, HttpHandler], HttpHandler] | None
    make_endpoint: Callable[[int], HttpHandler]

    async def serve(self, port: int, more: Sequence[int]) -> None:
        """Listen on ``port`` and on ``more``, or find out why not."""
        try:
            self.serving.ping_port = await self._listen(port)
        except PortTakenError as error:
            self.serving.ping_error = await self._explain(port, error)
        for other in more:
            try:
                await self._listen(other)
            except PortTakenError as error:
                await self._explain(other, error)

    async def _listen(self, port: int) -> int:
        sockets = listen((port,))
        number: int = sockets[0].getsockname()[1]
        handler = self.make_endpoint(number)
        if self.door is not None:
            handler = self.door(number, handler)
        await self.serving.add(handler, sockets, None)
        return number

    async def _explain(self, port: int, error: PortTakenError) -> str:
        owner = await asyncio.to_thread(describe_owner, port)
        detail = error.detail if owner is None else f"{error.detail}: {owner}"
        _log.warning("no plain-HTTP port", port=port, detail=detail)
        return detail
