"""Find out whether the other end of a local connection belongs to this user or to another.

Loopback keeps other computers out, not other people who are logged in to this one. The kernel
knows to whom each socket belongs: on Linux by sock_diag(7), else by ``/proc/net/tcp``, proc(5).
"""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final, TypeAlias

from agent.host.peer import netlink as peer_netlink
from agent.host.peer.windows import WindowsPeers, open_system
from agent.seldom import SeldomLog

Address: TypeAlias = Sequence[Any]
"""As ``socket.getpeername`` gives it: host, port, and for IPv6 two more."""
PeerCheck: TypeAlias = Callable[[Address, Address], bool | None]
"""Given the peer's address and ours, tells whether the peer is this user's; may block shortly.

None where the peer is gone, and so whose it was.
"""

_TABLES: Final = Path("/proc/net")
_log = SeldomLog(__name__)


def check_for(platform: str = sys.platform) -> PeerCheck | None:
    """Return the check of this system; None where the system does not tell (macOS)."""
    if platform == "linux":
        return LinuxPeers(os.geteuid()).is_ours
    if platform == "win32":
        return WindowsPeers(open_system()).is_ours
    return None


class LinuxPeers:
    """Ask the kernel for one socket's user; read its whole table where it does not answer."""

    def __init__(
        self,
        user: int,
        tables: Path = _TABLES,
        ask: Callable[[Address, Address], int | None] = peer_netlink.owner,
    ) -> None:
        """Look for sockets of ``user``, a numeric user id, by ``ask`` and then in ``tables``."""
        self._user = user
        self._tables = tables
        self._ask = ask

    def is_ours(self, peer: Address, local: Address) -> bool | None:
        """Return whether the other end belongs to the user.

        None where it is gone; False where the system does not tell.
        """
        try:
            owner = self.owner(peer, local)
        except (OSError, ValueError, IndexError) as error:
            _log.note("cannot tell whose a connection is", detail=str(error))
            return False
        return None if owner is None else owner == self._user

    def owner(self, peer: Address, local: Address) -> int | None:
        """Find the user id of the peer's socket; None if it is not here, or already closed.

        Raises:
            OSError: the table cannot be read.
            ValueError: an address is malformed.

        """
        with suppress(OSError):
            return self._ask(peer, local)
        if self._answers(local, peer):
            return None
        return self._read_owner(peer, local)

    def _answers(self, local: Address, peer: Address) -> bool:
        """Return whether the kernel tells of our own end, or of who listens where it was.

        Then it has sock_diag, and a peer that it does not know is gone. To look for each such peer
        in its tables would let anybody who hangs up at once hold up everybody else.
        """
        with suppress(OSError):
            self._ask(local, peer)
            return True
        return False

    def _read_owner(self, peer: Address, local: Address) -> int | None:
        for name, wanted in _spellings(peer, local):
            with suppress(FileNotFoundError):  # there is no tcp6 without IPv6
                _, found, rest = (self._tables / name).read_bytes().partition(wanted)
                if found:
                    # st, queues, timer, retransmits, uid, timeout, inode
                    columns = rest.partition(b"\n")[0].split()
                    orphan = columns[6] == b"0"  # its process is gone, and so is its user
                    return None if orphan else int(columns[4])
        return None


def _spellings(peer: Address, local: Address) -> list[tuple[str, bytes]]:
    """Return the tables to search and how both ends are written there, the peer's own first.

    A program may reach 127.0.0.1 with an IPv6 socket; it is then in the other table.
    """
    first, second = ip_address(str(peer[0])), ip_address(str(local[0]))
    found = []
    if isinstance(first, IPv4Address) and isinstance(second, IPv4Address):
        found.append(("tcp", b" %b %b " % (_hex(first, peer[1]), _hex(second, local[1]))))
    six = b" %b %b " % (_hex(_mapped(first), peer[1]), _hex(_mapped(second), local[1]))
    return [*found, ("tcp6", six)]


def _mapped(address: IPv4Address | IPv6Address) -> IPv6Address:
    """Return the IPv4-mapped form (RFC 4291 §2.5.5.2)."""
    if isinstance(address, IPv6Address):
        return address
    return IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)


def _hex(address: IPv4Address | IPv6Address, port: int) -> bytes:
    """Write an address as %08X words in the machine's byte order, and a port."""
    packed = address.packed
    words = [packed[index : index + 4] for index in range(0, len(packed), 4)]
    text = "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
    return f"{text}:{port:04X}".encode()
