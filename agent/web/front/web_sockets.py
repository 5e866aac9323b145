"""WebSockets of pages: bounded in number and in what waits on them, and closed with a reason."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

from aiohttp import WSCloseCode, WSMsgType, web

from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import Origin
from agent.seldom import SeldomLog
from agent.size_limits import MAX_ANSWERED_MESSAGE
from agent.web.front.limits import Limits
from agent.web.front.shares import Shares, ShareSizes
from agent.web.front.unread import Incoming, Unread, UnreadBytes

CLOSE_SECONDS: Final = 5.0  # for the page's side of the closing handshake

_CLOSE_CODES: Final = {
    ErrorCode.RATE_LIMITED: WSCloseCode.POLICY_VIOLATION,
    ErrorCode.ORIGIN_NOT_ALLOWED: WSCloseCode.POLICY_VIOLATION,
    ErrorCode.BUSY: WSCloseCode.TRY_AGAIN_LATER,
    ErrorCode.TIMEOUT: WSCloseCode.OK,
    None: WSCloseCode.OK,
}
"""How a WebSocket is closed for a reason (RFC 6455 §7.4.1); for none: all is said."""
_log = SeldomLog(__name__)


def new_socket(
    *, subprotocols: Sequence[str] = (), heartbeat: float | None = None
) -> web.WebSocketResponse:
    """Make the response that turns a request into a WebSocket; not yet accepted.

    Args:
        subprotocols: that are offered.
        heartbeat: seconds between pings, half of it for the pong; None for no pings.

    """
    return web.WebSocketResponse(
        timeout=CLOSE_SECONDS,
        heartbeat=heartbeat,
        autoping=False,  # pings count, too
        protocols=subprotocols,
        compress=False,  # useless on loopback, and a small frame could unpack to a huge one
        max_msg_size=MAX_ANSWERED_MESSAGE,
        decode_text=False,
    )


class SocketChannel:
    """What goes to one page: messages, and at last why there are no more.

    Attributes:
        site: whose page it is.
        socket: the WebSocket.
        unread: what the page has sent and nobody has read.
        ending: the closing handshake, once it has begun.

    """

    def __init__(
        self,
        site: Origin,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        send_seconds: float,
    ) -> None:
        """Begin with a WebSocket that is open, or about to be.

        Args:
            site: whose page it is.
            socket: accepted before anything is sent.
            transport: what it runs over, to be cut when the page does not read.
            send_seconds: how long a page may take to take a message.

        """
        self.site = site
        self.socket = socket
        self.unread = Unread(site, self.end)
        self.ending: asyncio.Task[bool] | None = None
        self._transport = transport
        self._send_seconds = send_seconds

    @property
    def port(self) -> int:
        """The port on which the page came."""
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def end(self, code: ErrorCode | None = None) -> None:
        """Close because of ``code``, which the page reads as the reason; None for none."""
        if self.ending is None:
            reason = b"" if code is None else code.encode()
            close = self.socket.close(code=_CLOSE_CODES[code], message=reason)
            self.ending = asyncio.get_running_loop().create_task(close)

    async def send(self, message: bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        """Send; a page that does not take it within seconds loses the connection."""
        try:
            async with asyncio.timeout(self._send_seconds):
                await self.socket.send_frame(message, kind)
        except TimeoutError:
            _log.note("a page does not read", site=str(self.site))
            self._transport.abort()
        except ConnectionError:
            pass  # the page went away; the receiving side notices and cleans up


class SocketSession(Protocol):
    """Serves one WebSocket."""

    async def run(self) -> None:
        """Serve until it is closed; then nothing of it is under way."""

    def leave(self) -> None:
        """Close once what was asked is answered; at once, where nothing is."""


class WebSockets:
    """The open WebSockets of one mount, on all of its ports; strangers have few of the places."""

    def __init__(
        self, limits: Limits, is_allowed: Callable[[Origin], bool], unread: UnreadBytes
    ) -> None:
        """Begin with none.

        Args:
            limits: how many there may be.
            is_allowed: whether the citizen has allowed a site.
            unread: bounds what nobody has read.

        """
        sizes = ShareSizes(limits.sockets, limits.domain_sockets, limits.stranger_sockets)
        self._places = Shares(sizes, is_allowed, SeldomLog(__name__))
        self._send_seconds = limits.send_seconds
        self._unread = unread
        self._open: dict[web.WebSocketResponse, tuple[int, SocketSession]] = {}

    async def serve(
        self,
        request: web.BaseRequest,
        site: Origin | None,
        socket: web.WebSocketResponse,
        begin: Callable[[SocketChannel], SocketSession],
    ) -> web.StreamResponse:
        """Accept a WebSocket, and serve it until it is closed.

        Args:
            request: the handshake.
            site: who asks.
            socket: of :func:`new_socket`.
            begin: makes what serves it.

        Raises:
            AgentError: nobody asks, it is no handshake, or an allowed site has all its places.

        """
        transport = request.transport
        if site is None or transport is None:
            raise AgentError("nobody asks", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        if not socket.can_prepare(request):
            raise BadRequestError("no WebSocket handshake")
        with self._places.hold(site, transport.abort):
            channel = SocketChannel(site, socket, transport, self._send_seconds)
            session = begin(channel)
            with self._unread.watch(cast("Incoming", request.protocol), channel.unread):
                await socket.prepare(request)
                self._open[socket] = channel.port, session
                try:
                    await session.run()
                finally:
                    self._open.pop(socket, None)
        return socket

    def leave(self, port: int) -> None:
        """Close each WebSocket of a port once what was asked on it is answered."""
        for of_port, session in tuple(self._open.values()):
            if of_port == port:
                session.leave()

    async def close(self) -> None:
        """Tell every page that the agent goes away."""
        closing = (each.close(code=WSCloseCode.GOING_AWAY) for each in self._open)
        await asyncio.gather(*closing, return_exceptions=True)
