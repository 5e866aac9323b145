"""The icon of Windows and macOS: our use of pystray, held to its real classes."""

import os
import re
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.words.language import Language
from tray.icon.backend import TrayNotice
from tray.icon.pystray_icon import ICON_MESSAGE, NOTICE_CLICKED
from tray.icon.texts import load_texts
from tray.icon.view import TrayState, TrayView, make_view


def view(state: CardPresence = CardPresence.CARD, name: str = "R&D Reader") -> TrayView:
    snapshot = Snapshot(service_available=True, readers=(ReaderView(name, state, "gen2"),))
    return make_view(TrayState(snapshot, autostart=True), load_texts(Language.ENGLISH))


class Screen:
    """What a system's icon would show, fed by pystray's own base class."""

    def __init__(self) -> None:
        self.icons: list[Any] = []
        self.notices: list[tuple[str, str]] = []
        self.ready = threading.Event()

    def icon_class(self, base: type) -> type:
        screen = self

        class ScreenIcon(base):  # type: ignore[misc]  # pystray has no types
            HAS_NOTIFICATION = True

            def __init__(self, *arguments: Any, **named: Any) -> None:
                self.ended = threading.Event()
                super().__init__(*arguments, **named)
                screen.icons.append(self)

            def _run(self) -> None:
                self._mark_ready()
                assert self.ended.wait(30)

            def _stop(self) -> None:
                self.ended.set()

            def _show(self) -> None:
                screen.ready.set()

            def _hide(self) -> None: ...
            def _update_icon(self) -> None: ...
            def _update_title(self) -> None: ...
            def _update_menu(self) -> None: ...

            def _notify(self, message: str, title: str | None = None) -> None:
                screen.notices.append((title or "", message))

        return ScreenIcon


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    monkeypatch.setenv("PYSTRAY_BACKEND", "dummy")
    import pystray

    made = Screen()
    monkeypatch.setattr(pystray, "Icon", made.icon_class(pystray._base.Icon))
    yield made
    for icon in made.icons:
        icon.ended.set()


class Running:
    """An icon in a thread, and what was chosen in its menu."""

    def __init__(self, platform: str, screen: Screen) -> None:
        from tray.icon.pystray_icon import PystrayIcon

        self.chosen: list[str] = []
        self.icon = PystrayIcon(platform)
        self.thread = threading.Thread(target=self.icon.run, args=(view(), self.chosen.append))
        self.thread.start()
        assert screen.ready.wait(30)

    def end(self) -> None:
        self.icon.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def running(screen: Screen) -> Iterator[Running]:
    made = Running("other", screen)
    yield made
    made.end()


def walk(menu: Any) -> Iterator[Any]:
    for item in menu:
        yield item
        if item.submenu:
            yield from walk(item.submenu)


def test_every_line_is_there_and_does_its_work(running: Running, screen: Screen) -> None:
    (icon,) = screen.icons
    by_text = {item.text: item for item in walk(icon.menu)}
    texts = load_texts(Language.ENGLISH)
    for label in (texts.sites, texts.history, texts.selftest, texts.quit):
        by_text[label](icon)
    assert running.chosen == ["panel:sites", "panel:history", "panel:selftest", "quit"]
    assert by_text[texts.autostart].checked is True
    assert by_text["As the system"].radio is True
    assert by_text["As the system"].checked is True
    assert by_text["English"].checked is False


def test_a_click_on_the_icon_opens_the_panel(running: Running, screen: Screen) -> None:
    screen.icons[0]()
    assert running.chosen == ["panel:state"]


def test_another_face_is_another_picture_title_and_menu(running: Running, screen: Screen) -> None:
    (icon,) = screen.icons
    before = icon.icon.tobytes()
    running.icon.show(view(CardPresence.MUTE))
    assert icon.icon.tobytes() != before
    assert "does not answer" in icon.title
    assert any("does not answer" in item.text for item in walk(icon.menu))


