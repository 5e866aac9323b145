"""Keep a window out of screen captures and shared screens, where the system can.

Windows (10 of 2020 and later; before, such a window is black) and macOS can; X11 and Wayland leave
it to nobody's window. It is one more hindrance and no promise, so that a system that refuses is
asked no second time, and nobody is told.
"""

import ctypes
import ctypes.util
import sys
import tkinter as tk
from collections.abc import Callable
from typing import Any, Final

_WDA_MONITOR: Final = 0x01  # <winuser.h>: seen on a monitor only, black in captures
_WDA_EXCLUDEFROMCAPTURE: Final = 0x11  # not in captures at all
_SHARING_NONE: Final = 0  # NSWindowSharingNone, <AppKit/NSWindow.h>
_Send = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_SendNumber = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong)


def keep_out_of_captures(root: tk.Tk) -> None:
    """Ask the system to leave a window that is on the screen out of every picture of it."""
    try:
        ask = _WAYS.get(sys.platform)
        if ask is not None:
            ask(root)
    except (OSError, AttributeError, ValueError, tk.TclError):
        return  # an older system, or one that has it otherwise


def _ask_windows(root: tk.Tk) -> None:
    library: Any = ctypes.windll.user32  # type: ignore[attr-defined]  # where there is no Windows
    window = ctypes.c_void_p(int(root.wm_frame(), 16))  # the whole one, with its title
    if not library.SetWindowDisplayAffinity(window, ctypes.c_uint32(_WDA_EXCLUDEFROMCAPTURE)):
        library.SetWindowDisplayAffinity(window, ctypes.c_uint32(_WDA_MONITOR))


def _ask_macos(root: tk.Tk) -> None:
    """Speak to AppKit, which Tk has loaded, in the words of Objective-C."""
    del root  # all windows of this process are questions
    library = ctypes.CDLL(ctypes.util.find_library("objc"))
    library.objc_getClass.restype = library.sel_registerName.restype = ctypes.c_void_p
    # A processor passes arguments by a function's type, and a message has that of its method.
    send = ctypes.cast(library.objc_msgSend, _Send)
    send_number = ctypes.cast(library.objc_msgSend, _SendNumber)

    def named(selector: bytes) -> ctypes.c_void_p:
        return ctypes.c_void_p(library.sel_registerName(selector))

    application = send(
        ctypes.c_void_p(library.objc_getClass(b"NSApplication")), named(b"sharedApplication")
    )
    windows = send(application, named(b"windows"))
    for place in range(send(windows, named(b"count")) or 0):
        window = send_number(windows, named(b"objectAtIndex:"), place)
        send_number(window, named(b"setSharingType:"), _SHARING_NONE)


_WAYS: Final[dict[str, Callable[[tk.Tk], None]]] = {"win32": _ask_windows, "darwin": _ask_macos}
