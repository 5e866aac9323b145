"""Show a file where it is, in the file manager of this system."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

_ON_MACOS = "/usr/bin/open"


def can_reveal(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether a file manager could open a window here, as far as that is known."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def reveal(file: Path) -> bool:
    """Open the folder of a file, which is marked there where the system can do so.

    Args:
        file: an absolute path that this process chose itself.

    Returns:
        Whether a file manager was started.

    """
    if not file.is_absolute() or not can_reveal():
        return False
    try:
        started = subprocess.Popen(  # noqa: S603  # our own words, and a path of ours
            command(file, sys.platform),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    # It may stay for as long as its window does, and nobody else takes note of its end.
    threading.Thread(target=started.wait, name="file manager", daemon=True).start()
    return True


def command(file: Path, platform: str) -> list[str] | str:
    """Return what a platform, as ``sys.platform`` calls it, starts; never a shell.

    On Windows it is a text: Explorer wants the quotation marks around the path alone, and no path
    there has any in it.
    """
    if platform == "win32":
        return f'explorer.exe /select,"{file}"'
    if platform == "darwin":
        return [_ON_MACOS, "-R", str(file)]
    return ["xdg-open", str(file.parent)]
