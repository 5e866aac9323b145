"""Parsing requests without making anybody else wait."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from agent.web.hipki.request import Fields

S = TypeVar("S", str, bytes)
LONG: Final = 32 * 1024  # bytes or characters


class Parsing:
    """Parses short requests at once, and long ones in a thread, one at a time.

    Sixteen megabytes of percent signs take seconds, and any site may send them.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def parse(self, parser: Callable[[S], Fields], source: S) -> Fields:
        """Parse what a page sent.

        Args:
            parser: ``parse_body`` or ``parse_text``.
            source: what it takes.

        Raises:
            HipkiError: as ``parser``.

        """
        if len(source) <= LONG:
            return parser(source)
        async with self._turn:
            return await asyncio.to_thread(parser, source)
