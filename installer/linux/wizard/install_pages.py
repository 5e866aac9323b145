"""The pages of the installation: welcome, licence, what is added, progress, result."""

from collections.abc import Sequence
from pathlib import Path
from tkinter import ttk

from agent.words.language import Language
from wizard import installed_program, operations, smart_card_service
from wizard.background import Background
from wizard.context import WizardContext
from wizard.errors import CancelledError, WizardError
from wizard.installed_program import SetupStep
from wizard.operations import InstallStage
from wizard.texts import load_texts
from wizard.window import Press, WizardWindow, fill_in, set_enabled

_WELCOME, _LICENCE, _ADDED, _INSTALLING, _FINISHED = range(5)
_LICENCE_LINES = 7
_MAX_FAILED_STEPS = 3  # of the program's setup that are shown here; its panel shows all


class InstallPages:
    """The pages of one installation, in their order.

    Attributes:
        done: whether the program was installed.

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
        self._window = WizardWindow(self._texts.product, self._texts.steps, icon)
        self._accepted = False
        self._replaces_newer = False
        self._start_now = True
        self._at_login = True
        self.done = False

    def run(self) -> None:
        """Show the pages until the window is closed."""
        self._welcome()
        self._window.run()

    # Pages before the installation; nothing is changed yet.

    def _welcome(self) -> None:
        texts, window, context = self._texts, self._window, self._context
        window.begin(texts.welcome_title, _WELCOME)
        facts = {"version": context.version}
        for text in texts.welcome_text:
            window.text(fill_in(text, facts))
        before = context.installed()
        if before is not None:
            facts["installed"] = before.version
            window.notice(fill_in(self._about_earlier(before.version), facts))
        following = self._add_next(texts.next, self._licence)
        self._add_cancel(self._welcome)
        if context.is_downgrade():
            self._ask_about_older(following)
        following.focus_set()

    def _about_earlier(self, version: str) -> str:
        texts = self._texts
        if self._context.is_downgrade():
            return texts.welcome_older
        return texts.welcome_again if version == self._context.version else texts.welcome_update

    def _ask_about_older(self, following: ttk.Button) -> None:
        def ticked(yes: bool) -> None:
            self._replaces_newer = yes
            set_enabled(following, enabled=yes)

        self._window.tick(self._texts.replace_older, ticked, ticked=self._replaces_newer)
        ticked(self._replaces_newer)

    def _licence(self) -> None:
        texts, window = self._texts, self._window
        window.begin(texts.licence_title, _LICENCE)
        window.text(texts.licence_text, after=0.5)
        licence = (self._context.licences / "ankong.txt").read_text("utf-8")
        document = window.document(_unwrapped(licence), _LICENCE_LINES)
        others = self._context.paths.program / "_internal" / "licences"
        window.text(fill_in(texts.licence_others, {"path": _short(str(others))}), muted=True)

        def ticked(yes: bool) -> None:
            self._accepted = yes
            set_enabled(following, enabled=yes)

        box = window.tick(texts.licence_accept, ticked, ticked=self._accepted)
        following = self._add_next(texts.next, self._added)
        self._add_back(self._welcome)
        self._add_cancel(self._licence)
        ticked(self._accepted)
        document.see("1.0")
        box.focus_set()

    def _added(self) -> None:
        texts, window, context = self._texts, self._window, self._context
        window.begin(texts.added_title, _ADDED)
        window.text(texts.added_text)
        path = _short(str(context.paths.program))
        facts = {"path": path, "size": f"{context.size() / 1e6:.0f}"}
        window.facts([(name, fill_in(text, facts)) for name, text in texts.added])
        if context.is_running():
            window.notice(texts.running)
        following = self._add_next(texts.install, self._install)
        self._add_back(self._licence)
        self._add_cancel(self._added)
        following.focus_set()

    def _add_next(self, text: str, press: Press) -> ttk.Button:
        return self._window.button(text, press, "Primary")

    def _add_back(self, press: Press) -> None:
        self._window.button(self._texts.back, press)

    def _add_cancel(self, page: Press) -> None:
        def cancel() -> None:
            self._ask_whether_to_stop(page)

        self._window.button(self._texts.cancel, cancel, left=True)
        self._window.on_cancel(cancel)

    def _ask_whether_to_stop(self, page: Press) -> None:
        texts, window = self._texts, self._window
        step = {self._welcome: _WELCOME, self._licence: _LICENCE}.get(page, _ADDED)
        window.begin(texts.cancel_title, step)
        window.text(texts.cancel_text)
        window.button(texts.stop, window.close, "Danger")
        going_on = window.button(texts.go_on, page)
        window.on_cancel(page)
        going_on.focus_set()

    # While files are copied.

    def _install(self) -> None:
        texts, window = self._texts, self._window
        window.begin(texts.installing_title, _INSTALLING)
        bar = window.progress()
        stage_line = window.line()
        background = Background(window.root)
        cancel = window.button(texts.cancel, background.cancelled.set, left=True)
        window.on_cancel(background.cancelled.set)
        stage_texts = {
            InstallStage.ENDING: texts.ending,
            InstallStage.COPYING: texts.copying,
            InstallStage.COMPLETING: texts.making_certificate,
        }

        def begins(stage: InstallStage) -> None:
            stage_line.configure(text=stage_texts[stage])
            set_enabled(cancel, enabled=stage is not InstallStage.COMPLETING)

        def do() -> Sequence[SetupStep]:
            return operations.install(
                self._context,
                lambda stage: background.call_in_window(begins, stage),
                lambda part: background.call_in_window(lambda: bar.configure(value=part)),
                background.cancelled,
            )

        background.run(do, self._finished, self._failed)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, CancelledError):
            self._window.close()
            return
        trouble = error if isinstance(error, WizardError) else _unknown(error)
        texts, window = self._texts, self._window
        window.begin(texts.trouble_title, _INSTALLING)
        window.notice(fill_in(texts.trouble[trouble.code], trouble.facts), danger=True)
        window.text(texts.trouble_text)
        again = window.button(texts.retry, self._install, "Primary")
        window.button(texts.close, window.close)
        window.on_cancel(window.close)
        again.focus_set()

    # After the installation.

    def _finished(self, steps: Sequence[SetupStep]) -> None:
        self.done = True
        texts, window = self._texts, self._window
        window.begin(texts.finish_title, _FINISHED)
        window.text(texts.finished_text)
        self._show_missing_packages()
        failed = [step for step in steps if not step.ok and step.code != "trust_needs_tool"]
        if failed:
            messages = [step.said(self._language) for step in failed[:_MAX_FAILED_STEPS]]
            window.notice("\n".join((texts.not_complete, *messages)))
        self._at_login = self._context.starts_at_login()
        window.tick(texts.start_now, self._choose_start, ticked=self._start_now)
        window.tick(texts.start_at_login, self._choose_login, ticked=self._at_login)
        end = window.button(texts.finish, self._finish, "Primary")
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

    def _finish(self) -> None:
        executable = self._context.paths.executable
        if self._at_login != self._context.starts_at_login():
            autostart = "--autostart" if self._at_login else "--no-autostart"
            installed_program.complete(executable, autostart, "--no-trust")
        if self._start_now:
            installed_program.start(executable)
        self._window.close()


def _unknown(error: Exception) -> WizardError:
    return WizardError("other", path=type(error).__name__, detail=error)


def _unwrapped(text: str) -> str:
    """Return a text with the lines of each paragraph joined; the window wraps them."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _short(path: str) -> str:
    """Return a path with the home folder as ``~``."""
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith(home + "/") else path
