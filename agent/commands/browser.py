"""Open an address in the user's browser."""

import os
import sys
import webbrowser
from typing import Final

from agent.host.machine.umask import users_own_mask

# Of webbrowser.open().
_AS_BROWSER_LIKES: Final = 0
_NEW_WINDOW: Final = 1


def open_address(address: str) -> bool:
    """Open an address in a browser window; return whether that worked."""
    return _open(address, _AS_BROWSER_LIKES)


def open_own_window(address: str) -> bool:
    """Open an address in a browser window of its own, where the browser takes that from others."""
    return _open(address, _NEW_WINDOW)


def _open(address: str, new: int) -> bool:
    if not can_open_browser():
        return False  # else a text browser might take over the terminal
    try:
        with users_own_mask():
            return webbrowser.open(address, new)
    except (webbrowser.Error, OSError):
        return False


def can_open_browser() -> bool:
    """Return whether a browser could open a window here, as far as that is known."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
