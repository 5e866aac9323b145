"""Room for long requests: so many bytes at once, of which one site never has all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin

MAX_HELD: Final = 64 * 1024 * 1024  # bytes of long requests, all together; a site has half of it
SHORT: Final = 64 * 1024  # bytes; connections are few enough for shorter ones


class BodyRoom:
    """Lets long bodies in while there is room; the others wait, unread, and are refused then."""

    def __init__(self, seconds: float, most: int = MAX_HELD) -> None:
        """Begin empty.

        Args:
            seconds: how long a body waits for room.
            most: bytes, all together.

        """
        self._seconds = seconds
        self._most = most
        self._held: Counter[Origin | None] = Counter()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(
        self, site: Origin | None, declared: int | None, limit: int
    ) -> AsyncIterator[None]:
        """Keep room for a body for as long as the context lasts.

        Args:
            site: whose body it is.
            declared: its length in bytes; None where it does not say.
            limit: of such bodies, in bytes.

        Raises:
            AgentError: ``busy``: there was no room in time.

        """
        length = limit if declared is None else declared
        if length <= SHORT:
            yield
            return
        try:
            async with asyncio.timeout(self._seconds), self._changed:
                await self._changed.wait_for(lambda: self._fits(site, length))
                self._held[site] += length
        except TimeoutError as error:
            raise AgentError("too many long requests", code=ErrorCode.BUSY) from error
        try:
            yield
        finally:
            await self._leave(site, length)

    @asynccontextmanager
    async def hold_received(self, site: Origin | None, length: int) -> AsyncIterator[None]:
        """Keep room for a message that is here already, for as long as the context lasts.

        It cannot wait: until there is room, it would be held all the same.

        Args:
            site: whose message it is.
            length: bytes.

        Raises:
            AgentError: ``busy``: there is no room.

        """
        if length <= SHORT:
            yield
            return
        if not self._fits(site, length):
            raise AgentError("too many long requests", code=ErrorCode.BUSY)
        self._held[site] += length
        try:
            yield
        finally:
            await self._leave(site, length)

    async def _leave(self, site: Origin | None, length: int) -> None:
        self._held[site] -= length
        self._held += Counter()  # forgets whoever has nothing
        await asyncio.shield(self._tell())

    def _fits(self, site: Origin | None, length: int) -> bool:
        ours = self._held[site]
        has_share = ours == 0 or ours + length <= self._most // 2
        return has_share and self._held.total() + length <= self._most

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
