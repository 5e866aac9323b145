"""A prompt process that is ready before there is a question, so that a window opens at once.

It has loaded what a window needs and knows nothing: no question, no secret. It gets one question
and ends with it; another one is started in its place. One at most waits, and only while somebody
wants it to: a card is in a reader, and questions are asked in windows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final

from agent.consent.window_process import WindowProcess
from agent.seldom import SeldomLog

REPLACE_SECONDS: Final = 1.0
"""How long after one was taken the next is started: the window that opens comes first."""

_log = SeldomLog(__name__)


async def _always() -> bool:
    return True


class Standby:
    """Keeps one process waiting; belongs to one event loop."""

    def __init__(
        self, command: Sequence[str], asks_here: Callable[[], Awaitable[bool]] = _always
    ) -> None:
        """Start nothing yet.

        Args:
            command: that starts a process which waits.
            asks_here: tells whether the next question will be a window.

        """
        self._command = tuple(command)
        self._asks_here = asks_here
        self._is_wanted = False
        self._window: WindowProcess | None = None
        self._starting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def want(self, *, is_wanted: bool) -> None:
        """Say whether one is to wait from now on; in the event loop.

        One that ended by itself is not replaced before this is said anew: where no window can be
        shown, each would end at once.
        """
        if is_wanted == self._is_wanted:
            return
        self._is_wanted = is_wanted
        if is_wanted:
            self._begin(0.0)
        else:
            if self._starting is not None:
                self._starting.cancel()
            self._end_waiting()

    def look_again(self) -> None:
        """Follow where questions are asked from now on; in the event loop."""
        if self._is_wanted and self._starting is None:
            self._begin(0.0)

    def take(self) -> WindowProcess | None:
        """Return the one that waits, for one question; None where none does.

        Whoever takes it ends it.
        """
        window, self._window = self._window, None
        if self._is_wanted and self._starting is None:
            self._begin(REPLACE_SECONDS)
        if window is not None and window.status is not None:
            self._run(window.end())
            window = None
        return window

    async def close(self) -> None:
        """End the one that waits; return when nothing is left of it."""
        self.want(is_wanted=False)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, delay: float) -> None:
        self._starting = asyncio.create_task(self._start(delay))
        self._keep(self._starting)

    async def _start(self, delay: float) -> None:
        me = asyncio.current_task()
        try:
            await asyncio.sleep(delay)
            if not await self._asks_here():
                self._end_waiting()
                return
            if self._window is not None:
                return
            window = await WindowProcess.start(self._command, waits=True)
        except OSError as error:
            _log.note("no window can be made ready", detail=str(error))
            return
        finally:
            if self._starting is me:
                self._starting = None
        if not self._is_wanted or self._window is not None:
            await window.end()
            return
        self._window = window
        self._run(self._watch(window))

    def _end_waiting(self) -> None:
        if (window := self._window) is not None:
            self._window = None
            self._run(window.end())

    async def _watch(self, window: WindowProcess) -> None:
        """Forget it where it ends before it was taken."""
        await window.ended()
        if self._window is window:
            self._window = None
            _log.note("a window that was ready has ended", status=window.status)
            await window.end()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._keep(asyncio.create_task(work))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
