"""Name the program that holds a port which the agent wanted, where the system tells."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.harmless import printable

_LISTEN: Final = "0A"  # TCP_LISTEN, linux/include/net/tcp_states.h
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class PortOwner:
    """Who listens on a port.

    Attributes:
        program: such as ``node (pid 4711)``; None where the system does not tell.
        other_user: the name of the user whose program it is, when that is not this user.

    """

    program: str | None = None
    other_user: str | None = None


def find_owner(port: int, proc: Path = _PROC) -> PortOwner:
    """Find who listens on a TCP port; on macOS nothing is known.

    Args:
        port: 1 to 65535.
        proc: where Linux shows its processes (proc(5)).

    """
    if sys.platform == "win32":
        from agent.host.peer import windows_ports  # noqa: PLC0415  # it needs PortOwner

        return windows_ports.find_owner(port)
    listening = dict(_listening(port, proc))
    wanted = {f"socket:[{inode}]" for inode in listening}
    strangers = sorted(set(listening.values()) - {_own_uid()})
    other_user = _user_name(strangers[0]) if strangers else None
    if wanted:
        for process in _processes(proc):
            if wanted & set(_open_files(process)):
                return PortOwner(f"{_name(process)} (pid {process.name})", other_user)
    return PortOwner(None, other_user)


def describe_owner(port: int, proc: Path = _PROC) -> str | None:
    """Name the program that listens on a TCP port, and its user if that is another one.

    Args:
        port: 1 to 65535.
        proc: where Linux shows its processes (proc(5)).

    Returns:
        One line of English; None where the system does not tell.

    """
    owner = find_owner(port, proc)
    if owner.other_user is None:
        return owner.program
    user = f"another user of this computer, {owner.other_user}"
    return user if owner.program is None else f"{owner.program} of {user}"


def _listening(port: int, proc: Path) -> Iterator[tuple[str, int]]:
    """Find listening sockets, inode and user (proc_net_tcp: local address, state, uid, inode)."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (proc / "net" / table).read_text("ascii", "replace").splitlines()[1:]:
                columns = line.split()
                is_it = columns[3:4] == [_LISTEN] and columns[1].endswith(f":{port:04X}")
                if is_it and len(columns) > 9 and columns[7].isdigit():
                    yield columns[9], int(columns[7])


def _own_uid() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _user_name(number: int) -> str:
    with suppress(ImportError, KeyError):
        import pwd  # noqa: PLC0415  # POSIX only

        return printable(pwd.getpwuid(number).pw_name)
    return str(number)


def _processes(proc: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (each for each in proc.iterdir() if each.name.isdigit())


def _open_files(process: Path) -> Iterator[str]:
    with suppress(OSError):
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(file.readlink())


def _name(process: Path) -> str:
    try:
        name = (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "?"
    return printable(name)
