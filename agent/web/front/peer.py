"""Whose program is at the other end: another user of this computer gets no answer from us."""

import asyncio
from weakref import WeakKeyDictionary

from agent.errors import ErrorCode
from agent.host.peer.check import PeerCheck
from agent.web.front.guard import Refused


class ConnectionPeers:
    """Checks the peer of each connection once, not for each of its requests."""

    def __init__(self, is_ours: PeerCheck | None) -> None:
        """Ask ``is_ours`` about the two ends of a connection; None lets everybody pass."""
        self._is_ours = is_ours
        self._known: WeakKeyDictionary[asyncio.Transport, bool] = WeakKeyDictionary()

    async def check(self, transport: asyncio.Transport | None) -> None:
        """Refuse a connection from another user's program.

        Raises:
            Refused: it is one, or the connection is gone; the connection ends with the answer.

        """
        if self._is_ours is not None and not await self._is_own(transport, self._is_ours):
            raise Refused(
                403, ErrorCode.ORIGIN_NOT_ALLOWED, "the peer belongs to another user", hangs_up=True
            )

    async def _is_own(self, transport: asyncio.Transport | None, is_ours: PeerCheck) -> bool:
        if transport is None:
            return False
        known = self._known.get(transport)
        if known is None:
            ends = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
            known = all(ends) and await asyncio.to_thread(is_ours, *ends)
            self._known[transport] = known
        return known
