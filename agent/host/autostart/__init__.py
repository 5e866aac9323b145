"""Start the agent when the user signs in: one module for each system, one interface.

Every call may be repeated. Nothing here needs an administrator, and nothing starts or stops an
agent now. The systems' modules load on their own system only.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from agent.host.tls.machine import Machine

_WINDOWED: Final = "ankongw.exe"
"""On Windows the program beside the command line's that opens no console."""


class Autostart(Protocol):
    """How one system starts programs with the session."""

    @property
    def folder(self) -> Path | None:
        """The folder of the file that says so, made when missing; None where it is no file."""

    def is_on(self) -> bool:
        """Return whether the agent starts when the citizen signs in."""

    def started(self) -> Sequence[str]:
        """Return the program that is started then, and its arguments; empty where none is."""

    def is_declined(self) -> bool:
        """Return whether it is written down that the agent shall not start at sign-in."""

    def turn_on(self) -> None:
        """Make the agent start when the citizen signs in.

        Raises:
            OSError: it cannot be written down.

        """

    def turn_off(self) -> None:
        """Keep the agent from starting when the citizen signs in.

        Raises:
            OSError: it cannot be written down.

        """

    def forget(self) -> None:
        """Remove all that was written for this user, before the program is removed.

        Raises:
            OSError: it cannot be taken away.

        """


def program_command() -> tuple[str, ...]:
    """Return the command that starts the agent with its icon, installed or from a checkout."""
    if getattr(sys, "frozen", False):
        return _windowed(Path(sys.executable)), "tray"
    # -P: what happens to be called "tray" in the folder that a session starts in is not ours.
    return sys.executable, "-P", "-m", "tray", "tray"


def start_command(state_dir: Path | None) -> tuple[str, ...]:
    """Return the command that starts the agent in ``state_dir``; None for the usual folder."""
    if state_dir is None:
        return program_command()
    return *program_command(), "--state-dir", str(state_dir.expanduser().absolute())


def _windowed(program: Path) -> str:
    beside = program.with_name(_WINDOWED)
    return str(beside if sys.platform == "win32" and beside.is_file() else program)


def autostart(command: Sequence[str], machine: Machine | None = None) -> Autostart | None:
    """Return this system's :class:`Autostart`; None where there is none.

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
