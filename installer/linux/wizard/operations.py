"""Install and uninstall, with or without a window."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeAlias

from wizard import installed_program
from wizard.context import WizardContext
from wizard.damage import Damage
from wizard.installation import ProgramInstaller, ReportProgress, remove
from wizard.installed_program import SetupStep


class InstallStage(Enum):
    """The stages of an installation."""

    CHECKING = auto()
    ENDING = auto()
    COPYING = auto()
    COMPLETING = auto()


Begins: TypeAlias = Callable[[InstallStage], None]
"""Called at the beginning of each stage."""


def install(
    context: WizardContext,
    begins: Begins,
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
    is_new = context.installed() is None
    if context.is_running():
        begins(InstallStage.ENDING)
        context.end_running()
    begins(InstallStage.COPYING)
    paths = context.paths
    installation = ProgramInstaller(context.source, context.version, paths)
    installation.run(report, cancelled)
    begins(InstallStage.COMPLETING)
    # What is there already may be damaged, whatever version it is of.
    return installed_program.complete(paths.executable, *(() if is_new else ("--repair",)))


@dataclass(frozen=True)
class RepairResult:
    """What a repair came to.

    Attributes:
        damage: what was found before, and is mended now.
        steps: the results of the setup.

    """

    damage: Damage
    steps: Sequence[SetupStep]


def repair(
    context: WizardContext,
    begins: Begins,
    report: ReportProgress,
    cancelled: threading.Event,
) -> RepairResult:
    """Find what is damaged, and put the whole program in its place again.

    Args:
        context: of a program that is installed in this version.
        begins: called at the beginning of each stage.
        report: called while files are copied.
        cancelled: set by another thread to stop the copying.

    Raises:
        WizardError: it failed; everything is as it was.
        CancelledError: it was cancelled; everything is as it was.

    """
    begins(InstallStage.CHECKING)
    damage = context.damage()
    started_at_login = context.starts_at_login()
    steps = install(context, begins, report, cancelled)
    if context.starts_at_login() and not started_at_login:
        damage = replace(damage, parts=(*damage.parts, "login"))
    return RepairResult(damage, steps)


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
    # By the wizard's own program: the installed one may be too broken to undo anything.
    steps = installed_program.undo(context.executable, forget=forget)
    if all(step.ok for step in steps):
        remove(context.source, context.paths)
    return steps
