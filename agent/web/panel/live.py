"""The panel's pages learn of every change at once: a stream of lines of JSON, one for each."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

from aiohttp import web

from agent.errors import RateLimitedError

MAX_STREAMS: Final = 32
"""Open pages at once."""
PULSE: Final = 15.0
"""Seconds after which an empty line says that we are still there."""
SEND_SECONDS: Final = 10.0
"""How long a page may take to read a line."""


class Watched(Protocol):
    """What changes."""

    def watch(self, changed: Callable[[], None], *, closely: bool) -> AbstractContextManager[None]:
        """Call ``changed`` in the event loop after each change, while the context lasts."""


class Live:
    """The streams of all open pages; belongs to one event loop."""

    def __init__(self, watched: Watched, describe: Callable[[], bytes]) -> None:
        """Describe ``watched`` anew after each change.

        Args:
            watched: tells of changes.
            describe: gives one line of JSON, without its end; must not block.

        """
        self._watched = watched
        self._describe = describe
        self._waiting: set[asyncio.Event] = set()
        self._closing = False

    def tell(self) -> None:
        """Say that something changed that is not watched."""
        for event in self._waiting:
            event.set()

    def close(self) -> None:
        """End all streams."""
        self._closing = True
        self.tell()

    async def stream(
        self, request: web.BaseRequest, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """Answer with lines until the page or the agent goes away.

        Raises:
            AgentError: ``rate_limited``: too many pages are open.

        """
        if len(self._waiting) >= MAX_STREAMS:
            raise RateLimitedError("too many pages are open")
        response = web.StreamResponse(headers=headers)
        response.content_type = "application/x-ndjson"
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            await response.prepare(request)
            with self._watched.watch(changed.set, closely=True):
                await self._run(response, changed)
        except (TimeoutError, ConnectionError):
            response.force_close()  # the page went away, or does not read
        finally:
            self._waiting.discard(changed)
        return response

    async def _run(self, response: web.StreamResponse, changed: asyncio.Event) -> None:
        sent = b""
        while not self._closing:
            changed.clear()
            line = self._describe()
            if line != sent:
                await _send(response, line + b"\n")
                sent = line
            try:
                async with asyncio.timeout(PULSE):
                    await changed.wait()
            except TimeoutError:
                await _send(response, b"\n")


async def _send(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await response.write(data)
