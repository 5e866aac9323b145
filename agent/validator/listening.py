"""Listening sockets, opened by the supervisor and inherited by its workers.

A TCP port has a socket for each worker (``SO_REUSEPORT``), so that the kernel shares connections
out; a Unix socket is one for all. A worker that died leaves its socket to its successor: whoever
was waiting in it is served.
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


def open_sockets(
    addresses: Sequence[ListenAddress], workers: int, mode: int
) -> list[list[socket.socket]]:
    """Listen; return the sockets of each worker.

    Args:
        addresses: where.
        workers: how many.
        mode: of Unix sockets.

    Raises:
        ServiceConfigError: an address cannot be used.

    """
    found: list[list[socket.socket]] = [[] for _ in range(workers)]
    for address in addresses:
        try:
            if isinstance(address, UnixAddress):
                shared = _listen_unix(address.path, mode)
                opened = [shared] * workers
            else:
                opened = _listen_tcp(address, workers)
        except OSError as error:
            close_sockets(found)
            raise ServiceConfigError(f"listen: {address}: {error.strerror or error}") from error
        for sockets, sock in zip(found, opened, strict=True):
            sock.setblocking(False)
            sockets.append(sock)
    return found


def address_of(sock: socket.socket) -> str:
    """Return where a socket listens, as the configuration writes it."""
    name = sock.getsockname()
    if isinstance(name, str):
        return str(UnixAddress(Path(name)))
    return str(TcpAddress(name[0], name[1]))


def _listen_tcp(address: TcpAddress, workers: int) -> list[socket.socket]:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # Who listens there already is seen only by a socket that does not share.
    with socket.create_server((address.host, address.port), family=family) as alone:
        port = alone.getsockname()[1]
    where = (address.host, port)
    if not hasattr(socket, "SO_REUSEPORT"):
        return [socket.create_server(where, family=family, backlog=_BACKLOG)] * workers
    return [
        socket.create_server(where, family=family, backlog=_BACKLOG, reuse_port=True)
        for _ in range(workers)
    ]


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


def close_sockets(workers: Sequence[Sequence[socket.socket]]) -> None:
    """Close the sockets of all workers; one may be several's."""
    for sockets in workers:
        for sock in sockets:
            sock.close()


def remove_sockets(addresses: Sequence[ListenAddress]) -> None:
    """Remove the files of Unix sockets."""
    for address in addresses:
        if isinstance(address, UnixAddress):
            with suppress(OSError):
                address.path.unlink()
