"""Whose program is at the other end, asked before a byte of it is read."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from agent.host.peer.check import PeerCheck


class ConnectionPeers:
    """Checks the peer of each connection once, when it is accepted."""

    def __init__(self, is_ours: PeerCheck | None) -> None:
        """Ask ``is_ours`` about the two ends of a connection; None lets everybody pass."""
        self._is_ours = is_ours
        # A thread of its own: the shared ones may all be waiting for card readers.
        self._thread = ThreadPoolExecutor(1, "peer")

    async def is_own(self, connection: socket.socket) -> bool:
        """Return whether the other end belongs to this user; False for one that is gone."""
        if self._is_ours is None:
            return True
        try:
            ends = connection.getpeername(), connection.getsockname()
        except OSError:
            return False
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._is_ours, *ends)

    def close(self) -> None:
        """End the thread; nothing is checked afterwards."""
        self._thread.shutdown(wait=False)
