"""The pages of the installation: welcome, licence, what is added, progress, result."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tkinter import ttk

from agent.words.language import Language
from wizard import operations
from wizard.context import WizardContext
from wizard.finish_page import FinishPage
from wizard.installed_program import SetupStep
from wizard.progress_page import ProgressPage
from wizard.texts import load_texts
from wizard.window import Press, WizardWindow, fill_in, set_enabled

_WELCOME, _LICENCE, _ADDED, _INSTALLING, _FINISHED = range(5)
_LICENCE_LINES = 7


class InstallPages:
    """The pages of one installation, in their order.

    Attributes:
        done: whether the program was installed.
        wants_removal: whether the citizen chose to remove what is there.

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
        self._finish = FinishPage(context, language, self._window)
        self.done = False
        self.wants_removal = False

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
            self._about_earlier(facts)
        is_update = before is not None and not context.is_downgrade()
        following = self._add_next(texts.update if is_update else texts.next, self._licence)
        if before is not None:
            window.button(texts.remove, self._choose_removal)
        self._add_cancel(self._welcome)
        if context.is_downgrade():
            self._ask_about_older(following)
        following.focus_set()

    def _about_earlier(self, facts: Mapping[str, str]) -> None:
        """Say which version is there, and what may be done about it."""
        texts, window = self._texts, self._window
        is_older = self._context.is_downgrade()
        window.notice(fill_in(texts.welcome_older if is_older else texts.welcome_update, facts))
        if not is_older:
            update = (texts.choices["update"], fill_in(texts.update_text, facts))
            window.facts([update, (texts.choices["remove"], texts.take_off_text)])

    def _choose_removal(self) -> None:
        self.wants_removal = True
        self._window.close()

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
        window.text(fill_in(texts.licence_others, {"path": short_path(str(others))}), muted=True)

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
        path = short_path(str(context.paths.program))
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
        texts = self._texts
        titles = texts.installing_title, texts.trouble_title
        ProgressPage(
            self._context,
            operations.install,
            self._window,
            texts,
            _INSTALLING,
            *titles,
            self._finished,
        ).run()

    def _finished(self, steps: Sequence[SetupStep]) -> None:
        self.done = True
        texts = self._texts
        self._finish.begin(texts.finish_title, _FINISHED, [texts.finished_text])
        self._finish.end(steps)


def _unwrapped(text: str) -> str:
    """Return a text with the lines of each paragraph joined; the window wraps them."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def short_path(path: str) -> str:
    """Return a path with the home folder as ``~``."""
    home = str(Path.home())
    return "~" + path[len(home) :] if path.startswith(home + "/") else path
