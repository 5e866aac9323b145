"""What the worker takes from itself before it reads a document (PEP 578 hooks, resource limits)."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

MEMORY: Final = 1024 * 1024 * 1024
"""Bytes of address space."""
PROCESSOR_SECONDS: Final = 300
"""Of one worker, all its documents together; it then ends."""
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NEVER: Final = (
    *("os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.posix_spawn", "os.spawn"),
    *("os.startfile", "os.system", "pty.spawn", "subprocess.Popen", "_winapi.CreateProcess"),
    *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"),
    *("os.symlink", "os.truncate", "os.putenv", "os.utime", "shutil.rmtree", "winreg.SetValue"),
)


class ConfinedError(PermissionError):
    """The worker tried what it has no business to do."""


class Confinement:
    """Refuses everything that reading and writing one document does not need."""

    def __init__(self) -> None:
        self._up = False
        self._out: str | None = None

    def begin(self) -> None:
        """Begin; there is no end to it."""
        _limit()
        self._up = True
        sys.addaudithook(self._audit)

    @contextmanager
    def writing(self, path: str | None) -> Iterator[None]:
        """Allow one file to be written while the context lasts; None allows none."""
        self._out = path
        try:
            yield
        finally:
            self._out = None

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at what the interpreter is about to do.

        Raises:
            ConfinedError: it is not allowed.

        """
        if event == "open":
            path, mode, flags = arguments
            writes = bool((flags or 0) & _WRITES) or any(each in (mode or "") for each in "wax+")
            if writes and path != self._out:
                raise ConfinedError("open")
        elif event in _NEVER or event.startswith(("socket.", "ctypes.dlopen")):
            raise ConfinedError(event)


def _limit() -> None:
    """Limit memory and time, and leave no core."""
    if sys.platform == "win32":
        from agent.pdf.windows_job import limit_this_process  # noqa: PLC0415  # Windows only

        limit_this_process(MEMORY, PROCESSOR_SECONDS)
        return
    import resource  # noqa: PLC0415  # Unix alone has it

    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard),) * 2)
