"""The pages of the removal: question, progress, result."""

from collections.abc import Sequence

from agent.words.language import Language
from wizard import operations
from wizard.background import Background
from wizard.context import WizardContext
from wizard.errors import WizardError
from wizard.installed_program import SetupStep
from wizard.texts import load_texts
from wizard.window import WizardWindow, fill_in

_CONFIRM, _REMOVING, _FINISHED = range(3)


class RemovalPages:
    """The pages of one removal, in their order.

    Attributes:
        done: whether the program was removed.

    """

    def __init__(self, context: WizardContext, language: Language) -> None:
        """Open the window.

        Args:
            context: what to install or remove, and where.
            language: of all texts.

        Raises:
            tk.TclError: there is no display.

        """
        self._context = context
        self._language = language
        self._texts = load_texts(language)
        icon = context.icons / "ankong-64.png"
        self._window = WizardWindow(self._texts.product, self._texts.removal_steps, icon)
        self._keep = True
        self.done = False

    def run(self) -> None:
        """Show the pages until the window is closed."""
        self._confirm()
        self._window.run()

    def _confirm(self) -> None:
        texts, window = self._texts, self._window
        window.begin(texts.removal_title, _CONFIRM)
        window.text(texts.removal_text)
        window.facts(texts.removed_things)
        window.tick(texts.keep, self._choose_keep, ticked=self._keep)
        window.text(texts.keep_hint, muted=True)
        window.button(texts.remove, self._remove, "Danger")
        cancel = window.button(texts.cancel, window.close)
        window.on_cancel(window.close)
        cancel.focus_set()

    def _choose_keep(self, yes: bool) -> None:
        self._keep = yes

    def _remove(self) -> None:
        texts, window = self._texts, self._window
        window.begin(texts.removing_title, _REMOVING)
        bar = window.progress()
        bar.configure(mode="indeterminate")
        bar.start()
        window.line().configure(text=texts.removing)
        window.on_cancel(lambda: None)  # a removal cannot be cancelled halfway

        def do() -> Sequence[SetupStep]:
            return operations.uninstall(self._context, forget=not self._keep)

        Background(window.root).run(do, self._finished, self._failed)

    def _finished(self, steps: Sequence[SetupStep]) -> None:
        texts, window = self._texts, self._window
        failed = [step for step in steps if not step.ok]
        if failed:
            self._show_failures([step.said(self._language) for step in failed])
            return
        self.done = True
        window.begin(texts.removed_title, _FINISHED)
        window.text(texts.removed_text)
        state = self._context.agent_paths.state
        if state.exists():
            window.text(fill_in(texts.kept_text, {"path": state}))
        self._add_close()

    def _failed(self, error: Exception) -> None:
        message = str(error)
        if isinstance(error, WizardError):
            message = fill_in(self._texts.trouble[error.code], error.facts)
        self._show_failures([message])

    def _show_failures(self, messages: Sequence[str]) -> None:
        texts, window = self._texts, self._window
        window.begin(texts.removal_title, _REMOVING)
        window.text(texts.left_text)
        for message in messages:
            window.notice(message, danger=True)
        self._add_close()

    def _add_close(self) -> None:
        window = self._window
        window.button(self._texts.close, window.close, "Primary").focus_set()
        window.on_cancel(window.close)
