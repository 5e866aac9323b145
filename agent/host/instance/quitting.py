"""Ask the running agent to end, the same way on every system: Windows has no signals.

The request is a file in the agent's folder, into which only its owner may write. It needs no port,
no certificate and no process id, which another program might have by now.
"""

import asyncio
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
from filelock import FileLock, Timeout

from agent.errors import AgentError, ErrorCode
from agent.files import PRIVATE, replace_file
from agent.host.instance.record import read_record
from agent.host.machine import windows_objects
from agent.host.machine.paths import Paths
from agent.periodic import CHECKS, PeriodicChecks

QUIT_SECONDS: Final = 30.0
"""How long an agent may take: it finishes an operation on a card and closes its databases."""
_WAIT_SECONDS: Final = 0.1
_PROCESS_SECONDS: Final = 10.0  # Windows: from the end of the agent to that of its process

_log = structlog.get_logger(__name__)


class StillRunningError(AgentError):
    """The agent did not end in time after it was asked."""

    code = ErrorCode.TIMEOUT


def is_running(paths: Paths) -> bool:
    """Return whether an agent holds the folder; creates nothing.

    Raises:
        OSError: that cannot be found out, because the folder is somebody else's.

    """
    if not paths.lock.exists():
        return False
    try:
        with FileLock(paths.lock, timeout=0, mode=PRIVATE):
            return False
    except Timeout:
        return True


def end_running(paths: Paths, seconds: float = QUIT_SECONDS) -> bool:
    """Ask the agent to end and wait until it has; return whether there was one.

    Args:
        paths: its folder.
        seconds: how long it may take.

    Raises:
        StillRunningError: it did not end in time.
        OSError: the folder is somebody else's.

    """
    if not is_running(paths):
        return False
    record = read_record(paths.instance)
    pid = None if record is None else record.pid  # for people, and for Windows
    end = time.monotonic() + seconds
    try:
        while is_running(paths):
            if time.monotonic() >= end:
                who = "" if pid is None else f" (process {pid})"
                raise StillRunningError(
                    f"the agent{who} did not end within {seconds:.0f} s",
                    said=(
                        "cli.error.still_running",
                        {"pid": pid or "?", "seconds": f"{seconds:.0f}"},
                    ),
                )
            # Each time: an agent that is just starting takes an old request away.
            if not _is_there(paths.quit_request):
                replace_file(paths.quit_request, b"")
            time.sleep(_WAIT_SECONDS)
    finally:
        with suppress(OSError):
            paths.quit_request.unlink(missing_ok=True)
    if pid is not None:
        # Windows lets nobody replace the files of a program while its process lasts.
        windows_objects.wait_for_process(pid, _PROCESS_SECONDS)
    return True


async def until_asked(
    request: Path, stop: Callable[[], object], checks: PeriodicChecks = CHECKS
) -> None:
    """Wait until the agent is asked to end, then call ``stop``; never raises.

    Args:
        request: the file (see ``Paths.quit_request``).
        stop: is called in the event loop.
        checks: those that look for the file.

    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def check() -> None:
        if _is_there(request):
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(asked.set)

    with checks.running(check):
        await asked.wait()
    _log.info("asked to end")
    stop()


def _is_there(request: Path) -> bool:
    """Return whether there is a file; a link or a pipe that somebody put there is none."""
    try:
        return stat.S_ISREG(request.lstat().st_mode)
    except OSError:
        return False
