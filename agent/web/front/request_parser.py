"""Parse requests without holding up the event loop."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
LONG: Final = 32 * 1024  # bytes or characters


class RequestParser:
    """Works on short requests at once, and on long ones in a thread, one at a time.

    Sixteen megabytes of percent escapes take seconds.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(
        self, length: int, work: Callable[P, R], *arguments: P.args, **named: P.kwargs
    ) -> R:
        """Return what ``work`` returns; whatever it raises is raised.

        Args:
            length: of the request, in bytes or characters.
            work: reads it; in another thread, where it is long.
            arguments: of ``work``.
            named: of ``work``.

        """
        if length <= LONG:
            return work(*arguments, **named)
        return await self.run_apart(work, *arguments, **named)

    async def run_apart(self, work: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Return what ``work`` returns, which may take long however short the request is."""
        async with self._turn:
            return await asyncio.to_thread(work, *arguments, **named)
