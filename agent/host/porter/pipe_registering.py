"""The agent's side on Windows: register at the porter's pipe, and take what it hands over."""

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from agent.host.machine.windows_acl import SYSTEM
from agent.host.porter import agent_pipe
from agent.host.porter.agent_pipe import AgentPipe
from agent.host.porter.porter_wire import (
    CONNECTION,
    MAX_GREETING,
    MAX_SHARED,
    PIPE,
    READY,
    read_greeting,
)
from agent.host.porter.registering import NoPorterError, is_fit

SECONDS: Final = 2.0
"""For a porter to let us in, and again to greet."""


class PipeToPorter(Protocol):
    """What Windows is asked for; see :class:`agent.host.porter.agent_pipe.AgentPipe`."""

    def owner(self) -> str:
        """Return who made the pipe: SID in its text form; or raise an OSError."""

    def receive(self, size: int, seconds: float | None) -> bytes:
        """Wait for a packet of so many octets at most; or raise an OSError."""

    def send(self, packet: bytes) -> None:
        """Send a packet, or raise an OSError."""

    def end(self) -> None:
        """Have whoever waits for a packet get an error."""

    def close(self) -> None:
        """Close it."""


def found_again(described: bytes) -> socket.socket:
    """Return a connection that another process has put into this one.

    Raises:
        OSError: there is none.
        ValueError: that describes none.

    """
    if sys.platform == "win32":
        return socket.fromshare(described)
    raise OSError("sockets are shared on Windows only")


class PipeRegistration:
    """An agent's place with the porter.

    Attributes:
        ports: that the porter looks after.

    """

    def __init__(
        self,
        pipe: PipeToPorter,
        ports: frozenset[int],
        find: Callable[[bytes], socket.socket],
    ) -> None:
        """Begin with a porter that has greeted.

        Args:
            pipe: to it; closed with this object.
            ports: that it named.
            find: finds the connection that it described.

        """
        self.ports = ports
        self._pipe = pipe
        self._find = find

    def ready(self) -> None:
        """Say that the next connection may come: at the beginning, and for each that was taken."""
        with suppress(OSError):  # who is gone is noticed by whoever waits for a connection
            self._pipe.send(READY)

    def next(self) -> socket.socket | None:
        """Wait for the next connection; None once the porter, or this object, has left."""
        try:
            packet = self._pipe.receive(MAX_SHARED, None)
            if not packet.startswith(CONNECTION):
                return None
            connection = self._find(packet.removeprefix(CONNECTION))
        except (OSError, ValueError):
            return None
        if is_fit(connection, self.ports):
            connection.setblocking(False)
            return connection
        connection.close()
        return None

    def end(self) -> None:
        """Leave; who waits for a connection gets none. May be called from any thread."""
        self._pipe.end()

    def close(self) -> None:
        """Close the pipe, when nobody waits for a connection any more."""
        self._pipe.close()


class PipePlace:
    """The pipe of a porter, or of none."""

    def __init__(
        self,
        name: str = PIPE,
        knock: Callable[[str, float], PipeToPorter] = AgentPipe.open,
        look: Callable[[str], bool] = agent_pipe.is_there,
        find: Callable[[bytes], socket.socket] = found_again,
    ) -> None:
        """Say where it is, or would be.

        Args:
            name: of the pipe.
            knock: opens it, within so many seconds.
            look: tells whether there is one.
            find: finds the connections that the porter describes.

        """
        self._name = name
        self._knock = knock
        self._look = look
        self._find = find

    def register(self) -> PipeRegistration:
        """Knock, and hear the greeting; blocks for four seconds at most.

        Raises:
            NoPorterError: nobody answers there who may.

        """
        try:
            pipe = self._knock(self._name, SECONDS)
        except OSError as error:
            raise NoPorterError(str(error)) from error
        try:
            return PipeRegistration(pipe, _hear_greeting(pipe), self._find)
        except (OSError, ValueError) as error:
            pipe.close()
            raise NoPorterError(str(error)) from error

    def is_there(self) -> bool:
        """Return whether something is where a porter answers, without knocking."""
        return self._look(self._name)


def _hear_greeting(pipe: PipeToPorter) -> frozenset[int]:
    """Return the ports that the porter names.

    Raises:
        OSError: it says nothing, or is no porter of this computer's administrator.
        ValueError: it speaks another version.

    """
    # Windows lets nobody but the system make something that the system owns.
    if pipe.owner() != SYSTEM:
        raise OSError("whoever made the pipe is not the system")
    return read_greeting(pipe.receive(MAX_GREETING, SECONDS))
