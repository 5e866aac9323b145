"""Listening sockets: loopback only, both families, never a wildcard, never half a port."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from agent.errors import AgentError, ErrorCode

BACKLOG: Final = 128
ATTEMPTS: Final = 16  # at a port that is free in both families, when any will do


class PortTakenError(AgentError):
    """Another program listens where we wanted to."""

    code = ErrorCode.BUSY


def listen(ports: Sequence[int]) -> list[socket.socket]:
    """Listen on 127.0.0.1 and, where there is IPv6, on ::1, on the first port free on both.

    A browser resolves ``localhost`` to either: a port of which another program holds one half
    would send it half of our pages.

    Args:
        ports: to try in turn; 0 stands for any.

    Raises:
        PortTakenError: none of them is free.

    """
    for port in ports:
        for _ in range(ATTEMPTS if port == 0 else 1):
            found = _listen_on(port)
            if found:
                return found
    raise PortTakenError(f"another program listens on port {', '.join(map(str, ports))}")


def _listen_on(port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        sockets.append(_bind(socket.AF_INET, "127.0.0.1", port))
        port = sockets[0].getsockname()[1]
        if _has_ipv6():
            sockets.append(_bind(socket.AF_INET6, "::1", port))
    except OSError:
        for each in sockets:
            each.close()
        return []
    return sockets


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # A connection of our last run may linger in TIME_WAIT; POSIX still refuses a listener.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            # On Windows the same option would let another program listen beside us.
            bound.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", -5), 1)
        if family is socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _has_ipv6() -> bool:
    """Return whether ::1 exists here, by binding any port of it."""
    if not socket.has_ipv6:
        return False
    with suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False
