"""Which person of this computer a connection belongs to, where it is a person's at all."""

import re
import socket
import struct
from collections.abc import Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from agent.host.peer.check import LinuxPeers

Address: TypeAlias = Sequence[Any]
SUPERUSER: Final = 0
_OVERFLOW: Final = Path("/proc/sys/kernel/overflowuid")
_USUAL_OVERFLOW: Final = 65534
_CREDENTIALS: Final = struct.Struct("=iII")  # struct ucred: pid, uid, gid; unix(7)


_CONTAINERS: Final = Path("/etc/subuid")
_RANGE: Final = re.compile(r"^[^:\n]+:([0-9]{1,10}):([0-9]{1,10})$", re.MULTILINE)


class UnknownUserError(Exception):
    """The system does not say which person it is, or it is none: the superuser, a container."""


class Owners(Protocol):
    """Whose a connection is."""

    def whose(self, peer: Address, local: Address) -> Hashable | None:
        """Return whose the other end is, a person's; None where it is gone.

        Raises:
            UnknownUserError: no person's, or the system does not tell.

        """


class LinuxUsers:
    """Tells persons from the superuser, and from users that live in containers only."""

    def __init__(self, overflow: Path = _OVERFLOW, containers: Path = _CONTAINERS) -> None:
        """Learn which numbers stand for no person.

        Args:
            overflow: says which one has whoever is not known here, user_namespaces(7).
            containers: which ones people use for their containers, subuid(5); one person has
                thousands of them, and would have that many people's share.

        """
        number = _USUAL_OVERFLOW
        with suppress(OSError, ValueError):
            number = int(overflow.read_text("ascii"))
        self._nobody = frozenset({SUPERUSER, number})
        self._containers = containers
        self._read_at: int | None = None
        self._ranges: tuple[range, ...] = ()
        self._peers = LinuxPeers(number)

    def person(self, user: int) -> int:
        """Return a user who may have an agent.

        Raises:
            UnknownUserError: it is none.

        """
        if user in self._nobody or any(user in each for each in self._in_containers()):
            raise UnknownUserError(f"no person has the number {user}")
        return user

    def _in_containers(self) -> tuple[range, ...]:
        """Return the numbers of containers; the file is read again when it has changed."""
        with suppress(OSError):
            changed = self._containers.stat().st_mtime_ns
            if changed != self._read_at:
                text = self._containers.read_text("utf-8", "replace")
                found = map(_range, _RANGE.finditer(text))
                # A single number is a person whom an administrator lets into a container of root's.
                self._ranges = tuple(each for each in found if len(each) > 1)
                self._read_at = changed
        return self._ranges

    def whose(self, peer: Address, local: Address) -> int | None:
        """Return whose the other end of a connection is; None where it is gone.

        Raises:
            UnknownUserError: no person's, or the system does not tell.

        """
        try:
            owner = self._peers.owner(peer, local)
        except (OSError, ValueError, IndexError) as error:
            raise UnknownUserError(str(error)) from error
        return None if owner is None else self.person(owner)


def _range(found: re.Match[str]) -> range:
    first, count = map(int, found.groups())
    return range(first, first + count)


def user_of(channel: socket.socket) -> int:
    """Return who connected a Unix socket, or listens at its other end.

    Raises:
        OSError: the system does not tell.

    """
    packed = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(packed)[1]
    return user
