"""When a window is really seen: mapped on a display of ours, and drawn."""

import select
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

from Xlib import X
from Xlib.display import Display
from Xlib.error import BadWindow
from Xlib.xobject.drawable import Window

PATIENCE: Final = 60.0  # seconds for anything to appear
_LOOK_SECONDS: Final = 0.002  # between two looks at a window that is not drawn yet
# The least that a program with a window does; its class is its own, so that it is told from ours.
_BARE: Final = """
import tkinter
root = tkinter.Tk(className="Bare")
tkinter.Label(root, text="PIN").pack()
tkinter.Entry(root).pack()
root.mainloop()
"""


class NotSeenError(Exception):
    """What should have appeared did not."""


class WindowWatch:
    """Hears from an X server of each window that is mapped; no window manager may run there."""

    def __init__(self, display: str) -> None:
        """Connect to ``display``."""
        self._display = Display(display)
        self._display.screen().root.change_attributes(event_mask=X.SubstructureNotifyMask)
        self._display.sync()

    def wait(self, kind: str) -> float:
        """Wait for a window of this class to be drawn; return when, of ``time.perf_counter``.

        Raises:
            NotSeenError: there was none within a minute.

        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            while self._display.pending_events():
                event = self._display.next_event()
                if event.type == X.MapNotify and _class(event.window) == kind:
                    return _drawn(event.window, deadline)
            select.select([self._display.fileno()], [], [], 1.0)
        raise NotSeenError(kind)

    def time_bare(self, environment: Mapping[str, str]) -> float:
        """Open the smallest window in a fresh Python; return how long it took, in seconds."""
        start = time.perf_counter()
        command = [sys.executable, "-P", "-c", _BARE]
        with subprocess.Popen(command, env=environment) as process:
            try:
                return self.wait("Bare") - start
            finally:
                process.kill()

    def close(self) -> None:
        """Hang up."""
        self._display.close()


def _class(window: Window) -> str:
    try:
        found = window.get_wm_class()
    except BadWindow:  # it has gone already
        return ""
    return found[1] if found else ""


def _drawn(window: Window, deadline: float) -> float:
    """Wait until a window has more than one colour."""
    shape = window.get_geometry()
    while time.monotonic() < deadline:
        picture = window.get_image(0, 0, shape.width, shape.height, X.ZPixmap, 0xFFFFFFFF)
        seen = time.perf_counter()
        if picture.data != picture.data[:4] * (shape.width * shape.height):  # 32 bits a pixel
            return seen
        time.sleep(_LOOK_SECONDS)
    raise NotSeenError("a window stayed empty")
