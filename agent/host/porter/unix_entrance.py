"""Where agents register on Linux: a Unix socket, at whose other end the kernel knows who is."""

import socket
import time
from collections.abc import Callable
from typing import Final

from agent.host.porter.entrance import AgentDoor
from agent.host.porter.lookout import Lookout
from agent.host.porter.unix_door import UnixDoor
from agent.host.porter.users import UnknownUserError, user_of

_MAX_AT_ONCE: Final = 32  # before others have their turn
_PAUSE_SECONDS: Final = 0.2  # after the system could give us no descriptor


class UnixEntrance:
    """Lets agents in that are a person's (``SO_PEERCRED``, unix(7))."""

    def __init__(self, registry: socket.socket, person: Callable[[int], int]) -> None:
        """Let nobody in yet.

        Args:
            registry: listening, not blocking; closed with this object.
            person: returns a user who may have an agent, or raises an UnknownUserError.

        """
        self._registry = registry
        self._person = person

    def open(self, lookout: Lookout, came: Callable[[AgentDoor], object]) -> None:
        """Have ``came`` called with each agent that comes."""

        def accept() -> None:
            for _ in range(_MAX_AT_ONCE):
                try:
                    channel, _ = self._registry.accept()
                except (BlockingIOError, ConnectionError):
                    return
                except OSError:
                    time.sleep(_PAUSE_SECONDS)
                    return
                try:
                    user = self._person(user_of(channel))
                except (OSError, UnknownUserError):
                    channel.close()
                else:
                    came(UnixDoor(channel, user))

        lookout.watch(self._registry, accept)

    def close(self) -> None:
        """Close the socket; the lookout is closed with it, or before."""
        self._registry.close()
