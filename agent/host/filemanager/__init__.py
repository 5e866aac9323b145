"""Offer to sign a PDF where file managers show one: one module for each system, one interface.

What is written down are static files or values that name our program and a place for the files;
nothing of ours runs in a file manager, and no shell is asked on Windows and Linux. The system's
choice of what opens a PDF by itself is left alone.

The systems' modules load on their own system only.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

from agent.host.autostart import program_command
from agent.host.session_entry import SessionEntry
from agent.host.tls.machine import Machine

VERB: Final = "shell.verb"
"""Key of what people choose there."""


FileManager: TypeAlias = SessionEntry
"""How the file managers of one system offer our program for files."""


def sign_command(state_dir: Path | None) -> tuple[str, ...]:
    """Return the command that signs the files named behind it; None for the usual folder.

    Its last argument ends the options, so that no name of a file is taken for one.
    """
    *program, _ = program_command()
    where = () if state_dir is None else ("--state-dir", str(state_dir.expanduser().absolute()))
    return *program, "sign", *where, "--window", "--"


def file_manager(command: Sequence[str], machine: Machine | None = None) -> FileManager:
    """Return this system's :class:`FileManager`.

    Args:
        command: what is started, as :func:`sign_command` returns it.
        machine: this computer.

    """
    machine = machine or Machine()
    if machine.platform == "win32":
        from agent.host.filemanager.explorer_verb import ExplorerVerb  # noqa: PLC0415  # Windows only

        return ExplorerVerb(command)
    if machine.platform == "darwin":
        from agent.host.filemanager.finder_service import FinderService  # noqa: PLC0415  # macOS only

        return FinderService(command, machine)
    from agent.host.filemanager.desktop_actions import DesktopActions  # noqa: PLC0415  # the others

    return DesktopActions(command, machine)
