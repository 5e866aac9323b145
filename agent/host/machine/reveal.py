"""Show a file in the system's file manager, chosen in its folder; no shell is involved."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from agent.host.machine.umask import users_own_mask
from agent.host.tls.machine import Machine

_SERVICE: Final = "org.freedesktop.FileManager1"
"""File Manager D-Bus Interface Specification."""
_STARTED: Final[list[subprocess.Popen[bytes]]] = []
"""File managers that were started here: nobody waits for them."""


def reveal(file: Path, machine: Machine | None = None) -> bool:
    """Open the folder of a file in the person's file manager; return whether one was asked to.

    Args:
        file: absolute.
        machine: this computer.

    """
    machine = machine or Machine()
    try:
        file.lstat()  # else a system's file manager would show something else
        if machine.platform == "linux" and _is_shown_by_service(file, machine):
            return True
        _start(revealing_command(file, machine))
    except OSError:
        return False
    return True


def revealing_command(file: Path, machine: Machine) -> Sequence[str] | str:
    """Return the command that shows a file; a line where the program wants one quoted its own way.

    Raises:
        FileNotFoundError: there is no such program.

    """
    if machine.platform == "win32":
        # A name has no quotation mark there, and Explorer takes a comma for the end of one without.
        folder = machine.environment.get("SystemRoot", r"C:\Windows")
        return f'"{folder}\\explorer.exe" /select,"{file}"'
    if machine.platform == "darwin":
        return "/usr/bin/open", "-R", "--", str(file)
    tool = machine.find("xdg-open")
    if tool is None:
        raise FileNotFoundError("xdg-open is not installed")
    return tool, str(file.parent)


def _is_shown_by_service(file: Path, machine: Machine) -> bool:
    """Return whether the desktop's file manager took the file, which it then also marks."""
    tool = machine.find("dbus-send")
    if tool is None or not machine.environment.get("DBUS_SESSION_BUS_ADDRESS"):
        return False
    # A comma would begin another file (dbus-send(1)); in an address it can be written otherwise.
    address = "file://" + quote(os.fsencode(file), safe="/")
    asked = machine.run(
        [
            *(tool, "--session", "--print-reply", "--reply-timeout=5000", f"--dest={_SERVICE}"),
            *("/org/freedesktop/FileManager1", f"{_SERVICE}.ShowItems"),
            *(f"array:string:{address}", "string:"),
        ]
    )
    return asked.status == 0


def _start(command: Sequence[str] | str) -> None:
    apart: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    _STARTED[:] = [each for each in _STARTED if each.poll() is None]
    with users_own_mask():
        started = subprocess.Popen(  # noqa: S603  # a program of the system, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **apart,
        )
    _STARTED.append(started)
