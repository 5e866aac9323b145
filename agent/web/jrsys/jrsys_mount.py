"""Serve the pages of the JRSYS family: one path, one WebSocket for each call."""

import asyncio
from typing import Final, cast

from aiohttp import WSCloseCode, web

from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.seldom import SeldomLog
from agent.size_limits import MAX_JRSYS_MESSAGE
from agent.web.front.audience import Audience
from agent.web.front.guard import Refused, RequestPurpose
from agent.web.front.limits import Limits, RateLimiter
from agent.web.front.mount import Mount, Route
from agent.web.front.room import BodyRoom
from agent.web.front.shares import Shares, ShareSizes
from agent.web.front.unread import Incoming, UnreadBytes
from agent.web.jrsys.component import JrsysComponent
from agent.web.jrsys.session import JrsysSession, new_jrsys_socket
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
        self._service = service
        self._component = JrsysComponent(service, settings)
        self._rate = RateLimiter(self._limits)
        self._room = BodyRoom(self._limits.body_seconds)
        # Of their own: their messages wait in the citizen's windows for as long as they like.
        self._strangers_room = BodyRoom(self._limits.body_seconds, MAX_STRANGERS_HELD)
        self._unread = UnreadBytes(
            service.is_allowed,
            stranger=MAX_JRSYS_MESSAGE,
            strangers=MAX_STRANGERS_UNREAD,
        )
        sizes = ShareSizes(
            self._limits.sockets, self._limits.domain_sockets, self._limits.stranger_sockets
        )
        self._places = Shares(sizes, service.is_allowed, SeldomLog(__name__))
        self._open: set[web.WebSocketResponse] = set()
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
        transport = request.transport
        if site is None or transport is None:
            raise AgentError("nobody asks", code=ErrorCode.ORIGIN_NOT_ALLOWED)
        accepted = new_jrsys_socket()
        if not accepted.can_prepare(request):
            raise BadRequestError("no WebSocket handshake")
        with self._places.hold(site, transport.abort):
            session = JrsysSession(
                self._component,
                self._service,
                site,
                accepted,
                transport,
                limits=self._limits,
                rate=self._rate,
                room=self._room if self._service.is_allowed(site) else self._strangers_room,
                recorder=self._recorder,
            )
            with self._unread.watch(cast("Incoming", request.protocol), session.unread):
                await accepted.prepare(request)
                self._open.add(accepted)
                try:
                    await session.run()
                finally:
                    self._open.discard(accepted)
        return accepted

    async def close(self) -> None:
        """Tell every WebSocket that the agent goes away."""
        closing = (each.close(code=WSCloseCode.GOING_AWAY) for each in self._open)
        await asyncio.gather(*closing, return_exceptions=True)
