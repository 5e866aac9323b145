"""One worker: a process that serves the sockets it inherited; started by the supervisor alone.

Its standard input brings configurations, a line of JSON each, all of them accepted by the
supervisor; its end means that the supervisor is gone. Standard output says what became of each.
"""

import argparse
import asyncio
import gc
import json
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import Final

from aiohttp import web

from agent.validator.app import ServiceApp
from agent.validator.config import (
    DRAIN_S,
    MAX_CONFIG,
    Config,
    ServiceConfigError,
    parse_config,
)
from agent.validator.doorman import Doorman
from agent.validator.judging import judging
from agent.validator.logs import log_lines
from agent.validator.metrics import ServiceMetrics

_LOOK_S: Final = 0.02
_KEEPALIVE_S: Final = 60.0
_CLOSE_S: Final = 1.0


class ServiceWorker:
    """What runs in the process."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        """Serve ``sockets``, which listen."""
        self._sockets = sockets
        self._stop = asyncio.Event()

    async def run(self, configs: asyncio.StreamReader) -> None:
        """Serve until SIGTERM, or until there will be no more configurations.

        Raises:
            ServiceConfigError: the first configuration cannot be used.

        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        first = await _next_config(configs)
        if first is None:
            return
        async with AsyncExitStack() as last:
            app = ServiceApp(await last.enter_async_context(judging(first)), ServiceMetrics())
            reloading = asyncio.create_task(self._reload(app, configs, last))
            gc.freeze()
            try:
                await serve(app, self._sockets, self._stop, _say_ready)
            finally:
                reloading.cancel()
                await asyncio.gather(reloading, return_exceptions=True)

    async def _reload(
        self, app: ServiceApp, configs: asyncio.StreamReader, last: AsyncExitStack
    ) -> None:
        """Take each further configuration in the place of the one before, or keep that."""
        while (config := await _next_config(configs)) is not None:
            coming, before = AsyncExitStack(), app.judging
            try:
                app.judging = await coming.enter_async_context(judging(config))
            except ServiceConfigError as error:
                _say({"reloaded": False, "why": str(error)})
                continue
            _say({"reloaded": True})
            await before.unused()  # requests that began with it end with it
            await last.aclose()
            last.push_async_exit(coming)
        self._stop.set()


async def serve(
    app: ServiceApp,
    sockets: Sequence[socket.socket],
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve an application on listening sockets until ``stop``; then drain.

    Draining lets in who comes, and tells at ``/readyz`` that it is about to stop; it ends when
    nothing is under way, or after five seconds.
    """
    made = app.make()
    silent = getLogger("aiohttp.server.silent")  # its messages quote requests
    silent.setLevel(CRITICAL)
    silent.propagate = False
    runner = web.AppRunner(
        made,
        access_log=None,
        logger=silent,
        keepalive_timeout=_KEEPALIVE_S,
        shutdown_timeout=_CLOSE_S,
        auto_decompress=False,
        lingering_time=0.0,
    )
    await runner.setup()
    if runner.server is None:
        raise RuntimeError("the server was not set up")
    doorman = Doorman(runner.server)
    app.hear = doorman.hear
    doors = [asyncio.create_task(doorman.let_in(sock)) for sock in sockets]
    try:
        ready()
        await stop.wait()
        app.is_draining = True
        await _drain(app)
    finally:
        for door in doors:
            door.cancel()
        await asyncio.gather(*doors, return_exceptions=True)
        await runner.cleanup()


async def _drain(app: ServiceApp) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + DRAIN_S
    while loop.time() < end:
        await asyncio.sleep(_LOOK_S)
        if app.is_idle:
            return


async def _next_config(configs: asyncio.StreamReader) -> Config | None:
    line = await configs.readline()
    if not line.endswith(b"\n"):
        return None
    found = json.loads(line)
    return parse_config(found["text"], Path(found["folder"]))


def _say(fact: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


def _say_ready() -> None:
    _say({"ready": True})


async def _run(descriptors: Sequence[int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal; the supervisor tells
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    reader = asyncio.StreamReader(limit=8 * MAX_CONFIG)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await ServiceWorker([socket.socket(fileno=number) for number in descriptors]).run(reader)


def main() -> int:
    """Run the process; return its exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, action="append", required=True)
    options = parser.parse_args()
    log_lines()
    try:
        asyncio.run(_run(options.fd))
    except ServiceConfigError as error:
        _say({"ready": False, "why": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
