"""The work of the wizard, with or without a window."""

import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto

from wizard import program
from wizard.installation import Installation, Told, remove
from wizard.program import SetupStep
from wizard.situation import Situation


class InstallStage(Enum):
    """The stages of an installation."""

    ENDING = auto()
    COPYING = auto()
    COMPLETING = auto()


def install(
    situation: Situation,
    begins: Callable[[InstallStage], None],
    told: Told,
    cancelled: threading.Event,
) -> Sequence[SetupStep]:
    """Install; return the results of the program's own setup, which can be repeated later.

    Args:
        situation: of the program, the user and the computer.
        begins: called at the beginning of each stage.
        told: called with the progress of copying, 0 to 1.
        cancelled: set to stop while files are copied.

    Raises:
        WizardError: it failed; everything is as it was.
        CancelledError: it was cancelled; everything is as it was.

    """
    if situation.is_running():
        begins(InstallStage.ENDING)
        situation.end_running()
    begins(InstallStage.COPYING)
    paths = situation.paths
    installation = Installation(situation.source, situation.version, paths, situation.icons)
    installation.run(told, cancelled)
    begins(InstallStage.COMPLETING)
    return program.complete(paths.executable)


def uninstall(situation: Situation, *, forget: bool) -> Sequence[SetupStep]:
    """Remove the program; return the results of undoing its setup.

    Where that fails (an agent that does not end, a browser's database in use) the program is kept,
    because it is needed to try again.

    Args:
        situation: of the program, the user and the computer.
        forget: whether history and sites are removed too.

    Raises:
        WizardError: a file cannot be removed.

    """
    steps = program.undo(situation.paths.executable, forget=forget)
    if all(step.ok for step in steps):
        remove(situation.paths)
    return steps
