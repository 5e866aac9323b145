"""Name the program, or the user, that holds a port which the agent wanted, if the system tells."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.harmless import has_content, shortened
from agent.words import SOURCE, Language, say

SUPERUSER: Final = "root"
"""Whose programs are the system's own, not a person's who signs out."""
_MAX_NAME: Final = 64  # characters
_LISTEN: Final = "0A"  # TCP_LISTEN, linux/include/net/tcp_states.h
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class PortOwner:
    """Who listens on a port, as far as the system tells.

    Attributes:
        program: the name of the program, fit to be shown; None where the system does not tell.
        pid: its process; likewise.
        user: the name of the user whose program it is, when that is not this user.
        is_ours: whether it is this user's; None where that is not known either.

    """

    program: str | None = None
    pid: int | None = None
    user: str | None = None
    is_ours: bool | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is anything to be said of it."""
        return self.is_ours is not None or self.pid is not None

    def words(self, language: Language) -> str:
        """Name it in a few words that stand after a colon.

        Args:
            language: of the words.

        """
        if not self.is_known:
            return say(language, "holder.unknown", {})
        what = "some" if self.pid is None else "process" if self.program is None else "program"
        whose = "of" if self.user is not None else "others" if self.is_ours is False else "own"
        facts = {"program": self.program, "pid": self.pid, "user": self.user}
        return say(language, f"holder.{what}_{whose}", facts)


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
    if not listening:
        return PortOwner()  # none any more, or none that is shown
    strangers = sorted(set(listening.values()) - {_own_uid()})
    user = _user_name(strangers[0]) if strangers else None
    wanted = {f"socket:[{inode}]" for inode in listening}
    for process in _processes(proc):
        if wanted & set(_open_files(process)):
            return PortOwner(_name(process), int(process.name), user, is_ours=user is None)
    return PortOwner(user=user, is_ours=user is None)


def describe_owner(port: int, proc: Path = _PROC) -> str | None:
    """Name the program that listens on a TCP port, or its user.

    Args:
        port: 1 to 65535.
        proc: where Linux shows its processes (proc(5)).

    Returns:
        A few words of English; None where the system tells nothing.

    """
    owner = find_owner(port, proc)
    return owner.words(SOURCE) if owner.is_known else None


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

        return shortened(pwd.getpwuid(number).pw_name, _MAX_NAME)
    return str(number)


def _processes(proc: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (each for each in proc.iterdir() if each.name.isdigit())


def _open_files(process: Path) -> Iterator[str]:
    with suppress(OSError):
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(file.readlink())


def _name(process: Path) -> str | None:
    try:
        name = (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return None  # it has ended by now
    return program_name(name)


def program_name(name: str) -> str | None:
    """Make a name that a program gave itself fit to be shown; None where nothing is left."""
    return shortened(name, _MAX_NAME) if has_content(name) else None
