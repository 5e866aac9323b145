"""Reading a request's body, with an end in length and in time."""

import asyncio

from aiohttp import hdrs, web

from agent.errors import BadRequestError, ErrorCode
from agent.web.front import guard
from agent.web.front.guard import Refused


async def read_body(request: web.BaseRequest, limit: int, seconds: float) -> bytes:
    """Return a whole body.

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
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                guard.check_length(len(body), limit)
    except TimeoutError as error:
        raise Refused(408, ErrorCode.TIMEOUT, "a slow body") from error
    except (web.RequestPayloadError, ValueError) as error:
        raise BadRequestError("the body is broken") from error
    return bytes(body)
