"""The agent's side: register with the porter of this computer, and take what it hands over."""

import socket
import sys
from collections.abc import Container
from contextlib import suppress
from typing import Protocol


class NoPorterError(Exception):
    """None answers, or what answers is no porter of this computer's administrator."""


class Registration(Protocol):
    """An agent's place with the porter."""

    @property
    def ports(self) -> frozenset[int]:
        """The ports that the porter looks after."""

    def ready(self) -> None:
        """Say that the next connection may come: at the beginning, and for each that was taken."""

    def next(self) -> socket.socket | None:
        """Wait for the next connection; None once the porter, or this object, has left."""

    def end(self) -> None:
        """Leave; who waits for a connection gets none. May be called from any thread."""

    def close(self) -> None:
        """Let go of everything, when nobody waits for a connection any more."""


class PorterPlace(Protocol):
    """Where a porter answers, if there is one."""

    def register(self) -> Registration:
        """Knock, and hear the greeting; blocks for some seconds at most.

        Raises:
            NoPorterError: nobody answers there who may.

        """

    def is_there(self) -> bool:
        """Return, without knocking, whether something is where a porter answers."""


def usual_place(platform: str = sys.platform) -> PorterPlace | None:
    """Return where the porter of this computer answers; None where there are no porters."""
    if platform == "linux":
        from agent.host.porter.porter_wire import REGISTRY  # noqa: PLC0415  # Linux only
        from agent.host.porter.unix_registering import UnixPlace  # noqa: PLC0415  # likewise

        return UnixPlace(REGISTRY)
    if platform == "win32":
        from agent.host.porter.pipe_registering import PipePlace  # noqa: PLC0415  # Windows only

        return PipePlace()
    return None


def is_fit(connection: socket.socket, ports: Container[int]) -> bool:
    """Return whether it is what a browser on this computer opens, to one of the porter's ports."""
    with suppress(OSError):
        families = {socket.AF_INET, socket.AF_INET6}
        is_tcp = connection.family in families and connection.type == socket.SOCK_STREAM
        return is_tcp and connection.getsockname()[1] in ports
    return False


def ports_of_porter(place: PorterPlace | None = None) -> frozenset[int]:
    """Return the ports that a porter of this computer holds; none where there is no porter.

    Args:
        place: where it answers; None for the usual one.

    """
    place = place or usual_place()
    if place is None:
        return frozenset()
    try:
        found = place.register()
    except NoPorterError:
        return frozenset()
    found.close()
    return found.ports
