"""Who is let in at a listening socket, and who is sent away again."""

import asyncio
import socket
from functools import partial
from typing import Final

from aiohttp import web

from agent.validator.connection import connect

MAX_CONNECTIONS: Final = 512
"""Of one worker at once. Who comes then takes the place of the one that has been silent longest,
or waits where all have spoken."""
HEAD_S: Final = 10.0
"""Seconds in which a new connection has to send the head of its first request."""


class Doorman:
    """Lets connections in, one at a time, and sends away those that say nothing."""

    def __init__(self, server: web.Server) -> None:
        """Let them in to ``server``."""
        self._server = server
        self._silent: dict[asyncio.Transport, None] = {}  # the oldest first

    def hear(self, transport: asyncio.Transport | None) -> None:
        """Note that a connection has sent the head of a request."""
        if transport is not None:
            self._silent.pop(transport, None)

    async def let_in(self, sock: socket.socket) -> None:
        """Let in whoever comes to a listening socket, until cancelled.

        With one accept at a time, workers that share a socket share the work.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(sock)
            except OSError:  # it is gone again, or there are too many open files
                await asyncio.sleep(0.05)
                continue
            try:
                while not self._has_room():  # noqa: ASYNC110  # no event tells of an end
                    await asyncio.sleep(0.05)
                transport, _ = await loop.connect_accepted_socket(
                    partial(connect, self._server, loop), connection
                )
            except OSError:
                connection.close()
            except asyncio.CancelledError:
                connection.close()
                raise
            else:
                self._silent[transport] = None
                loop.call_later(HEAD_S, self._send_away, transport)

    def _has_room(self) -> bool:
        """Return whether one more may come in, after sending a silent one away if need be."""
        if len(self._server.connections) < MAX_CONNECTIONS:
            return True
        oldest = self._oldest_silent()
        if oldest is None:
            return False
        self._send_away(oldest)
        return True

    def _oldest_silent(self) -> asyncio.Transport | None:
        while self._silent:
            oldest = next(iter(self._silent))
            if not oldest.is_closing():
                return oldest
            del self._silent[oldest]
        return None

    def _send_away(self, transport: asyncio.Transport) -> None:
        if transport in self._silent:
            del self._silent[transport]
            transport.abort()
