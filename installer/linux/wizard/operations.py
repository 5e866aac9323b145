"""Install and uninstall, with or without a window."""

import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto

from wizard import installed_program
from wizard.context import WizardContext
from wizard.installation import ProgramInstaller, ReportProgress, remove
from wizard.installed_program import SetupStep


class InstallStage(Enum):
    """The stages of an installation."""

    ENDING = auto()
    COPYING = auto()
    COMPLETING = auto()


def install(
    context: WizardContext,
    begins: Callable[[InstallStage], None],
    report: ReportProgress,
    cancelled: threading.Event,
) -> Sequence[SetupStep]:
    """Install the program and set it up; return the results of its setup.

    A step of the setup that failed does not undo the installation: it can be repeated later.

    Args:
        context: what to install, and where.
        begins: called at the beginning of each stage.
        report: called while files are copied.
        cancelled: set by another thread to stop the copying.

    Raises:
        WizardError: it failed; everything is as it was.
        CancelledError: it was cancelled; everything is as it was.

    """
    if context.is_running():
        begins(InstallStage.ENDING)
        context.end_running()
    begins(InstallStage.COPYING)
    paths = context.paths
    installation = ProgramInstaller(context.source, context.version, paths, context.icons)
    installation.run(report, cancelled)
    begins(InstallStage.COMPLETING)
    return installed_program.complete(paths.executable)


def uninstall(context: WizardContext, *, forget: bool) -> Sequence[SetupStep]:
    """Undo the program's setup and remove the program; return the results of undoing.

    Where a step fails (the agent does not end, a browser uses its database) the program is kept,
    because it is needed to try again.

    Args:
        context: what to remove.
        forget: whether history and allowed sites are deleted too.

    Raises:
        WizardError: a file cannot be removed.

    """
    steps = installed_program.undo(context.paths.executable, forget=forget)
    if all(step.ok for step in steps):
        remove(context.paths)
    return steps
