"""What is done, whether a window shows it or not."""

import threading
from collections.abc import Callable, Sequence
from enum import Enum, auto

from wizard import program
from wizard.installation import Installation, Told, remove
from wizard.program import SetupStep
from wizard.situation import Situation


class InstallStage(Enum):
    """What is being done just now."""

    ENDING = auto()
    COPYING = auto()
    COMPLETING = auto()


def install(
    situation: Situation,
    begins: Callable[[InstallStage], None],
    told: Told,
    cancelled: threading.Event,
) -> Sequence[SetupStep]:
    """Install; return how the program's own setup went, which may be done again later.

    Args:
        situation: what there is.
        begins: told of each stage.
        told: told how much is copied, 0 to 1.
        cancelled: stops it while files are copied.

    Raises:
        TroubleError: it cannot be done; all is as it was.
        CancelledError: likewise, as wanted.

    """
    if situation.is_running():
        begins(InstallStage.ENDING)
        situation.end_running()
    begins(InstallStage.COPYING)
    places = situation.places
    installation = Installation(situation.source, situation.version, places, situation.icons)
    installation.run(told, cancelled)
    begins(InstallStage.COMPLETING)
    return program.complete(places.executable)


def uninstall(situation: Situation, *, forget: bool) -> Sequence[SetupStep]:
    """Undo all of it; return what the program's own undoing said.

    Where that fails (an agent that does not end, a browser's database in use) the program stays,
    because nothing else could try again.

    Args:
        situation: what there is.
        forget: whether history and sites go too.

    Raises:
        TroubleError: a file cannot be removed.

    """
    steps = program.undo(situation.places.executable, forget=forget)
    if all(step.ok for step in steps):
        remove(situation.places)
    return steps
