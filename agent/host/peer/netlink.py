"""Ask Linux for the owner of one TCP socket by its two ends: sock_diag(7).

``/proc/net/tcp`` makes the kernel walk all its sockets, which takes milliseconds.
"""

import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address
from typing import Any, Final

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_REQUEST: Final = 1  # NLM_F_REQUEST; without NLM_F_DUMP it is about one socket
_ANY_STATE: Final = 0xFFFFFFFF
_NO_COOKIE: Final = b"\xff" * 8
_HEADER: Final = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_WANTED: Final = struct.Struct("=BBBBI")  # inet_diag_req_v2: family, protocol, 2 more, states
_ENDS: Final = struct.Struct("=2s2s16s16sI8s")  # inet_diag_sockid: ports, addresses, if, cookie
_STATE: Final = struct.Struct("=xB2x")  # inet_diag_msg: its first four octets
_LISTENS: Final = 10  # TCP_LISTEN
_FACTS: Final = struct.Struct("=4xIIIII")  # inet_diag_msg: expires, two queues, uid, inode
_MAX_ANSWER: Final = 8192
_SECONDS: Final = 2.0


def owner(peer: Sequence[Any], local: Sequence[Any]) -> int | None:
    """Return the user id of the peer's socket; None if it has lost its process, or is gone.

    Where the socket is gone and another one listens on its port, the kernel tells of that one,
    which may be another user's.

    Args:
        peer: the socket's own address: host and port.
        local: what it is connected to.

    Raises:
        OSError: the kernel does not know it, or has no sock_diag.
        ValueError: an address is malformed.

    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(_SECONDS)
        kernel.send(_request(peer, local))
        return read_answer(kernel.recv(_MAX_ANSWER))


def _request(peer: Sequence[Any], local: Sequence[Any]) -> bytes:
    first, second = ip_address(str(peer[0])), ip_address(str(local[0]))
    family = socket.AF_INET if isinstance(first, IPv4Address) else socket.AF_INET6
    ports = [struct.pack("!H", end[1]) for end in (peer, local)]
    ends = _ENDS.pack(*ports, first.packed, second.packed, 0, _NO_COOKIE)
    wanted = _WANTED.pack(family, socket.IPPROTO_TCP, 0, 0, _ANY_STATE)
    size = _HEADER.size + len(wanted) + len(ends)
    return _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0) + wanted + ends


def read_answer(answer: bytes) -> int | None:
    """Read the user id out of one netlink message.

    Raises:
        OSError: it is an error message, or malformed.

    """
    try:
        _, kind, _, _, _ = _HEADER.unpack_from(answer)
        if kind != _SOCK_DIAG_BY_FAMILY:
            raise OSError("sock_diag knows no such socket")
        (state,) = _STATE.unpack_from(answer, _HEADER.size)
        _, _, _, user, inode = _FACTS.unpack_from(answer, _HEADER.size + _ENDS.size)
    except struct.error as error:
        raise OSError("a short answer of sock_diag") from error
    return user if inode and state != _LISTENS else None
