"""The pages of the installation, from the welcome to the end."""

from collections.abc import Sequence
from pathlib import Path
from tkinter import ttk

from agent.words.language import Language
from wizard import program, service, work
from wizard.background import Background
from wizard.errors import CancelledError, WizardError
from wizard.program import SetupStep
from wizard.situation import Situation
from wizard.texts import load_texts
from wizard.window import Press, WizardWindow, filled, set_enabled
from wizard.work import InstallStage

_WELCOME, _LICENCE, _ADDED, _INSTALLING, _FINISHED = range(5)
_LICENCE_LINES = 7
_MAX_COMPLAINTS = 3  # of the program's own setup; its pages tell all


class InstallPages:
    """The pages of one installation, in their order.

    Attributes:
        done: whether the program was installed.

    """

    def __init__(self, situation: Situation, language: Language) -> None:
        """Open the window.

        Args:
            situation: of the program, the user and the computer.
            language: of all texts.

        Raises:
            tk.TclError: there is no display.

        """
        self._situation = situation
        self._language = language
        self._texts = load_texts(language)
        icon = situation.icons / "ankong-64.png"
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

    # Before anything is changed.

    def _welcome(self) -> None:
        texts, window, situation = self._texts, self._window, self._situation
        window.begin(texts.welcome_title, _WELCOME)
        facts = {"version": situation.version}
        for text in texts.welcome_text:
            window.text(filled(text, facts))
        before = situation.before()
        if before is not None:
            facts["installed"] = before.version
            window.notice(filled(self._about_earlier(before.version), facts))
        following = self._add_next(texts.next, self._licence)
        self._add_cancel(self._welcome)
        if situation.is_downgrade():
            self._ask_about_older(following)
        following.focus_set()

    def _about_earlier(self, version: str) -> str:
        texts = self._texts
        if self._situation.is_downgrade():
            return texts.welcome_older
        return texts.welcome_again if version == self._situation.version else texts.welcome_update

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
        licence = (self._situation.licences / "ankong.txt").read_text("utf-8")
        document = window.document(_unwrapped(licence), _LICENCE_LINES)
        others = self._situation.paths.program / "_internal" / "licences"
        window.text(filled(texts.licence_others, {"path": _short(str(others))}), muted=True)

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
        texts, window, situation = self._texts, self._window, self._situation
        window.begin(texts.added_title, _ADDED)
        window.text(texts.added_text)
        path = _short(str(situation.paths.program))
        facts = {"path": path, "size": f"{situation.size() / 1e6:.0f}"}
        window.facts([(name, filled(text, facts)) for name, text in texts.added])
        if situation.is_running():
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

    # While it is done.

    def _install(self) -> None:
        texts, window = self._texts, self._window
        window.begin(texts.installing_title, _INSTALLING)
        bar = window.progress()
        said = window.line()
        background = Background(window.root)
        cancel = window.button(texts.cancel, background.cancelled.set, left=True)
        window.on_cancel(background.cancelled.set)
        words = {
            InstallStage.ENDING: texts.ending,
            InstallStage.COPYING: texts.copying,
            InstallStage.COMPLETING: texts.making_certificate,
        }

        def begins(stage: InstallStage) -> None:
            said.configure(text=words[stage])
            set_enabled(cancel, enabled=stage is not InstallStage.COMPLETING)

        def do() -> Sequence[SetupStep]:
            return work.install(
                self._situation,
                lambda stage: background.tell(begins, stage),
                lambda part: background.tell(lambda: bar.configure(value=part)),
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
        window.notice(filled(texts.trouble[trouble.code], trouble.facts), danger=True)
        window.text(texts.trouble_text)
        again = window.button(texts.retry, self._install, "Primary")
        window.button(texts.close, window.close)
        window.on_cancel(window.close)
        again.focus_set()

    # Afterwards.

    def _finished(self, steps: Sequence[SetupStep]) -> None:
        self.done = True
        texts, window = self._texts, self._window
        window.begin(texts.finish_title, _FINISHED)
        window.text(texts.finished_text)
        self._tell_of_missing()
        wrong = [step for step in steps if not step.ok and step.code != "trust_needs_tool"]
        if wrong:
            told = [self._say(step) for step in wrong[:_MAX_COMPLAINTS]]
            window.notice("\n".join((texts.not_complete, *told)))
        self._at_login = self._situation.starts_at_login()
        window.tick(texts.start_now, self._choose_start, ticked=self._start_now)
        window.tick(texts.start_at_login, self._choose_login, ticked=self._at_login)
        end = window.button(texts.finish, self._finish, "Primary")
        window.on_cancel(window.close)
        end.focus_set()

    def _say(self, step: SetupStep) -> str:
        return step.said(self._language)

    def _tell_of_missing(self) -> None:
        texts, window = self._texts, self._window
        missing = service.look()
        if not missing:
            return
        words = {texts.missing_service: missing.service, texts.missing_tool: missing.tool}
        window.notice("\n".join(text for text, is_missing in words.items() if is_missing))
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
        executable = self._situation.paths.executable
        if self._at_login != self._situation.starts_at_login():
            autostart = "--autostart" if self._at_login else "--no-autostart"
            program.complete(executable, autostart, "--no-trust")
        if self._start_now:
            program.start(executable)
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
