"""Parse requests without holding up the event loop."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from agent.web.hipki.fields import RequestFields

S = TypeVar("S", str, bytearray)
LONG: Final = 32 * 1024  # bytes or characters


class RequestParser:
    """Parses short requests at once, and long ones in a thread, one at a time.

    Sixteen megabytes of percent escapes take seconds, and any site may send them.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def parse(self, parser: Callable[[S], RequestFields], source: S) -> RequestFields:
        """Parse a request.

        Args:
            parser: :func:`~agent.web.hipki.fields.parse_body` or
                :func:`~agent.web.hipki.fields.parse_text`.
            source: for the parser.

        Raises:
            HipkiError: whatever the parser raises.

        """
        if len(source) <= LONG:
            return parser(source)
        async with self._turn:
            return await asyncio.to_thread(parser, source)