def test_on_windows_an_ampersand_is_an_ampersand(screen: Screen, running: Running) -> None:
    from tray.icon.pystray_icon import PystrayIcon

    texts = [item.text for item in walk(PystrayIcon("win32")._menu(view().menu))]
    assert any("R&&D" in text for text in texts)
    assert any("R&D" in item.text for item in walk(screen.icons[0].menu))
    assert running.chosen == []


def test_what_windows_has_no_room_for_is_cut(running: Running, screen: Screen) -> None:
    running.icon.notify(TrayNotice("t" * 500, "b" * 500))
    ((title, body),) = screen.notices
    assert (len(title), len(body)) == (63, 255)
    assert len(screen.icons[0].title) <= 127


def test_a_click_on_a_windows_notification_counts_once(running: Running, screen: Screen) -> None:
    """The handler that pystray calls with its window's messages is ours, and passes on the rest."""
    (icon,) = screen.icons
    heard: list[tuple[int, int]] = []
    icon._message_handlers = {ICON_MESSAGE: lambda *message: heard.append(message)}
    running.icon._hears_clicks = running.icon._hear_clicks(icon)
    handle = icon._message_handlers[ICON_MESSAGE]
    handle(0, NOTICE_CLICKED)  # of no notification of ours
    running.icon.notify(TrayNotice("t", "click", key="ask:https://a.example"))
    running.icon.notify(TrayNotice("t", "click", "ask:https://b.example", "choose in the menu"))
    handle(0, 0x202)  # WM_LBUTTONUP
    for _ in range(2):
        handle(0, NOTICE_CLICKED)
    assert running.chosen == ["ask:https://b.example"]
    assert heard == [(0, 0x202)]
    assert screen.notices[-1] == ("t", "click")
    running.icon.notify(TrayNotice("t", "only to be read"))
    handle(0, NOTICE_CLICKED)
    assert running.chosen == ["ask:https://b.example"]


def test_where_clicks_are_not_heard_the_notification_says_another_way(
    running: Running, screen: Screen
) -> None:
    running.icon.notify(TrayNotice("t", "click", "ask:https://a.example", "choose in the menu"))
    assert screen.notices == [("t", "choose in the menu")]


def test_the_windows_message_is_the_one_of_pystray() -> None:
    """Its module cannot be imported elsewhere; its source can be read."""
    found = find_spec("pystray")  # importing it would look for a display
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent
    source = (folder / "_util" / "win32.py").read_text("utf-8")
    assert re.search(r"^WM_USER = 0x400$", source, re.MULTILINE)
    assert re.search(r"^WM_NOTIFY = WM_USER \+ 11$", source, re.MULTILINE)
    assert "win32.WM_NOTIFY: self._on_notify" in (folder / "_win32.py").read_text("utf-8")


def test_a_stop_before_the_beginning_counts(screen: Screen) -> None:
    from tray.icon.pystray_icon import PystrayIcon

    icon = PystrayIcon("other")
    icon.stop()
    icon.run(view(), lambda _: None)
    assert screen.icons == []


@pytest.mark.usefixtures("screen")
def test_a_stop_while_it_begins_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    from tray.icon.pystray_icon import PystrayIcon

    icon = PystrayIcon("other")
    begin = icon._begin

    def stopped_meanwhile(shown: Any) -> None:
        icon.stop()
        begin(shown)

    monkeypatch.setattr(icon, "_begin", stopped_meanwhile)
    thread = threading.Thread(target=icon.run, args=(view(), lambda _: None))
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.parametrize(("platform", "backend"), [("win32", "win32"), ("darwin", "darwin")])
def test_no_environment_chooses_the_back_end(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, platform: str, backend: str
) -> None:
    from tray.icon.pystray_icon import PystrayIcon

    monkeypatch.setenv("PYSTRAY_BACKEND", "xorg")
    PystrayIcon(platform)
    assert os.environ["PYSTRAY_BACKEND"] == backend
    assert screen.icons == []
