"""Name the program that holds a port which the agent wanted, where the system tells."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.harmless import printable

_LISTEN: Final = "0A"  # TCP_LISTEN, linux/include/net/tcp_states.h
_PROC: Final = Path("/proc")


def describe_owner(port: int, proc: Path = _PROC) -> str | None:
    """Name the program that listens on a TCP port, such as ``node (pid 4711)``.

    Args:
        port: 1 to 65535.
        proc: where Linux shows its processes (proc(5)).

    Returns:
        None where the system does not tell: another system, or another user's program.

    """
    wanted = {f"socket:[{inode}]" for inode in _listening(port, proc)}
    if not wanted:
        return None
    for process in _processes(proc):
        if wanted & set(_open_files(process)):
            return f"{_name(process)} (pid {process.name})"
    return None


def _listening(port: int, proc: Path) -> Iterator[str]:
    """Find the inodes of listening sockets (proc_net_tcp: local address, state, inode)."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (proc / "net" / table).read_text("ascii", "replace").splitlines()[1:]:
                columns = line.split()
                if columns[3:4] == [_LISTEN] and columns[1].endswith(f":{port:04X}"):
                    yield from columns[9:10]


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
