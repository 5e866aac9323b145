"""Whose program is at the other end, asked before a byte of it is read."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from agent.host.peer.check import PeerCheck


class ConnectionPeers:
    """Checks the peer of each connection once, when it is accepted."""

    def __init__(self, is_ours: PeerCheck | None) -> None:
        """Ask ``is_ours`` about the two ends of a connection; None lets everybody pass."""
        self._is_ours = is_ours
        # A thread of its own: the shared ones may all be waiting for card readers.
        self._thread = ThreadPoolExecutor(1, "peer")

    async def are_own(self, connections: Sequence[socket.socket]) -> list[bool | None]:
        """Return whether the other end of each belongs to this user; None for one that is gone."""
        if self._is_ours is None:
            return [True] * len(connections)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._look_at, connections, self._is_ours)

    @staticmethod
    def _look_at(connections: Sequence[socket.socket], is_ours: PeerCheck) -> list[bool | None]:
        found: list[bool | None] = []
        for connection in connections:
            try:
                ends = connection.getpeername(), connection.getsockname()
            except OSError:
                found.append(None)
            else:
                found.append(is_ours(*ends))
        return found

    def close(self) -> None:
        """End the thread; nothing is checked afterwards."""
        self._thread.shutdown(wait=False)
