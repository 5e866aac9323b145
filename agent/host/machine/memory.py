"""Protect the memory of this process, as far as the system allows."""

import ctypes
import sys
from contextlib import suppress
from typing import Final

_PR_SET_DUMPABLE: Final = 4  # <linux/prctl.h>


def leave_no_core() -> None:
    """Forbid core dumps of this process; best effort.

    A crash dump on Windows is made by another process, and is the user's own choice.
    """
    if sys.platform != "win32":
        import resource  # noqa: PLC0415  # Unix has it

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def shut_others_out() -> None:
    """Forbid other processes of this user to read this one's memory; to be called early.

    On Linux by PR_SET_DUMPABLE, which also makes root the owner of ``/proc/PID``: another process
    of the user then sees no open files of this one. On Windows by the access list of the process.
    On macOS a program that was built with the hardened runtime needs nothing here.

    Programs that this process starts are not protected by it.
    """
    if sys.platform.startswith("linux"):
        _c_library().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    elif sys.platform == "win32":
        from agent.host.machine.windows_acl import open_files  # noqa: PLC0415  # Windows only

        with suppress(OSError):
            open_files().protect_process()


def keep_out_of_swap(buffer: bytearray) -> bool:
    """Lock a buffer of fixed length in memory; return whether the system did."""
    size = len(buffer)
    address = ctypes.addressof((ctypes.c_char * size).from_buffer(buffer))
    if sys.platform == "win32":
        lock = ctypes.windll.kernel32.VirtualLock
        return bool(lock(ctypes.c_void_p(address), ctypes.c_size_t(size)))
    status: int = _c_library().mlock(ctypes.c_void_p(address), ctypes.c_size_t(size))
    return status == 0


def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
