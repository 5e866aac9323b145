"""Load libraries of Windows."""

from collections.abc import Callable
from typing import Any


def load_libraries(*names: str) -> tuple[tuple[Any, ...], Callable[[], int]]:
    """Load libraries for calls of which the error is wanted.

    Args:
        names: of the libraries, without ``.dll``.

    Returns:
        The libraries, and what reads the code of the last call in this thread that failed.

    Raises:
        OSError: this is not Windows.

    """
    import ctypes  # noqa: PLC0415  # WinDLL is there on Windows only

    load = getattr(ctypes, "WinDLL", None)
    read_error: Callable[[], int] | None = getattr(ctypes, "get_last_error", None)
    if load is None or read_error is None:
        raise OSError("this is not Windows")
    return tuple(load(name, use_last_error=True) for name in names), read_error
