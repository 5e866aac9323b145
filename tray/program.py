"""The agent with its icon: the icon has the main thread, the agent one of its own.

The agent does not need the icon. Where none can be drawn, or one that was drawn fails, the
agent goes on; only the agent's own end, the citizen, or a signal ends the program.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import structlog

from agent.commands.browser import open_address
from agent.commands.daemon import Daemon, Observer
from agent.history.line import EntryKind, presentable
from agent.host.instance.panel_key import panel_address
from agent.host.update.status import UpdateStatus, VersionAge
from agent.origin import LOCAL_USER, SELF_TEST
from agent.signing.model import Snapshot
from agent.signing.recording import Signed
from agent.words.language import CHOICES, chosen_language
from tray.icon.backend import Backend, NoTrayError
from tray.icon.face import Face, Facts, make_face
from tray.icon.texts import Texts, load_texts

AGAIN_SECONDS: Final = 15.0
"""After how long an icon that failed is drawn again."""
MAX_FALLS: Final = 5
END_SECONDS: Final = 20.0
"""How long the agent may take to end."""
_WARNINGS: Final = ("policy", "too_old", "plain_port")  # the worst first
_LOOK_SECONDS: Final = 0.5  # on Windows a signal interrupts no wait without an end

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
            make_backend: makes what draws the icon.
            announce: told in the agent's thread when it is ready.
            open_page: opens an address in the citizen's browser.

        """
        self._daemon = daemon
        self._make_backend = make_backend
        self._announce = announce
        self._open_page = open_page
        self._lock = threading.Lock()
        self._facts = Facts(language=daemon.preferences.language)
        self._warnings: tuple[str, ...] = ("policy",) if daemon.policy.problem else ()
        self._backend: Backend | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._quitting = threading.Event()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._opens_panel = False

    def open_when_ready(self) -> None:
        """Open the panel too, as soon as the agent answers: where there is no tray, it is all."""
        self._opens_panel = True

    def run(self) -> None:
        """Run until the agent ends; in the main thread.

        Raises:
            AgentError, OSError: why the agent could not run.

        """
        self._catch_signals()
        self.settings_changed()
        thread = threading.Thread(target=self._run_agent, name="agent", daemon=True)
        thread.start()
        self._show_icon()
        while not self._ended.wait(_LOOK_SECONDS):
            pass
        thread.join(END_SECONDS)
        if self._failure is not None:
            raise self._failure

    def quit(self) -> None:
        """End the agent, and with it the program; from any thread."""
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
        """Show that every port answers; open the panel where that was asked for."""
        if facts.get("hipki_port") is None:
            self._warn("plain_port", True)
        self._announce(facts)
        if self._opens_panel:
            self._choose("panel:state")

    def updated(self, standing: UpdateStatus) -> None:
        """Show what is known of newer versions."""
        self._warn("too_old", standing.age is VersionAge.TOO_OLD)
        is_news = standing.age in {VersionAge.NEWER, VersionAge.TOO_OLD}
        self._update(newest=standing.newest if is_news else "", warnings=self._warnings)

    def _warn(self, warning: str, on: bool) -> None:
        """Set a warning or take it back."""
        now = {*self._warnings, warning} if on else {*self._warnings} - {warning}
        self._warnings = tuple(each for each in _WARNINGS if each in now)

    def changed(self, snapshot: Snapshot) -> None:
        """Show the readers as they are now."""
        self._update(snapshot=snapshot, warnings=self._warnings)

    def signed(self, signed: Signed) -> None:
        """Tell the citizen that a key was used."""
        with self._lock:
            backend = self._backend
        if backend is not None:
            backend.notify(*notification(signed, self._texts()))

    # The icon, in the main thread.

    def _show_icon(self) -> None:
        for _ in range(MAX_FALLS):
            try:
                self._draw()
            except NoTrayError as error:
                _log.info("there is no tray; the panel has everything", detail=str(error))
            except Exception:  # noqa: BLE001  # whatever a toolkit throws
                _log.exception("the icon fell over; the agent goes on")
            else:
                return
            finally:
                with self._lock:
                    self._backend = None
            if self._wait_before_again():
                return

    def _wait_before_again(self) -> bool:
        """Wait a little; return whether the agent has ended meanwhile."""
        waited = 0.0
        while waited < AGAIN_SECONDS:
            if self._ended.wait(_LOOK_SECONDS):
                return True
            waited += _LOOK_SECONDS
        return False

    def _draw(self) -> None:
        backend = self._make_backend()
        with self._lock:
            self._backend = backend
            if self._ended.is_set():
                return
        backend.run(self._face(), self._choose)

    def _choose(self, key: str) -> None:
        """Do what a line of the menu says; elsewhere, for the icon must not wait."""
        threading.Thread(target=self._do, args=(key,), name=f"menu {key}", daemon=True).start()

    def _do(self, key: str) -> None:
        action, _, what = key.partition(":")
        try:
            if action == "quit":
                self.quit()
            elif action == "panel":
                self._open_panel(what.partition(":")[0])
            elif action == "autostart":
                self._toggle_autostart()
            elif action == "language" and what in CHOICES:
                self._speak(what)
        except Exception:  # noqa: BLE001  # the next click is to work again
            _log.exception("the menu could not do it", key=key)

    def _open_panel(self, page: str) -> None:
        address = panel_address(self._daemon.paths)
        if not self._open_page(f"{address}&page={page}"):
            _log.warning("no browser could be started")

    def _toggle_autostart(self) -> None:
        autostart = self._daemon.autostart
        if autostart is None:
            return
        (autostart.turn_off if autostart.is_on() else autostart.turn_on)()
        self._tell_settings()

    def _tell_settings(self) -> None:
        """Show what was chosen, here and in the panel."""
        self.settings_changed()
        self._daemon.settings_changed()

    def settings_changed(self) -> None:
        """Show what the citizen chose, here or in the panel."""
        autostart = self._daemon.autostart
        self.updated(self._daemon.update.status)
        self._update(
            language=self._daemon.preferences.language,
            autostart=None if autostart is None else autostart.is_on(),
        )

    def _speak(self, language: str) -> None:
        try:
            self._daemon.preferences.set_language(language)
        finally:
            self._tell_settings()

    def _update(self, **known: Any) -> None:
        with self._lock:
            before = self._facts
            self._facts = Facts(**{**_fields(before), **known})
            if self._facts == before:
                return
            backend = self._backend
        if backend is not None:
            backend.show(self._face())

    def _face(self) -> Face:
        with self._lock:
            facts = self._facts
        return make_face(facts, self._texts())

    def _texts(self) -> Texts:
        return load_texts(chosen_language(self._daemon.preferences.language))


def _fields(facts: Facts) -> dict[str, Any]:
    return {name: getattr(facts, name) for name in Facts.__slots__}


def notification(signed: Signed, texts: Texts) -> tuple[str, str]:
    """Write the title and the body of what the citizen is told after a key was used."""
    title = texts.signed if signed.kind is EntryKind.SIGN else texts.decrypted
    own = {LOCAL_USER: texts.program, SELF_TEST: texts.self_test}
    site = own.get(signed.site) or signed.site.host
    lines = [texts.by.format(site=presentable(site))]
    if signed.kind is EntryKind.SIGN and signed.documents:
        name = presentable(signed.documents[0] or texts.unnamed)
        count = len(signed.documents)
        lines.append(name if count == 1 else texts.documents.format(name=name, count=count))
    return title, "\n".join(lines)
