"""Run an application on one port until somebody asks it to stop."""

import asyncio
import gc
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiohttp import web

_SHUTDOWN_S: Final = 5.0
_BACKLOG: Final = 128


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket, before anything needs to know its port; 0 stands for any.

    Raises:
        OSError: the address cannot be used.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def announce_ready(facts: Mapping[str, object]) -> None:
    """Print a line of JSON that says that the program is ready, and where it listens.

    What the program has made until now stays until it ends: the garbage collector need not look
    through it again and again, which would hold up the event loop for a tenth of a second.
    """
    gc.freeze()
    sys.stdout.write(json.dumps({"ready": True, **facts}) + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def serving(app: web.Application, sock: socket.socket) -> AsyncIterator[None]:
    """Serve on a listening socket while the block runs."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield
    finally:
        await runner.cleanup()


async def stop_requested() -> None:
    """Wait for SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt instead
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
