"""One wizard at a time for each user and installation, be it installing, repairing or removing.

The lock is a name in the kernel's own list (unix(7), "abstract"), so that nothing lies on the disk
and it ends with its process, however that ends.
"""

import errno
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

_CREDENTIALS = struct.Struct("3i")  # process, user, group: SO_PEERCRED, socket(7)
_TRIES = 5
_WAIT_SECONDS = 0.05  # between a wizard's taking the name and its listening


class AlreadyOpenError(Exception):
    """Another wizard of this user is at work on the same installation."""


@contextmanager
def only_one(program: Path) -> Iterator[None]:
    """Hold the lock while the block runs.

    A program of somebody else that holds the name keeps nobody from installing.

    Args:
        program: the folder of the installation.

    Raises:
        AlreadyOpenError: another wizard of this user holds it.

    """
    name = lock_name(program)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as held:
        try:
            held.bind(name)
            held.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and _is_held_by_us(name):
                raise AlreadyOpenError from error
        yield


def lock_name(program: Path) -> str:
    """Return the name of the lock, for this user and a program's folder."""
    digest = sha256(os.fsencode(program)).hexdigest()[:16]
    return f"\0ankong-wizard-{os.getuid()}-{digest}"


def _is_held_by_us(name: str) -> bool:
    for _ in range(_TRIES):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(_WAIT_SECONDS)
            try:
                asking.connect(name)
            except BlockingIOError:  # it listens, and others wait to be heard
                return True
            except OSError:
                time.sleep(_WAIT_SECONDS)
                continue
            told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            return bool(_CREDENTIALS.unpack(told)[1] == os.getuid())
    return False
