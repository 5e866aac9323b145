"""Listening sockets, opened by the supervisor and inherited by all of its workers.

Whichever worker is free takes the next connection; so nobody waits for one that is busy or has
died, as they would if the kernel shared connections out (``SO_REUSEPORT``).
"""

import os
import socket
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.validator.config import ListenAddress, ServiceConfigError, TcpAddress, UnixAddress

_BACKLOG: Final = 128


def open_sockets(addresses: Sequence[ListenAddress], mode: int) -> list[socket.socket]:
    """Listen at each address.

    Args:
        addresses: where.
        mode: of Unix sockets.

    Raises:
        ServiceConfigError: an address cannot be used.

    """
    found: list[socket.socket] = []
    for address in addresses:
        try:
            if isinstance(address, UnixAddress):
                found.append(_listen_unix(address.path, mode))
            else:
                found.append(_listen_tcp(address))
        except OSError as error:
            close_sockets(found)
            raise ServiceConfigError(f"listen: {address}: {error.strerror or error}") from error
        found[-1].setblocking(False)
    return found


def address_of(sock: socket.socket) -> str:
    """Return where a socket listens, as the configuration writes it."""
    name = sock.getsockname()
    if isinstance(name, str):
        return str(UnixAddress(Path(name)))
    return str(TcpAddress(name[0], name[1]))


def _listen_tcp(address: TcpAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)


def _listen_unix(path: Path, mode: int) -> socket.socket:
    _remove_leftover(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~mode)  # it is never open to more than it is to be
    try:
        sock.bind(str(path))
    finally:
        os.umask(before)
    path.chmod(mode)
    sock.listen(_BACKLOG)
    return sock


def _remove_leftover(path: Path) -> None:
    """Remove the socket of a run that did not end well.

    Raises:
        OSError: something else is there, or somebody listens.

    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is there, and no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError(f"somebody listens at {path}")


def close_sockets(sockets: Sequence[socket.socket]) -> None:
    """Close all of them."""
    for sock in sockets:
        sock.close()


def remove_sockets(addresses: Sequence[ListenAddress]) -> None:
    """Remove the files of Unix sockets."""
    for address in addresses:
        if isinstance(address, UnixAddress):
            with suppress(OSError):
                address.path.unlink()
