"""Reading a request's body, with an end in length and in time."""

import asyncio
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
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
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
