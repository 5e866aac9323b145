"""How many messages of a WebSocket wait to be read."""

from typing import Final

from aiohttp import web_ws

SIZE: Final = 16 * 1024  # bytes; twice as much may wait, and each message counts for 128 more


def make_short() -> None:
    """Let WebSockets of this process, those that open from now on, have short queues.

    aiohttp lets 4096 empty messages wait on each, which turn a few kilobytes of pings into most of
    a megabyte. What does not fit waits as it came, and then with the sender.
    """
    vars(web_ws)["DEFAULT_CHUNK_SIZE"] = SIZE
