"""The mutex and the process that the installer on Windows looks at; elsewhere nothing is done.

The wizard knows from a named mutex that an agent of this session runs. The mutex ends with the
process, not with the agent's work: only then may the program's files be replaced.
"""

import sys
from ctypes import c_int, c_uint32, c_void_p, c_wchar_p
from typing import Any, Final

import structlog

RUNNING_MUTEX: Final = r"Local\AnkongRunning"
"""Held while an agent of this Windows session runs."""
_SYNCHRONIZE: Final = 0x00100000  # winnt.h

_log = structlog.get_logger(__name__)
_held: list[int] = []  # the handle; Windows closes it when the process ends


def hold_mutex(kernel32: Any | None = None) -> None:
    """Hold the mutex from now until this process ends; a repeated call does nothing.

    Args:
        kernel32: the library; None for this system's, if it is Windows.

    """
    kernel32 = kernel32 or _system_kernel32()
    if kernel32 is None or _held:
        return
    kernel32.CreateMutexW.argtypes = [c_void_p, c_int, c_wchar_p]
    kernel32.CreateMutexW.restype = c_void_p
    handle = kernel32.CreateMutexW(None, 0, RUNNING_MUTEX)
    if handle:
        _held.append(handle)
    else:
        _log.warning("an installer will not see that the agent runs: there is no mutex")


def wait_for_process(pid: int, seconds: float, kernel32: Any | None = None) -> None:
    """Wait until a process has ended, or ``seconds`` have passed, or it cannot be looked at.

    Args:
        pid: its number.
        seconds: at most.
        kernel32: the library; None for this system's, if it is Windows.

    """
    kernel32 = kernel32 or _system_kernel32()
    if kernel32 is None:
        return
    kernel32.OpenProcess.argtypes = [c_uint32, c_int, c_uint32]
    kernel32.OpenProcess.restype = c_void_p
    kernel32.WaitForSingleObject.argtypes = [c_void_p, c_uint32]
    kernel32.CloseHandle.argtypes = [c_void_p]
    handle = kernel32.OpenProcess(_SYNCHRONIZE, 0, pid)
    if handle:
        try:
            kernel32.WaitForSingleObject(handle, int(seconds * 1000))
        finally:
            kernel32.CloseHandle(handle)


def _system_kernel32() -> Any | None:
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # WinDLL is there on Windows only

        return ctypes.WinDLL("kernel32", use_last_error=True)
    return None
