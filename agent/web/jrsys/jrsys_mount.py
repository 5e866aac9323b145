"""Serve the pages of the JRSYS family: one path, one WebSocket for each call."""

from typing import Final

from aiohttp import web

from agent.errors import ErrorCode
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.size_limits import MAX_JRSYS_MESSAGE
from agent.web.citizen_cards import CitizenCards
from agent.web.front.audience import Audience
from agent.web.front.guard import Refused, RequestPurpose
from agent.web.front.limits import Limits, RateLimiter
from agent.web.front.mount import Mount, Route
from agent.web.front.room import BodyRoom
from agent.web.front.unread import UnreadBytes
from agent.web.front.web_sockets import SocketChannel, WebSockets, new_socket
from agent.web.jrsys.component import JrsysComponent
from agent.web.jrsys.session import JrsysSession
from agent.web.recorder.recorder import CallRecorder
from agent.web.service import Service

MAX_STRANGERS_UNREAD: Final = 16 * 1024 * 1024
"""Bytes that all sites which are not allowed have sent and nobody has read, together."""
MAX_STRANGERS_HELD: Final = 16 * 1024 * 1024
"""Bytes of their long messages that are being answered, together; one site has half of it."""


class JrsysMount(Mount):
    """The WebSocket that pages of this family open; one mount for all ports."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        limits: Limits | None = None,
        recorder: CallRecorder | None = None,
    ) -> None:
        """Begin without a WebSocket.

        Args:
            service: carries out what pages ask for.
            settings: see :class:`JrsysComponent`.
            limits: for each site.
            recorder: is told of every message; None for one that stays off.

        """
        self._recorder = recorder or CallRecorder()
        self._limits = limits or Limits()
        service = CitizenCards(service)
        self._service = service
        self._component = JrsysComponent(service, settings)
        self._rate = RateLimiter(self._limits)
        self._room = BodyRoom(self._limits.body_seconds)
        # Of their own: their messages wait in the citizen's windows for as long as they like.
        self._strangers_room = BodyRoom(self._limits.body_seconds, MAX_STRANGERS_HELD)
        unread = UnreadBytes(
            service.is_allowed,
            stranger=MAX_JRSYS_MESSAGE,
            strangers=MAX_STRANGERS_UNREAD,
        )
        self._sockets = WebSockets(self._limits, service.is_allowed, unread)
        route = Route(self._socket, Audience.ANY_SITE, RequestPurpose.SOCKET)
        super().__init__({"/": {"GET": route}})

    def identify(self, request: web.BaseRequest) -> Origin | None:
        """Return who asks: a site, over TLS or, for one that is plain HTTP itself, without.

        Raises:
            Refused: no origin of a site; or a page of HTTPS at a plain port, where its own kit
                never asks.

        """
        site = super().identify(request)
        if site is not None and site.scheme == "https" and not request.secure:
            raise Refused(403, ErrorCode.ORIGIN_NOT_ALLOWED, "this page's port is one with TLS")
        return site

    async def _socket(self, request: web.BaseRequest, site: Origin | None) -> web.StreamResponse:
        return await self._sockets.serve(request, site, new_socket(), self._begin)

    def _begin(self, channel: SocketChannel) -> JrsysSession:
        is_allowed = self._service.is_allowed(channel.site)
        return JrsysSession(
            self._component,
            self._service,
            channel,
            limits=self._limits,
            rate=self._rate,
            room=self._room if is_allowed else self._strangers_room,
            recorder=self._recorder,
        )

    def leave(self, port: int) -> None:
        """Close each WebSocket of a port once what was asked on it is answered."""
        self._sockets.leave(port)

    async def close(self) -> None:
        """Tell every WebSocket that the agent goes away."""
        await self._sockets.close()
