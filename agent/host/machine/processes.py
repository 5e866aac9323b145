"""This user's running programs, as Linux tells them in ``/proc``; elsewhere none are known.

proc(5). A process may end while it is looked at: then it is as if it had never been there.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_MAX_READ: Final = 256 * 1024  # bytes; a command line may be 2 MiB, and its end tells nothing here
# proc_pid_stat(5): the name stands in parentheses and may hold some itself; field 22 is the start.
_START_AFTER_NAME: Final = 19
_STATE_AFTER_NAME: Final = 0
_ENDED: Final = frozenset({"Z", "X", "x"})  # a zombie has closed all its files


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """One process; the two numbers together name it until the computer is switched off.

    Attributes:
        pid: its number.
        started: when, in the kernel's ticks since it was started itself.

    """

    pid: int
    started: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessTable:
    """The processes of one user.

    Attributes:
        proc: where the kernel shows them.
        user: whose; None for this process's.

    """

    proc: Path = Path("/proc")
    user: int | None = field(default_factory=lambda: os.geteuid() if os.name == "posix" else None)

    def pids(self) -> frozenset[int]:
        """Return the numbers of all processes there are, of whomever; the cheapest look."""
        if not sys.platform.startswith("linux"):
            return frozenset()
        try:
            return frozenset(
                int(each.name) for each in self.proc.iterdir() if each.name.isdecimal()
            )
        except OSError:
            return frozenset()

    def boot(self) -> str:
        """Return the name of this run of the kernel; empty where it tells none."""
        return (
            self._read(self.proc / "sys/kernel/random/boot_id").decode("ascii", "replace").strip()
        )

    def read(self, pid: int) -> RunningProcess | None:
        """Return a running process of the user; None for another's and one that has ended."""
        try:
            if self.user is not None and (self.proc / str(pid)).stat().st_uid != self.user:
                return None
        except OSError:
            return None
        text = self._read(self.proc / str(pid) / "stat").decode("utf-8", "replace")
        fields = text.rpartition(")")[2].split()
        if len(fields) <= _START_AFTER_NAME or fields[_STATE_AFTER_NAME] in _ENDED:
            return None
        started = fields[_START_AFTER_NAME]
        return RunningProcess(pid, int(started)) if started.isdecimal() else None

    def is_running(self, process: RunningProcess) -> bool:
        """Return whether it has not ended; another one with its number does not count."""
        return self.read(process.pid) == process

    def program(self, pid: int) -> str:
        """Return the path of the program's file; empty where it may not be known."""
        try:
            found = (self.proc / str(pid) / "exe").readlink()
            return str(found).removesuffix(" (deleted)")  # an update has replaced it
        except OSError:
            return ""

    def arguments(self, pid: int) -> list[str]:
        """Return its command line; empty where it may not be known."""
        # Chromium's processes write theirs anew, with spaces between the words.
        raw = self._read(self.proc / str(pid) / "cmdline").rstrip(b"\0")
        return os.fsdecode(raw).split("\0") if raw else []

    def has_open(self, pid: int, file: os.stat_result) -> bool | None:
        """Return whether it has that file open; None where that may not be known."""
        try:
            return any(
                (found.st_dev, found.st_ino) == (file.st_dev, file.st_ino)
                for found in self._open_files(pid)
            )
        except OSError:
            return None

    def _open_files(self, pid: int) -> Iterator[os.stat_result]:
        for each in (self.proc / str(pid) / "fd").iterdir():
            try:
                yield each.stat()
            except OSError:
                continue

    @staticmethod
    def _read(path: Path) -> bytes:
        try:
            with path.open("rb") as opened:
                return opened.read(_MAX_READ)
        except OSError:
            return b""
