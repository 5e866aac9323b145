"""One window of ours at a time on the screen, and a stranger's only where no other is due.

All windows open in the middle of the screen. Were two open at once, a click or key that is meant
for the one could answer the other: the second click of a double click on "Sign" would fall on what
lies below. So a question about a stranger is taken away while an allowed site's window is due, and
put again afterwards, whole.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

A = TypeVar("A")


class Screen:
    """Shows one window at a time; belongs to one event loop."""

    def __init__(self) -> None:
        self._due = 0  # windows of allowed sites, the one that is shown included
        self._turn = asyncio.Lock()
        self._free = asyncio.Event()
        self._free.set()
        self._stranger: asyncio.Future[Any] | None = None
        self._was_taken_away = False

    async def show_first(self, show: Callable[[], Awaitable[A]]) -> A:
        """Return what ``show`` does, after the windows of this kind that came before.

        A stranger's window is closed at once.

        Raises:
            Exception: whatever ``show`` raises.

        """
        self._due += 1
        self._free.clear()
        try:
            async with self._turn:
                await self._take_away()
                return await show()
        finally:
            self._due -= 1
            if not self._due:
                self._free.set()

    async def until_free(self) -> None:
        """Return when no window of :meth:`show_first` is due."""
        await self._free.wait()

    async def show_when_free(self, show: Callable[[], Awaitable[A]]) -> A:
        """Return what ``show`` does, once no window of :meth:`show_first` is due.

        It is cancelled and called again where one becomes due meanwhile; the caller calls this
        once at a time.

        Raises:
            Exception: whatever ``show`` raises.

        """
        while True:
            await self._free.wait()
            self._was_taken_away = False
            showing = asyncio.ensure_future(show())
            self._stranger = showing
            try:
                return await showing
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not self._was_taken_away or (task is not None and task.cancelling()):
                    raise
            finally:
                self._stranger = None

    async def _take_away(self) -> None:
        if self._stranger is not None and not self._stranger.done():
            self._was_taken_away = True
            self._stranger.cancel()
            await asyncio.wait((self._stranger,))
