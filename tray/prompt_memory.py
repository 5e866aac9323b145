"""Keeps what a prompt process holds in memory to itself, as far as the system lets it."""

import ctypes
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4  # <linux/prctl.h>


def harden() -> None:
    """Make no core dump, and let no other process of this user look in.

    Best effort: what a system does not have is left out.
    """
    if sys.platform == "win32":
        return  # a crash dump there is the user's own choice, and made by another process
    import resource  # noqa: PLC0415  # Unix has it

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform.startswith("linux"):
        _c_library().prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_out_of_swap(buffer: bytearray) -> bool:
    """Lock a buffer of fixed length in memory; tell whether the system did."""
    size = len(buffer)
    address = ctypes.addressof((ctypes.c_char * size).from_buffer(buffer))
    if sys.platform == "win32":
        lock = ctypes.windll.kernel32.VirtualLock
        return bool(lock(ctypes.c_void_p(address), ctypes.c_size_t(size)))
    status: int = _c_library().mlock(ctypes.c_void_p(address), ctypes.c_size_t(size))
    return status == 0


def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
