"""The last word about a connection: another user of this computer gets no answer from us."""

import asyncio
from weakref import WeakKeyDictionary

from aiohttp import web

from agent.errors import ErrorCode
from agent.host.peer.check import PeerCheck
from agent.web.front.endpoint import HttpHandler, refusal
from agent.web.front.guard import Refused


class PeerGuard:
    """Stands before a handler; asks once for each connection, not for each request."""

    def __init__(self, handler: HttpHandler, is_ours: PeerCheck) -> None:
        """Put ``is_ours`` in front of ``handler``."""
        self._handler = handler
        self._is_ours = is_ours
        self._known: WeakKeyDictionary[asyncio.Transport, bool] = WeakKeyDictionary()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, or refuse and hang up."""
        if await self._check(request.transport):
            return await self._handler(request)
        response = refusal(
            Refused(403, ErrorCode.ORIGIN_NOT_ALLOWED, "the peer belongs to another user"), None
        )
        response.force_close()
        return response

    async def _check(self, transport: asyncio.Transport | None) -> bool:
        if transport is None:
            return False
        known = self._known.get(transport)
        if known is None:
            ends = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            known = all(ends) and await asyncio.to_thread(self._is_ours, *ends)
            self._known[transport] = known
        return known
