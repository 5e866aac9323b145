"""What trust stores and autostart need of the computer: folders, tools, rights."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.host.tls.browsers import Browsers

TIMEOUT: Final = 60.0  # seconds; refreshing a system store takes a few
FAILED_TO_RUN: Final = 127  # as a shell has it


@dataclass(frozen=True, slots=True)
class Completed:
    """How a tool ended.

    Attributes:
        status: 0 when it did its work.
        output: its standard output.
        complaint: the last line of its standard error.

    """

    status: int
    output: bytes = b""
    complaint: str = ""


Runner = Callable[[Sequence[str]], Completed]


def run(command: Sequence[str]) -> Completed:
    """Run a tool with nothing to read and no terminal to ask at; never raises.

    Args:
        command: the program's path and its arguments; no shell is involved.

    """
    try:
        done = subprocess.run(  # noqa: S603  # a tool found on the PATH, no shell
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=TIMEOUT,
            start_new_session=os.name == "posix",  # certutil asks passwords of the terminal
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Completed(FAILED_TO_RUN, b"", str(error))
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return Completed(done.returncode, done.stdout, lines[-1] if lines else "")


def _is_administrator() -> bool:
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only

        return bool(ctypes.windll.shell32.IsUserAnAdmin())  # with all rights, not only by name
    return os.geteuid() == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """This computer; tests describe others.

    Attributes:
        home: the citizen's home folder.
        root: where absolute paths of the system begin.
        platform: as ``sys.platform`` has it: linux, win32, darwin.
        administrator: whether the stores of all users may be changed.
        find: returns a tool's path; None where it is not installed.
        run: runs one.
        environment: for the variables that move folders.
        browsers: those that the citizen is running.

    """

    home: Path = field(default_factory=Path.home)
    root: Path = Path("/")
    platform: str = sys.platform
    administrator: bool = field(default_factory=_is_administrator)
    find: Callable[[str], str | None] = shutil.which
    run: Runner = run
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    browsers: Browsers = field(default_factory=Browsers)

    def system_path(self, path: str) -> Path:
        """Return an absolute POSIX path of the system below :attr:`root`."""
        return self.root / path.lstrip("/")
