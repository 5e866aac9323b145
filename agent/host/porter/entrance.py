"""What every system's porter is made of: where agents register, and the doors that come of it."""

import socket
from collections.abc import Callable
from typing import Protocol

from agent.host.porter.doors import OfUser
from agent.host.porter.lookout import Lookout


class AgentDoor(OfUser, Protocol):
    """One registered agent, as the porter sees it.

    Attributes:
        is_open: whether it has said that it takes connections.
        holds: the connection that it was given and has not taken yet; None for none.

    """

    is_open: bool
    holds: socket.socket | None

    @property
    def unread(self) -> int:
        """How much was said that the agent has not read; the system counts it, not the agent."""

    def watch(self, lookout: Lookout, heard: Callable[[], object]) -> None:
        """Have ``heard`` called from the lookout whenever the agent says something, or leaves."""

    def unwatch(self, lookout: Lookout) -> None:
        """Undo :meth:`watch`."""

    def say(self, packet: bytes) -> bool:
        """Send a packet, without waiting; return whether it went off."""

    def hand(self, connection: socket.socket) -> bool:
        """Give the agent a connection, which stays open here; return whether it went off."""

    def hear(self) -> bytes | None:
        """Return the agent's next packet, empty when it has left; None where there is none."""

    def is_ready(self, answer: bytes) -> bool:
        """Return whether an answer says that all was read, and the system says so too."""

    def let_go(self) -> None:
        """Close our end of the connection that the agent has by now."""

    def shut(self) -> None:
        """Tell the agent that this is over, and hear no more of it."""

    def close(self) -> None:
        """Leave nothing of it behind."""


class Entrance(Protocol):
    """Where agents register."""

    def open(self, lookout: Lookout, came: Callable[[AgentDoor], object]) -> None:
        """Have ``came`` called from the lookout with each agent that comes, and its user known."""

    def close(self) -> None:
        """Let nobody in any more; doors stay as they are."""
