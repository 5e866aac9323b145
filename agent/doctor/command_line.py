"""The commands that the doctor tells people to type: they work as they stand."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.host.machine.paths import Paths

_NAME: Final = "ankong"


def command_line(paths: Paths, *words: str) -> str:
    """Return the command that gives ``words`` to the program that runs, quoted for a shell.

    Args:
        paths: of the files that it is about; the usual folder is not mentioned.
        words: the command and its options.

    """
    command = [*_program(), *words]
    if paths != Paths.choose():
        command += ["--state-dir", str(paths.state)]
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def _program() -> Sequence[str]:
    own = Path(sys.executable)
    found = shutil.which(_NAME)
    if getattr(sys, "frozen", False):
        program = own.with_name("ankong.exe") if sys.platform == "win32" else own
        is_found = found is not None and Path(found).resolve() == program.resolve()
        return (_NAME,) if is_found else (str(program),)
    if found is not None and Path(found).parent == own.parent:
        return (_NAME,)
    return str(own), "-P", "-m", "tray"
