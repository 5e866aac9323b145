"""Who is let in at a listening socket, and who is sent away again."""

import asyncio
import socket
from functools import partial
from typing import Final
from weakref import WeakSet

from aiohttp import web

from agent.validator.connection import connect

MAX_CONNECTIONS: Final = 512
"""Of one worker at once; more wait in the kernel."""
HEAD_S: Final = 10.0
"""Seconds in which a new connection has to send the head of its first request."""


class Doorman:
    """Lets connections in, one at a time, and sends away those that say nothing."""

    def __init__(self, server: web.Server) -> None:
        """Let them in to ``server``."""
        self._server = server
        self._heard: WeakSet[asyncio.BaseTransport] = WeakSet()

    def hear(self, transport: asyncio.BaseTransport | None) -> None:
        """Note that a connection has sent the head of a request."""
        if transport is not None:
            self._heard.add(transport)

    async def let_in(self, sock: socket.socket) -> None:
        """Let in whoever comes to a listening socket, until cancelled.

        With one accept at a time, workers that share a socket share the work.
        """
        loop = asyncio.get_running_loop()
        while True:
            if len(self._server.connections) >= MAX_CONNECTIONS:
                await asyncio.sleep(0.05)
                continue
            try:
                connection, _ = await loop.sock_accept(sock)
            except OSError:  # it is gone again, or there are too many open files
                await asyncio.sleep(0.05)
                continue
            try:
                transport, _ = await loop.connect_accepted_socket(
                    partial(connect, self._server, loop), connection
                )
            except OSError:
                connection.close()
            else:
                loop.call_later(HEAD_S, self._send_away, transport)

    def _send_away(self, transport: asyncio.Transport) -> None:
        if transport not in self._heard:
            transport.abort()
