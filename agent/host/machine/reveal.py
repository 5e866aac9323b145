"""Show a file where it is, in the file manager of this system; no shell is involved."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from agent.host.machine.umask import users_own_mask
from agent.host.tls.machine import Machine

_ON_MACOS: Final = "/usr/bin/open"
_SERVICE: Final = "org.freedesktop.FileManager1"
"""File Manager D-Bus Interface Specification."""


def can_reveal(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a file manager could open a window here, as far as that is known."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def reveal(file: Path, machine: Machine | None = None) -> bool:
    """Open the folder of a file, which is marked there where the system can do so.

    Args:
        file: an absolute path that this process chose itself.
        machine: this computer.

    Returns:
        Whether a file manager was started, or took it.

    """
    machine = machine or Machine()
    if not file.is_absolute() or not can_reveal():
        return False
    if machine.platform == "linux" and is_shown_by_service(file, machine):
        return True
    apart: dict[str, Any] = {"start_new_session": True} if os.name == "posix" else {}
    try:
        with users_own_mask():
            started = subprocess.Popen(  # noqa: S603  # our own words, and a path of ours
                command(file, machine.platform),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **apart,
            )
    except OSError:
        return False
    # It may stay for as long as its window does, and nobody else takes note of its end.
    threading.Thread(target=started.wait, name="file manager", daemon=True).start()
    return True


def command(file: Path, platform: str, environ: Mapping[str, str] = os.environ) -> list[str] | str:
    """Return what a platform, as ``sys.platform`` calls it, starts; never a shell.

    On Windows it is a text: Explorer wants the quotation marks around the path alone, and no path
    there has any in it.
    """
    if platform == "win32":
        # By its place: Windows looks in the folder that we run in before it looks in its own.
        windows = environ.get("SystemRoot") or r"C:\Windows"
        return f'"{windows}\\explorer.exe" /select,"{file}"'
    if platform == "darwin":
        return [_ON_MACOS, "-R", str(file)]
    return ["xdg-open", str(file.parent)]


def is_shown_by_service(file: Path, machine: Machine) -> bool:
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
