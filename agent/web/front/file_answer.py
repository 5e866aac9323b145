"""Answers with a file, a piece at a time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from aiohttp import web

SEND_SECONDS: Final = 60.0
"""How long a page may take to read a piece."""
_PIECE: Final = 256 * 1024


async def send_file(
    request: web.BaseRequest, response: web.StreamResponse, file: Path, end: int | None = None
) -> bool:
    """Answer with a file's octets; return whether all of them were taken.

    Args:
        request: that is answered.
        response: with its headers; not begun.
        file: whose.
        end: only up to here, in bytes; None for all of it.

    Raises:
        OSError: the file cannot be read.

    """
    size = await asyncio.to_thread(lambda: file.stat().st_size)
    response.content_length = length = size if end is None else min(end, size)
    try:
        await response.prepare(request)
        async for piece in _pieces(file, length):
            async with asyncio.timeout(SEND_SECONDS):
                await response.write(piece)
            length -= len(piece)
        await response.write_eof()
    except (TimeoutError, ConnectionError):
        response.force_close()  # the page went away, or does not read
        return False
    return not length


async def _pieces(file: Path, length: int) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as content:
        while length > 0:
            piece = await asyncio.to_thread(content.read, min(_PIECE, length))
            if not piece:
                return
            length -= len(piece)
            yield piece
