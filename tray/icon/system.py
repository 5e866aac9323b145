"""Choose the icon's implementation for this system."""

import sys

from tray.icon.backend import Backend, NoTrayError


def system_backend() -> Backend:
    """Return a new backend for this system.

    Raises:
        NoTrayError: its library is not installed.

    """
    if sys.platform in ("win32", "darwin"):
        from tray.icon.pystray_icon import PystrayIcon  # noqa: PLC0415  # not installed elsewhere

        return PystrayIcon()
    try:
        from tray.icon.status_notifier import StatusNotifier  # noqa: PLC0415  # likewise
    except ImportError as error:
        raise NoTrayError(str(error)) from error
    return StatusNotifier()
