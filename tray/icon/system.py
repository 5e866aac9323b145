"""Which icon belongs to this system."""

import sys

from tray.icon.backend import Backend, NoTrayError


def system_backend() -> Backend:
    """Choose this system's.

    Raises:
        NoTrayError: it has none.

    """
    if sys.platform in ("win32", "darwin"):
        from tray.icon.pystray_icon import PystrayIcon  # noqa: PLC0415  # not installed elsewhere

        return PystrayIcon()
    try:
        from tray.icon.status_notifier import StatusNotifier  # noqa: PLC0415  # likewise
    except ImportError as error:
        raise NoTrayError(str(error)) from error
    return StatusNotifier()
