"""The page while files are copied, and the one where that failed: of installation and repair."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Generic, TypeAlias, TypeVar

from wizard.background import Background
from wizard.context import WizardContext
from wizard.errors import CancelledError, WizardError
from wizard.installation import ReportProgress
from wizard.operations import Begins, InstallStage
from wizard.texts import WizardTexts
from wizard.window import WizardWindow, fill_in, set_enabled

R = TypeVar("R")
Work: TypeAlias = Callable[[WizardContext, Begins, ReportProgress, Event], R]
"""What is done while the page is there, such as :func:`wizard.operations.install`."""


@dataclass(frozen=True)
class ProgressPage(Generic[R]):
    """The page of one piece of work, begun anew as often as the citizen wants.

    Attributes:
        context: handed to the work.
        work: done in a thread of its own.
        window: to show it in.
        texts: of the wizard.
        step: number of the step that it belongs to.
        title: while it goes on.
        failed_title: where it failed.
        finished: called with what came of it.

    """

    context: WizardContext
    work: Work[R]
    window: WizardWindow
    texts: WizardTexts
    step: int
    title: str
    failed_title: str
    finished: Callable[[R], None]

    def run(self) -> None:
        """Show the page, and do the work."""
        texts, window = self.texts, self.window
        window.begin(self.title, self.step)
        bar = window.progress()
        stage_line = window.line()
        background = Background(window.root)
        cancel = window.button(texts.cancel, background.cancelled.set, left=True)
        window.on_cancel(background.cancelled.set)
        stage_texts = {
            InstallStage.CHECKING: texts.checking,
            InstallStage.ENDING: texts.ending,
            InstallStage.COPYING: texts.copying,
            InstallStage.COMPLETING: texts.making_certificate,
        }

        def begins(stage: InstallStage) -> None:
            stage_line.configure(text=stage_texts[stage])
            set_enabled(cancel, enabled=stage is not InstallStage.COMPLETING)

        def do() -> R:
            return self.work(
                self.context,
                lambda stage: background.call_in_window(begins, stage),
                lambda part: background.call_in_window(lambda: bar.configure(value=part)),
                background.cancelled,
            )

        background.run(do, self.finished, self._failed)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, CancelledError):
            self.window.close()
            return
        trouble = error if isinstance(error, WizardError) else unknown_trouble(error)
        texts, window = self.texts, self.window
        window.begin(self.failed_title, self.step)
        window.notice(fill_in(texts.trouble[trouble.code], trouble.facts), danger=True)
        window.text(texts.trouble_text)
        again = window.button(texts.retry, self.run, "Primary")
        window.button(texts.close, window.close)
        window.on_cancel(window.close)
        again.focus_set()


def unknown_trouble(error: Exception) -> WizardError:
    """Return what is told of an error that nobody foresaw."""
    return WizardError("other", path=type(error).__name__, detail=error)
