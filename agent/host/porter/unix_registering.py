"""The agent's side on Linux: register with the porter, and take the connections it hands over."""

import os
import select
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from agent.host.porter.porter_wire import (
    CONNECTION,
    MAX_GREETING,
    READY,
    read_greeting,
)
from agent.host.porter.registering import NoPorterError, is_fit
from agent.host.porter.users import user_of

SECONDS: Final = 2.0
"""For a porter to let us in, and again to greet."""
_IN_LINE: Final = struct.pack("@ll", int(SECONDS), 0)  # struct timeval
_MAX_DESCRIPTORS: Final = 4  # one is right
_CLOSED_ON_EXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class UnixRegistration:
    """An agent's place with the porter.

    Attributes:
        ports: that the porter looks after.

    """

    def __init__(self, channel: socket.socket, ports: frozenset[int]) -> None:
        """Begin with a porter that has greeted; ``channel`` does not block, and is closed here."""
        self.ports = ports
        self._channel = channel

    @classmethod
    def begin(cls, path: Path) -> Self:
        """Knock, and hear the greeting; blocks for four seconds at most.

        Raises:
            NoPorterError: nobody answers there who may.

        """
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            return cls(channel, _knock(channel, path))
        except (OSError, ValueError) as error:
            channel.close()
            raise NoPorterError(str(error)) from error

    def ready(self) -> None:
        """Say that the next connection may come: at the beginning, and for each that was taken."""
        with suppress(OSError):  # who is gone is noticed by whoever waits for a connection
            self._channel.send(READY, socket.MSG_NOSIGNAL)

    def next(self) -> socket.socket | None:
        """Wait for the next connection; None once the porter, or this object, has left."""
        waiting = select.poll()
        waiting.register(self._channel, select.POLLIN)
        waiting.poll()
        try:
            packet, found, _, _ = socket.recv_fds(
                self._channel, len(CONNECTION) + 1, _MAX_DESCRIPTORS, _CLOSED_ON_EXEC
            )
        except OSError:
            return None
        connections = list(_sockets(found))
        is_one = packet == CONNECTION and len(found) == len(connections) == 1
        if is_one and is_fit(connections[0], self.ports):
            connections[0].setblocking(False)
            return connections[0]
        for each in connections:
            each.close()
        return None

    def end(self) -> None:
        """Leave; who waits for a connection gets none. May be called from any thread."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket, when nobody waits for a connection any more."""
        self._channel.close()


def _sockets(descriptors: Sequence[int]) -> Iterator[socket.socket]:
    """Return those that are sockets; close the others."""
    for each in descriptors:
        try:
            yield socket.socket(fileno=each)
        except OSError:
            os.close(each)


def _knock(channel: socket.socket, path: Path) -> frozenset[int]:
    """Connect, and return the ports that the porter names.

    Raises:
        OSError: nobody answers there who may.
        ValueError: it speaks another version.

    """
    # Where others crowd at the porter, only who waits in the kernel has a turn; unix(7).
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _IN_LINE)
    channel.connect(str(path))
    channel.settimeout(SECONDS)
    # Only the superuser can have made the folder, for whoever is trusted with the port.
    if user_of(channel) != path.parent.stat().st_uid:
        raise OSError("whoever listens there does not own the folder")
    ports = read_greeting(channel.recv(MAX_GREETING))
    channel.setblocking(False)
    return ports


class UnixPlace:
    """The socket of a porter, or of none."""

    def __init__(self, path: Path) -> None:
        """Say where it is, or would be."""
        self._path = path

    def register(self) -> UnixRegistration:
        """Knock, and hear the greeting; blocks for four seconds at most.

        Raises:
            NoPorterError: nobody answers there who may.

        """
        return UnixRegistration.begin(self._path)

    def is_there(self) -> bool:
        """Return whether something is where a porter answers; False where nobody may look."""
        with suppress(OSError):
            return self._path.exists()
        return False
