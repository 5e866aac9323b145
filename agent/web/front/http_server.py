"""The server of one port: its connections, bounded, which can end without cutting an answer."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from aiohttp import web

from agent.errors import AgentError, ErrorCode
from agent.web.front.connections import Connections
from agent.web.front.dispatcher import HttpHandler
from agent.web.front.dropped import DroppedBytes
from agent.web.front.guard import Refused
from agent.web.front.heads import MAX_FIELDS, HeadBound, TooLongHeadError
from agent.web.front.refusal import refusal, unexpected

IDLE_SECONDS: Final = 30.0  # for request headers to arrive, and between requests
LINGER_SECONDS: Final = 2.0  # for the rest of a body that nobody reads


class _Connection(web.RequestHandler):
    """A connection whose errors below HTTP are JSON too, and which is one of a bounded number."""

    __slots__ = ("_counted", "_dropped", "_leaving", "_refused", "_watcher")

    def __init__(
        self, server: "HttpServer", counted: Connections, dropped: DroppedBytes, **options: Any
    ) -> None:
        super().__init__(server, max_headers=MAX_FIELDS, **options)
        self._parser: Any = HeadBound(self._parser)
        self._counted = counted
        self._dropped = dropped
        self._refused: str | None = None
        self._watcher: Callable[[int], bool] | None = None
        self._leaving = False

    def count_unread(self, domain: str | None) -> None:
        """Count what still comes in of a refused body, for a domain; None to count nothing."""
        self._refused = domain

    def watch_incoming(self, watcher: Callable[[int], bool] | None) -> None:
        """Tell ``watcher`` how many bytes came in, and drop them where it says no."""
        self._watcher = watcher

    def data_received(self, data: bytes) -> None:
        if self._refused is not None and not self._dropped.take(self._refused, len(data)):
            self.cut()
            return
        if self._watcher is None or self._watcher(len(data)):
            super().data_received(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._counted.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._counted.closed(self)
        super().connection_lost(exc)

    def cut(self) -> None:
        """End at once; a transport that is only closed would wait for a peer that does not read."""
        transport = self.transport
        if transport is not None:
            transport.abort()

    def leave(self) -> None:
        """End once what was asked on it is answered; at once, where nothing is."""
        self._leaving = True
        waits = self._waiter is not None and not self._waiter.done()
        if waits or not (self._request_count or self._messages):
            self.force_close()
        elif self._request_in_progress and self._current_request is None:
            self.close()  # its answer is on the way

    def answered(self, response: web.StreamResponse) -> None:
        """Let a response be the last one, where the connection is to end."""
        if self._leaving:
            if not response.prepared:
                response.force_close()  # says so to the browser, too
            self.close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what escaped the endpoint."""
        del request, message
        error: AgentError
        if isinstance(exc, TooLongHeadError):
            error = Refused(431, ErrorCode.TOO_LARGE, "the address or the headers are too long")
        elif 400 <= status < 500:
            error = Refused(status, ErrorCode.BAD_REQUEST, "not HTTP")
        else:
            error = unexpected(exc if isinstance(exc, Exception) else RuntimeError(str(status)))
        response = refusal(error, None)
        response.force_close()
        return response


class HttpServer(web.Server):
    """Makes our connections; cancels a handler whose page went away."""

    def __init__(self, handler: HttpHandler, counted: Connections, dropped: DroppedBytes) -> None:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            response = await handler(request)
            cast("_Connection", request.protocol).answered(response)
            return response

        self._counted = counted
        self._dropped = dropped
        super().__init__(
            handle,
            handler_cancellation=True,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            auto_decompress=False,
            access_log=None,
        )

    def leave(self) -> None:
        """End each connection that there is once what was asked on it is answered."""
        for each in tuple(self._connections):
            cast("_Connection", each).leave()

    def __call__(self) -> web.RequestHandler:
        """Make the protocol of one connection."""
        return _Connection(self, self._counted, self._dropped, loop=self._loop, **self._kwargs)
