"""The last page of an installation and of a repair: what is left to do, and what happens next."""

from collections.abc import Sequence

from agent.words.language import Language
from wizard import installed_program, smart_card_service
from wizard.context import WizardContext
from wizard.installed_program import SetupStep
from wizard.texts import load_texts
from wizard.window import WizardWindow

_MAX_FAILED_STEPS = 3  # of the program's setup that are shown here; its panel shows all


class FinishPage:
    """The page, and what its ticks do when it is left."""

    def __init__(self, context: WizardContext, language: Language, window: WizardWindow) -> None:
        """Prepare the page; nothing is shown yet.

        Args:
            context: of what was installed.
            language: of all texts.
            window: to show it in.

        """
        self._context = context
        self._language = language
        self._texts = load_texts(language)
        self._window = window
        self._start_now = True
        self._at_login = True

    def begin(self, title: str, step: int, texts: Sequence[str]) -> None:
        """Show the upper part.

        Args:
            title: of the page.
            step: number of the step that it belongs to.
            texts: its first paragraphs.

        """
        self._window.begin(title, step)
        for text in texts:
            self._window.text(text)

    def end(self, steps: Sequence[SetupStep]) -> None:
        """Show the rest: what is missing, what failed, and the ticks."""
        texts, window = self._texts, self._window
        self._show_missing_packages()
        failed = [step for step in steps if not step.ok and step.code != "trust_needs_tool"]
        if failed:
            messages = [step.said(self._language) for step in failed[:_MAX_FAILED_STEPS]]
            window.notice("\n".join((texts.not_complete, *messages)))
        self._at_login = self._context.starts_at_login()
        window.tick(texts.start_now, self._choose_start, ticked=self._start_now)
        window.tick(texts.start_at_login, self._choose_login, ticked=self._at_login)
        end = window.button(texts.finish, self._leave, "Primary")
        window.on_cancel(window.close)
        end.focus_set()

    def _show_missing_packages(self) -> None:
        texts, window = self._texts, self._window
        missing = smart_card_service.find_missing()
        if not missing:
            return
        notices = {texts.missing_service: missing.service, texts.missing_tool: missing.tool}
        window.notice("\n".join(text for text, is_missing in notices.items() if is_missing))
        if missing.command is None:
            window.text(texts.missing_unknown)
            return
        window.text(texts.missing_command, after=0.4)
        window.command(missing.command, texts.copy, texts.copied)

    def _choose_start(self, yes: bool) -> None:
        self._start_now = yes

    def _choose_login(self, yes: bool) -> None:
        self._at_login = yes

    def _leave(self) -> None:
        executable = self._context.paths.executable
        if self._at_login != self._context.starts_at_login():
            autostart = "--autostart" if self._at_login else "--no-autostart"
            installed_program.complete(executable, autostart, "--no-trust")
        if self._start_now:
            installed_program.start(executable)
        self._window.close()
