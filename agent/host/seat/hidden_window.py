"""A window of Windows that nobody sees and that hears what is told to windows alone (winuser.h)."""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_int,
    c_ssize_t,
    c_uint,
    c_uint32,
    c_void_p,
    c_wchar_p,
)
from typing import Final

from agent.host.machine.windows_libraries import load_libraries

_CLOSE: Final = 0x0010  # WM_CLOSE
_DESTROY: Final = 0x0002  # WM_DESTROY
_MESSAGE_ONLY: Final = -3  # HWND_MESSAGE: a parent that is on no screen
_CLASS_NAME: Final = "AnkongHidden"

_PROCEDURE = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)(
    c_ssize_t, c_void_p, c_uint, c_void_p, c_void_p
)


class _WindowClass(Structure):
    """WNDCLASSW."""

    _fields_ = (
        ("style", c_uint),
        ("procedure", _PROCEDURE),
        ("class_extra", c_int),
        ("window_extra", c_int),
        ("instance", c_void_p),
        ("icon", c_void_p),
        ("cursor", c_void_p),
        ("background", c_void_p),
        ("menu_name", c_wchar_p),
        ("class_name", c_wchar_p),
    )


class _WindowMessage(Structure):
    """MSG."""

    _fields_ = (
        ("window", c_void_p),
        ("message", c_uint),
        ("w_param", c_void_p),
        ("l_param", c_void_p),
        ("time", c_uint32),
        ("x", c_int),
        ("y", c_int),
        ("private", c_uint32),
    )


class HiddenWindow:
    """Belongs to the thread that opens it, runs it and closes it.

    Attributes:
        handle: of the window, once it is open; None before and afterwards.

    """

    def __init__(self, message: int, heard: Callable[[], None]) -> None:
        """Load the library.

        Args:
            message: the one message that is of interest.
            heard: called with each such message in the window's thread.

        Raises:
            OSError: this is not Windows.

        """
        libraries, self._last_error = load_libraries("user32", "kernel32")
        self._user, self._kernel = libraries
        self._message, self._heard = message, heard
        self._procedure = _PROCEDURE(self._process)  # held for as long as Windows may call it
        self.handle: int | None = None
        self._declare()

    def open(self) -> None:
        """Make the window.

        Raises:
            OSError: Windows does not.

        """
        instance = self._kernel.GetModuleHandleW(None)
        described = _WindowClass(
            procedure=self._procedure, instance=instance, class_name=_CLASS_NAME
        )
        if not self._user.RegisterClassW(byref(described)):
            raise OSError(f"RegisterClassW: error {self._last_error()}")
        parent = c_void_p(_MESSAGE_ONLY)
        self.handle = self._user.CreateWindowExW(
            *(0, _CLASS_NAME, None, 0, 0, 0, 0, 0, parent, None, instance, None)
        )
        if not self.handle:
            raise OSError(f"CreateWindowExW: error {self._last_error()}")

    def run(self) -> None:
        """Hear messages until the window is asked to close."""
        message = _WindowMessage()
        while self._user.GetMessageW(byref(message), None, 0, 0) > 0:
            self._user.DispatchMessageW(byref(message))

    def ask_to_close(self) -> None:
        """Let :meth:`run` return; from any thread."""
        if self.handle is not None:
            self._user.PostMessageW(self.handle, _CLOSE, None, None)

    def close(self) -> None:
        """Leave nothing behind; may be called in any state."""
        handle, self.handle = self.handle, None
        if handle is not None:
            self._user.DestroyWindow(handle)
        self._user.UnregisterClassW(_CLASS_NAME, self._kernel.GetModuleHandleW(None))

    def _process(
        self, window: int | None, message: int, w_param: int | None, l_param: int | None
    ) -> int:
        if message == self._message:
            with suppress(Exception):  # Windows cannot be told of it
                self._heard()
            return 0
        if message == _CLOSE:
            self._user.PostQuitMessage(0)
            return 0
        return int(self._user.DefWindowProcW(window, message, w_param, l_param))

    def _declare(self) -> None:
        """Say which numbers are as wide as an address; the others are ints."""
        user, kernel = self._user, self._kernel
        kernel.GetModuleHandleW.argtypes = (c_wchar_p,)
        kernel.GetModuleHandleW.restype = c_void_p
        user.RegisterClassW.argtypes = (POINTER(_WindowClass),)
        user.UnregisterClassW.argtypes = (c_wchar_p, c_void_p)
        user.CreateWindowExW.argtypes = (
            *(c_uint32, c_wchar_p, c_wchar_p, c_uint32, c_int, c_int, c_int, c_int),
            *(c_void_p, c_void_p, c_void_p, c_void_p),
        )
        user.CreateWindowExW.restype = c_void_p
        user.GetMessageW.argtypes = (POINTER(_WindowMessage), c_void_p, c_uint, c_uint)
        user.DispatchMessageW.argtypes = (POINTER(_WindowMessage),)
        user.DispatchMessageW.restype = c_ssize_t
        for call in (user.PostMessageW, user.DefWindowProcW):
            call.argtypes = (c_void_p, c_uint, c_void_p, c_void_p)
        user.DefWindowProcW.restype = c_ssize_t
        user.DestroyWindow.argtypes = (c_void_p,)
