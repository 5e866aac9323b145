"""Starting with the citizen's session: one file for each system, the same verbs.

``is_on`` tells, ``turn_on`` and ``turn_off`` do; each may be repeated. Nothing here needs an
administrator, and nothing starts or stops an agent now.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from agent.host.tls.machine import Machine

_WINDOWED: Final = "ankongw.exe"
"""On Windows the program beside the command line's that opens no console."""


class Autostart(Protocol):
    """One system's way."""

    @property
    def folder(self) -> Path | None:
        """Where it is written down, if that is a file: made when missing."""

    def is_on(self) -> bool:
        """Return whether the agent starts when the citizen signs in."""

    def turn_on(self) -> None:
        """See to it that it does.

        Raises:
            OSError: it cannot be written down.

        """

    def turn_off(self) -> None:
        """See to it that it does not.

        Raises:
            OSError: it cannot be written down.

        """

    def forget(self) -> None:
        """Take away what was ever written down for this user: the program is about to go.

        Raises:
            OSError: it cannot be taken away.

        """


def program_command() -> tuple[str, ...]:
    """Find what starts the agent with its icon: the installed program, or this checkout's."""
    if getattr(sys, "frozen", False):
        return _windowed(Path(sys.executable)), "tray"
    # -P: what happens to be called "tray" in the folder that a session starts in is not ours.
    return sys.executable, "-P", "-m", "tray", "tray"


def start_command(state_dir: Path | None) -> tuple[str, ...]:
    """Find what starts the agent whose folder is ``state_dir``; None for the usual one."""
    if state_dir is None:
        return program_command()
    return *program_command(), "--state-dir", str(state_dir.expanduser().absolute())


def _windowed(program: Path) -> str:
    beside = program.with_name(_WINDOWED)
    return str(beside if sys.platform == "win32" and beside.is_file() else program)


def autostart(command: Sequence[str], machine: Machine | None = None) -> Autostart | None:
    """Choose this system's way; None where there is none.

    Args:
        command: what is started.
        machine: this computer.

    """
    machine = machine or Machine()
    if machine.platform == "win32":
        from agent.host.autostart.windows import RunKey  # noqa: PLC0415  # Windows only

        return RunKey(command)
    if machine.platform == "darwin":
        from agent.host.autostart.macos import LaunchAgent  # noqa: PLC0415  # macOS only

        return LaunchAgent(command, machine)
    from agent.host.autostart.xdg import XdgAutostart  # noqa: PLC0415  # the others

    return XdgAutostart(command, machine)
