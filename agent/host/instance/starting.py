"""Start the agent with its icon, on its own, and wait until it can be asked."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from agent.errors import AgentError, ErrorCode
from agent.host.instance.quitting import is_running
from agent.host.instance.record import read_record
from agent.host.machine.paths import Paths

START_SECONDS: Final = 20.0
"""How long an agent may take to be ready."""
_POLL_SECONDS: Final = 0.1

_outliving: Final[list[subprocess.Popen[bytes]]] = []
"""Agents that were started here: nobody waits for them, or Python would complain of that."""


def start_agent(paths: Paths, command: Sequence[str], seconds: float = START_SECONDS) -> None:
    """Start the agent unless one runs; end when it has tried its ports.

    Args:
        paths: of its folder.
        command: that starts it.
        seconds: how long it may take.

    Raises:
        AgentError: ``timeout``, it ended at once, or is not ready yet.
        OSError: it cannot be started, or the folder is somebody else's.

    """
    started = None if is_running(paths) else _start(command, paths.state)
    end = time.monotonic() + seconds
    while not is_ready(paths):
        if started is not None and started.poll() is not None:
            raise _not_ready(f"the agent ended at once, with status {started.returncode}")
        if time.monotonic() >= end:
            raise _not_ready("the agent was started, and is not ready yet")
        time.sleep(_POLL_SECONDS)


def is_ready(paths: Paths) -> bool:
    """Return whether an agent runs that has tried its ports.

    Raises:
        OSError: the folder is somebody else's.

    """
    record = read_record(paths.instance) if is_running(paths) else None
    return record is not None and (record.port is not None or bool(record.missing))


def _start(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start it in a folder of its own: file managers run us in that of the file that was chosen.

    An agent that stayed there would keep a memory stick busy, and Windows would look there first
    for programs and libraries.
    """
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS}
    started = subprocess.Popen(  # noqa: S603  # our own program, no shell
        command,
        cwd=folder if folder.is_dir() else None,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **detached,
    )
    _outliving.append(started)
    return started


def _not_ready(detail: str) -> AgentError:
    return AgentError(detail, code=ErrorCode.TIMEOUT, said=("cli.error.no_agent", {}))
