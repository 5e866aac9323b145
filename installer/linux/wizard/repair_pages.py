"""The pages where this version is installed already: repair or remove, progress, result."""

from agent.words.language import Language
from wizard import operations
from wizard.context import WizardContext
from wizard.finish_page import FinishPage
from wizard.operations import RepairResult
from wizard.progress_page import ProgressPage
from wizard.repair_report import mended_lines
from wizard.texts import load_texts
from wizard.window import WizardWindow, fill_in

_CHOICE, _REPAIRING, _REPAIRED = range(3)


class RepairPages:
    """The pages of one repair, in their order.

    Attributes:
        done: whether the program was repaired.
        wants_removal: whether the citizen chose to remove it instead.

    """

    def __init__(
        self, context: WizardContext, language: Language, *, at_once: bool = False
    ) -> None:
        """Open the window.

        Args:
            context: what is installed, and where.
            language: of all texts.
            at_once: whether to repair without asking on a first page.

        Raises:
            tk.TclError: there is no display.

        """
        self._context = context
        self._texts = load_texts(language)
        self._language = language
        icon = context.icons / "ankong-64.png"
        self._window = WizardWindow(self._texts.product, self._texts.repair_steps, icon)
        self._finish = FinishPage(context, language, self._window)
        self._at_once = at_once
        self.done = False
        self.wants_removal = False

    def run(self) -> None:
        """Show the pages until the window is closed."""
        (self._repair if self._at_once else self._choose)()
        self._window.run()

    def _choose(self) -> None:
        texts, window, context = self._texts, self._window, self._context
        window.begin(texts.again_title, _CHOICE)
        window.text(fill_in(texts.welcome_again, {"installed": context.version}))
        repair = (texts.choices["repair"], texts.repair_text)
        window.facts([repair, (texts.choices["remove"], texts.take_off_text)])
        if context.is_running():
            window.notice(texts.running)
        following = window.button(texts.repair, self._repair, "Primary")
        window.button(texts.remove, self._choose_removal)
        window.button(texts.cancel, window.close, left=True)
        window.on_cancel(window.close)
        following.focus_set()

    def _choose_removal(self) -> None:
        self.wants_removal = True
        self._window.close()

    def _repair(self) -> None:
        texts = self._texts
        titles = texts.repairing_title, texts.not_repaired_title
        ProgressPage(
            self._context,
            operations.repair,
            self._window,
            texts,
            _REPAIRING,
            *titles,
            self._finished,
        ).run()

    def _finished(self, result: RepairResult) -> None:
        self.done = True
        texts = self._texts
        self._finish.begin(texts.repaired_title, _REPAIRED, [texts.repaired_text])
        mended = mended_lines(self._language, result.damage, result.steps)
        if mended:
            self._window.text(texts.mended, after=0.2)
            self._window.text("\n".join(f"· {line}" for line in mended))
        else:
            self._window.text(texts.nothing_broken)
        self._finish.end(result.steps)
