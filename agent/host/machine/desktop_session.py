"""The session that a process belongs to: a person's sign-in, as the system counts them."""

import sys
from pathlib import Path
from typing import Final

_NONE: Final = 0xFFFF_FFFF
"""What Linux and Windows say of a process without a session."""


def session_of(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return the number of a process's session; None where it has none, or it may not be known.

    On Linux that is the audit session, which ``loginctl`` shows as the session's name; on Windows
    the session of Terminal Services; macOS has no such number for other processes.

    Args:
        pid: of the process.
        proc: where Linux shows processes.

    """
    number = _of_windows(pid) if sys.platform == "win32" else _of_linux(pid, proc)
    return None if number == _NONE else number


def _of_linux(pid: int, proc: Path) -> int | None:
    try:
        return int((proc / str(pid) / "sessionid").read_text("ascii"))
    except (OSError, ValueError):
        return None


def _of_windows(pid: int) -> int | None:
    if sys.platform == "win32":
        import ctypes  # noqa: PLC0415  # Windows only

        session = ctypes.c_uint32()
        if ctypes.windll.kernel32.ProcessIdToSessionId(pid, ctypes.byref(session)):
            return session.value
    return None
