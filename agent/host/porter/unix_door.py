"""One registered agent on Linux, as the porter sees it: a Unix socket, and what is in it."""

import fcntl
import os
import socket
import stat
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.host.porter.lookout import Lookout
from agent.host.porter.porter_wire import CONNECTION, MAX_ANSWER, READY

BACKLOG: Final = 64
_OUTQ: Final = 0x5411  # SIOCOUTQ, of linux/sockios.h
_EVERYBODY: Final = 0o666
_ENTERED_BY_ALL: Final = 0o755


class UnfitFolderError(OSError):
    """Others than the porter could put something in the place of its socket."""


def open_registry(path: Path) -> socket.socket:
    """Listen where agents register; the folder is there, or is made.

    Raises:
        UnfitFolderError: others can change what is in the folder, or a porter is there already.
        OSError: the system refuses.

    """
    with suppress(FileExistsError):
        path.parent.mkdir(mode=_ENTERED_BY_ALL)
        path.parent.chmod(_ENTERED_BY_ALL)  # whatever the umask is
    found = path.parent.lstat()
    if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise UnfitFolderError(f"{path.parent} has to be this user's folder, and nobody else's")
    registry = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        _clear(path)
        registry.bind(str(path))
        path.chmod(_EVERYBODY)
        registry.listen(BACKLOG)
        registry.setblocking(False)
    except OSError:
        registry.close()
        raise
    return registry


def _clear(path: Path) -> None:
    """Remove the socket of a porter that ended without doing so."""
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise UnfitFolderError(f"{path} is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise UnfitFolderError(f"another porter answers at {path}")
    path.unlink()


class UnixDoor:
    """An agent at the other end of a Unix socket.

    Attributes:
        channel: to it, not blocking.
        user: whose it is: the kernel says so, not the agent.
        is_open: whether it has said that it takes connections.
        holds: the connection that it was given and has not taken yet; None for none.

    """

    def __init__(self, channel: socket.socket, user: int) -> None:
        """Begin with an agent that has said nothing; ``channel`` is closed with this object."""
        channel.setblocking(False)
        self.channel = channel
        self.user = user
        self.is_open = False
        self.holds: socket.socket | None = None

    @property
    def unread(self) -> int:
        """How much is in the socket that nobody has read, as the kernel counts it.

        A descriptor in there counts against the porter's own limit, whoever lets it lie there,
        and even after the socket was shut: only the kernel's word is taken for its end.
        """
        answer = fcntl.ioctl(self.channel, _OUTQ, bytes(struct.calcsize("i")))
        return int.from_bytes(answer, sys.byteorder)

    def watch(self, lookout: Lookout, heard: Callable[[], object]) -> None:
        """Have ``heard`` called whenever the agent says something, or leaves."""
        lookout.watch(self.channel, heard)

    def unwatch(self, lookout: Lookout) -> None:
        """Undo :meth:`watch`."""
        lookout.forget(self.channel)

    def say(self, packet: bytes) -> bool:
        """Send a packet; return whether there was room for it."""
        with suppress(OSError):
            return self.channel.send(packet, socket.MSG_NOSIGNAL) == len(packet)
        return False

    def hand(self, connection: socket.socket) -> bool:
        """Give the agent a connection, which stays open here; return whether it went off."""
        try:
            packet, descriptors = [CONNECTION], [connection.fileno()]
            socket.send_fds(self.channel, packet, descriptors, socket.MSG_NOSIGNAL)
        except OSError:
            return False
        self.holds = connection
        return True

    def hear(self) -> bytes | None:
        """Return the agent's next packet, empty when it has left; None where there is none."""
        try:
            return self.channel.recv(MAX_ANSWER)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def is_ready(self, answer: bytes) -> bool:
        """Return whether an answer says that all was read, and the kernel says so too."""
        return answer == READY and self.unread == 0

    def let_go(self) -> None:
        """Close our end of the connection that the agent has by now."""
        held, self.holds = self.holds, None
        if held is not None:
            held.close()

    def shut(self) -> None:
        """Tell the agent that this is over, and hear no more of it."""
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close our end of the socket."""
        self.channel.close()
