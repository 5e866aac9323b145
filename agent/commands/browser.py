"""Open an address in the user's browser."""

import os
import sys
import webbrowser

from agent.host.machine.umask import users_own_mask


def open_address(address: str) -> bool:
    """Open an address in a browser window; return whether that worked."""
    if sys.platform not in ("win32", "darwin") and not _has_display():
        return False  # else a text browser might take over the terminal
    try:
        with users_own_mask():
            return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False


def _has_display() -> bool:
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
