"""The agent with its icon: the icon runs in the main thread, the agent in a thread of its own.

The agent does not need the icon: it keeps running where no icon can be shown, or where showing
it fails. The program ends when the agent ends, when the citizen quits, or on a signal.
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Final

import structlog

from agent.commands.browser import open_address
from agent.commands.daemon import Daemon, Observer
from agent.history.line import EntryKind, presentable
from agent.host.instance.panel_key import PanelUnreachableError
from agent.host.instance.panel_opening import first_address
from agent.host.update.status import UpdateStatus, VersionAge
from agent.origin import LOCAL_USER, SELF_TEST, Origin
from agent.setup.record import remember_autostart
from agent.signing.model import Snapshot
from agent.signing.recording import Signed
from agent.words.language import CHOICES, chosen_language
from tray.icon.backend import Backend, NoTrayError, TrayNotice
from tray.icon.texts import TrayTexts, load_texts
from tray.icon.view import TrayState, TrayView, make_view

RETRY_SECONDS: Final = 15.0
"""Pause before an icon that failed is shown again."""
QUICK_RUNS: Final = 5
"""How often that is the pause, and failures are logged; a desktop may also come much later."""
RARE_SECONDS: Final = 300.0
"""Pause after that."""
STOP_SECONDS: Final = 20.0
"""How long the agent may take to stop."""
MAX_WAITING: Final = 3
"""Sites in the menu that the citizen may be asked about; the oldest goes first."""
_WARNINGS: Final = ("policy", "too_old", "port", "plain_port")  # the most severe first
_POLL_SECONDS: Final = 0.5 if sys.platform == "win32" else RETRY_SECONDS
"""On Windows a signal does not interrupt a wait; elsewhere nothing needs to be woken for it."""

_log = structlog.get_logger(__name__)


class Program(Observer):
    """One run of the agent with its icon."""

    def __init__(
        self,
        daemon: Daemon,
        make_backend: Callable[[], Backend],
        announce: Callable[[dict[str, Any]], None],
        open_page: Callable[[str], bool] = open_address,
    ) -> None:
        """Prepare the program.

        Args:
            daemon: the agent.
            make_backend: returns a new backend; called each time the icon is shown.
            announce: called in the agent's thread when the agent is ready, with the JSON object
                that ``serve`` prints.
            open_page: opens an address in the citizen's browser; returns whether it could.

        """
        self._daemon = daemon
        self._make_backend = make_backend
        self._announce = announce
        self._open_page = open_page
        self._lock = threading.Lock()
        self._state = TrayState(
            language=daemon.preferences.language, testing=daemon.testing is not None
        )
        self._warnings: tuple[str, ...] = ()
        self._backend: Backend | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._quitting = threading.Event()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._opens_panel = False
        self._waiting: dict[Origin, Callable[[], None]] = {}

    def open_when_ready(self) -> None:
        """Open the panel in a browser as soon as the agent has a port for it."""
        self._opens_panel = True

    def run(self) -> None:
        """Run until the agent ends; call it in the main thread.

        Raises:
            AgentError, OSError: the agent could not run.

        """
        self._catch_signals()
        self.settings_changed()
        thread = threading.Thread(target=self._run_agent, name="agent", daemon=True)
        thread.start()
        self._show_icon()
        while not self._ended.wait(_POLL_SECONDS):
            pass
        thread.join(STOP_SECONDS)
        if self._failure is not None:
            raise self._failure

    def quit(self) -> None:
        """Stop the agent, which ends the program; may be called from any thread."""
        self._quitting.set()
        with self._lock:
            loop, stopped = self._loop, self._stopped
        if loop is not None and stopped is not None:
            with suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(stopped.set)

    def _catch_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.quit())

    # The agent's thread.

    def _run_agent(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # raised again in the main thread
            self._failure = error
        finally:
            self._ended.set()
            with self._lock:
                backend = self._backend
            if backend is not None:
                backend.stop()

    async def _serve(self) -> None:
        stopped = asyncio.Event()
        with self._lock:
            self._loop, self._stopped = asyncio.get_running_loop(), stopped
        if not self._quitting.is_set():
            await self._daemon.run(stopped, self)

    def ready(self, facts: dict[str, Any]) -> None:
        """Announce that every free port answers; open the panel where that was asked for."""
        self._announce(facts)
        left = bool(facts.get("left"))
        self.listening(facts.get("port"), facts.get("hipki_port"), left=left)

    def listening(self, port: int | None, hipki_port: int | None, *, left: bool) -> None:
        """Warn of ports that the agent lacks; open the panel that waited for one.

        Ports that are left to another person are no reason to warn.
        """
        self._set_warning("port", port is None)
        self._set_warning("plain_port", hipki_port is None and not left)
        self._update(warnings=self._warnings, left=left)
        if self._opens_panel and port is not None:
            self._opens_panel = False
            self._on_chosen("panel:state")

    def restart_needed(self, browsers: tuple[str, ...]) -> None:
        """Say which browsers have to be started anew, until they were."""
        self._update(restart=browsers)

    def updated(self, standing: UpdateStatus) -> None:
        """Show whether there is a newer version."""
        self._set_warning("too_old", standing.age is VersionAge.TOO_OLD)
        is_newer = standing.age in {VersionAge.NEWER, VersionAge.TOO_OLD}
        self._update(newest=standing.newest if is_newer else "", warnings=self._warnings)

    def _set_warning(self, warning: str, on: bool) -> None:
        """Add or remove a warning; the caller calls :meth:`_update`."""
        now = {*self._warnings, warning} if on else {*self._warnings} - {warning}
        self._warnings = tuple(each for each in _WARNINGS if each in now)

    def changed(self, snapshot: Snapshot) -> None:
        """Show the readers and cards as they are now."""
        self._update(snapshot=snapshot, warnings=self._warnings)

    def signed(self, signed: Signed) -> None:
        """Notify the citizen that a key was used; a click opens the history."""
        self._notify(TrayNotice(*notification(signed, self._texts()), key="panel:history"))

    def site_waits(self, site: Origin, ask: Callable[[], None]) -> None:
        """Tell the citizen of a site that cannot ask; offer the question there and in the menu."""
        with self._lock:
            self._waiting.pop(site, None)
            self._waiting[site] = ask
            while len(self._waiting) > MAX_WAITING:
                del self._waiting[next(iter(self._waiting))]
            waiting = tuple(self._waiting)
        self._update(waiting=waiting)
        texts, name = self._texts(), presentable(site.host)
        self._notify(
            TrayNotice(
                texts.waits,
                texts.waits_click.format(site=name),
                key=f"ask:{site}",
                body_without_click=texts.waits_how.format(site=name),
            )
        )

    def _notify(self, notice: TrayNotice) -> None:
        with self._lock:
            backend = self._backend
        if backend is not None:
            backend.notify(notice)

    def _ask_about(self, site: Origin) -> None:
        with self._lock:
            ask = self._waiting.pop(site, None)
            waiting = tuple(self._waiting)
        self._update(waiting=waiting)
        if ask is not None:
            ask()

    # The icon, in the main thread.

    def _show_icon(self) -> None:
        for run in count(1):
            try:
                self._run_icon()
            except NoTrayError as error:
                if run <= QUICK_RUNS:
                    _log.info("there is no tray; the panel has everything", detail=str(error))
            except Exception:  # noqa: BLE001  # whatever a toolkit raises
                if run <= QUICK_RUNS:
                    _log.exception("the icon failed; the agent goes on")
            else:
                return
            finally:
                with self._lock:
                    self._backend = None
            self._daemon.icon_shown(False)
            if self._wait_before_retry(RETRY_SECONDS if run < QUICK_RUNS else RARE_SECONDS):
                return

    def _wait_before_retry(self, seconds: float) -> bool:
        """Wait so long, or until the agent has ended; return whether it has."""
        waited = 0.0
        while waited < seconds:
            if self._ended.wait(_POLL_SECONDS):
                return True
            waited += _POLL_SECONDS
        return False

    def _run_icon(self) -> None:
        backend = self._make_backend()
        with self._lock:
            self._backend = backend
            if self._ended.is_set():
                return
        backend.run(self._view(), self._on_chosen, self._daemon.icon_shown)

    def _on_chosen(self, key: str) -> None:
        """Do what a menu entry stands for, in a new thread: the icon's must not block."""
        action = partial(self._run_action, key)
        threading.Thread(target=action, name=f"menu {key}", daemon=True).start()

    def _run_action(self, key: str) -> None:
        action, _, what = key.partition(":")
        try:
            if action == "quit":
                self.quit()
            elif action == "panel":
                self._open_panel(what.partition(":")[0])
            elif action == "ask":
                self._ask_about(Origin.parse(what))
            elif action == "autostart":
                self._toggle_autostart()
            elif action == "language" and what in CHOICES:
                self._set_language(what)
        except Exception:  # noqa: BLE001  # the next click is to work again
            _log.exception("an action of the menu failed", key=key)

    def _open_panel(self, page: str) -> None:
        try:
            address = first_address(self._daemon.paths, page)
        except PanelUnreachableError:
            texts = self._texts()
            self._notify(TrayNotice(texts.product, texts.warnings["port"]))
            return
        if not self._open_page(address):
            _log.warning("no browser could be started")

    def _toggle_autostart(self) -> None:
        autostart = self._daemon.autostart
        if autostart is None:
            return
        wanted = not autostart.is_on()
        (autostart.turn_on if wanted else autostart.turn_off)()
        remember_autostart(self._daemon.paths.installed, is_on=wanted)
        self._show_settings()

    def _show_settings(self) -> None:
        """Show changed settings in the menu and in the panel."""
        self.settings_changed()
        self._daemon.settings_changed()

    def settings_changed(self) -> None:
        """Show the settings in the menu after one changed: here, in the panel or in the policy."""
        autostart = self._daemon.autostart
        self._set_warning("policy", self._daemon.policy.problem is not None)
        self.updated(self._daemon.update.status)
        self._update(
            language=self._daemon.preferences.language,
            autostart=None if autostart is None else autostart.is_on(),
        )

    def _set_language(self, language: str) -> None:
        try:
            self._daemon.preferences.set_language(language)
        finally:
            self._show_settings()

    def _update(self, **changes: Any) -> None:
        """Change fields of the state; show the result where it differs."""
        with self._lock:
            before = self._state
            self._state = replace(before, **changes)
            if self._state == before:
                return
            backend = self._backend
        if backend is not None:
            backend.show(self._view())

    def _view(self) -> TrayView:
        with self._lock:
            state = self._state
        return make_view(state, self._texts())

    def _texts(self) -> TrayTexts:
        return load_texts(chosen_language(self._daemon.preferences.language))


def notification(signed: Signed, texts: TrayTexts) -> tuple[str, str]:
    """Return the title and the body of the notification after a key was used."""
    titles = {
        EntryKind.SIGN: texts.signed,
        EntryKind.AUTHENTICATE: texts.authenticated,
        EntryKind.DECRYPT: texts.decrypted,
    }
    own = {LOCAL_USER: texts.program, SELF_TEST: texts.self_test}
    site = own.get(signed.site) or signed.site.host
    lines = [texts.by.format(site=presentable(site))]
    if signed.kind is EntryKind.SIGN and signed.documents:
        name = _named(signed.documents[0], signed.site, texts)
        count = len(signed.documents)
        lines.append(name if count == 1 else texts.documents.format(name=name, count=count))
    return titles[signed.kind], "\n".join(lines)


def _named(document: str | None, site: Origin, texts: TrayTexts) -> str:
    """Return a document's name as the word of whoever asked, where it is not the citizen's own."""
    name = presentable(document or texts.unnamed)
    if document is None or site in (LOCAL_USER, SELF_TEST):
        return name
    return (texts.named_by_program if site.is_local else texts.named_by_site).format(name=name)
