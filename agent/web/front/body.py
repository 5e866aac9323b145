"""Reading a request's body, with an end in length and in time."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import hdrs, web

from agent.errors import BadRequestError, ErrorCode
from agent.secret import wipe, wipe_received
from agent.web.front import guard
from agent.web.front.guard import Refused

_MOST_AT_FIRST: Final = 64 * 1024  # bytes, whatever the request announces


async def read_body(request: web.BaseRequest, limit: int, seconds: float) -> bytearray:
    """Return a whole body, in one buffer that was never moved without being wiped.

    There may be a PIN in it: the caller wipes it (:func:`agent.secret.wipe`).

    Args:
        request: not read yet.
        limit: bytes.
        seconds: for all of it to arrive.

    Raises:
        Refused: it is too long, or arrives too slowly.
        BadRequestError: its transfer encoding is broken.

    """
    await _go_on(request)
    body = _Body(request.content_length or 0)
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                guard.check_length(body.length + len(chunk), limit)
                body.add(chunk)
                wipe_received(chunk)
    except TimeoutError as error:
        body.wipe()
        raise Refused(408, ErrorCode.TIMEOUT, "a slow body") from error
    except (web.RequestPayloadError, ValueError) as error:
        body.wipe()
        raise BadRequestError("the body is broken") from error
    except BaseException:
        body.wipe()
        raise
    return body.finish()


async def stream_body(
    request: web.BaseRequest, limit: int, quiet_seconds: float, seconds: float, *, least: int = 1
) -> AsyncGenerator[bytes]:
    """Give a body piece by piece as it arrives; nothing secret is in it.

    Args:
        request: not read yet.
        limit: bytes.
        quiet_seconds: in which more has to arrive.
        seconds: for all of it.
        least: how much more, in bytes, unless it ends; one only a little at a time is stalled.

    Raises:
        Refused: it is too long, or arrives too slowly.
        BadRequestError: its transfer encoding is broken.

    """
    await _go_on(request)
    length = enough = 0
    pieces, now = request.content.iter_any(), asyncio.get_running_loop().time
    deadline = stalled = now() + seconds
    try:
        while True:
            if length >= enough:
                enough, stalled = length + least, now() + quiet_seconds
            async with asyncio.timeout_at(min(stalled, deadline)):
                piece = await anext(pieces, b"")
            if not piece:
                return
            length += len(piece)
            guard.check_length(length, limit)
            yield piece
    except TimeoutError as error:
        raise Refused(408, ErrorCode.TIMEOUT, "a slow body", hangs_up=True) from error
    except (web.RequestPayloadError, ValueError) as error:
        raise BadRequestError("the body is broken") from error


async def _go_on(request: web.BaseRequest) -> None:
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


class _Body:
    """A buffer that grows by moving into a larger one, and wipes the old one."""

    def __init__(self, expected: int) -> None:
        self._buffer = bytearray(min(expected, _MOST_AT_FIRST))
        self.length = 0

    def add(self, chunk: bytes) -> None:
        end = self.length + len(chunk)
        if end > len(self._buffer):
            self._move(max(end, 2 * len(self._buffer)))
        self._buffer[self.length : end] = chunk
        self.length = end

    def finish(self) -> bytearray:
        if self.length != len(self._buffer):
            self._move(self.length)
        return self._buffer

    def wipe(self) -> None:
        wipe(self._buffer)

    def _move(self, size: int) -> None:
        old, self._buffer = self._buffer, bytearray(size)
        self._buffer[: self.length] = memoryview(old)[: self.length]
        wipe(old)
