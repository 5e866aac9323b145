"""Tell whether this person is in front of the computer, and when that changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class SessionSeat:
    """Whether this person is in front. This one cannot tell, and says that they always are.

    Systems override :meth:`_watch`. A locked screen is still in front: whoever unlocks it goes on
    where they were.
    """

    def __init__(self) -> None:
        """Be in front until the system says otherwise."""
        self._in_front = True
        self._turned = asyncio.Event()
        self._known = asyncio.Event()

    @property
    def in_front(self) -> bool:
        """Whether this person is in front; True where it cannot be told."""
        return self._in_front

    @asynccontextmanager
    async def watched(self, seconds: float) -> AsyncIterator[None]:
        """Follow it for as long as the context lasts, which begins once it is known.

        Args:
            seconds: how long the system may take to say it; True is believed until then.

        """
        watching = asyncio.get_running_loop().create_task(self._watch())
        watching.add_done_callback(lambda _: self._known.set())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._known.wait()
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def turned(self, seconds: float | None = None) -> bool:
        """Wait until :attr:`in_front` may have changed; return whether it was told to.

        Args:
            seconds: how long at most; None for as long as it takes.

        """
        try:
            async with asyncio.timeout(seconds):
                await self._turned.wait()
        except TimeoutError:
            return False
        self._turned.clear()
        return True

    async def _watch(self) -> None:
        """Call :meth:`_tell` with each change, until this is cancelled; return where none comes."""

    def _tell(self, *, in_front: bool) -> None:
        """Remember what the system says; in the event loop."""
        if in_front is not self._in_front:
            self._in_front = in_front
            self._turned.set()
        self._known.set()
