"""Start the agent when the user signs in: one module for each system, one interface.

Nothing here starts or stops an agent now. The systems' modules load on their own system only.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from agent.host.session_entry import SessionEntry
from agent.host.tls.machine import Machine

_WINDOWED: Final = "ankongw.exe"
"""On Windows the program beside the command line's that opens no console."""


class Autostart(SessionEntry, Protocol):
    """How one system starts programs with the session."""

    def is_declined(self) -> bool:
        """Return whether it is written down that the agent shall not start at sign-in."""


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
