"""The icon on Windows and macOS, shown with pystray."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import structlog

from tray.icon.backend import TrayNotice
from tray.icon.drawing import draw
from tray.icon.view import MenuItem, TrayView

SIZE: Final = 64  # width and height in pixels; the system scales it down
_BACKENDS: Final = {"win32": "win32", "darwin": "darwin"}
MAX_TITLE: Final = 127  # NOTIFYICONDATAW.szTip
MAX_NOTICE: Final = 255  # NOTIFYICONDATAW.szInfo
MAX_NOTICE_TITLE: Final = 63  # NOTIFYICONDATAW.szInfoTitle
ICON_MESSAGE: Final = 0x400 + 11  # the window message by which pystray hears of its icon
NOTICE_CLICKED: Final = 0x400 + 5  # NIN_BALLOONUSERCLICK, shellapi.h

_log = structlog.get_logger(__name__)


class PystrayIcon:
    """The icon on Windows and macOS; see :class:`~tray.icon.backend.Backend`."""

    def __init__(self, platform: str = sys.platform) -> None:
        """Import pystray.

        Args:
            platform: a value of ``sys.platform``.

        Raises:
            ImportError: pystray is not installed.

        """
        # pystray reads the variable when it is imported; a value that the user set is overridden.
        os.environ["PYSTRAY_BACKEND"] = _BACKENDS.get(platform, "dummy")
        import pystray  # noqa: PLC0415  # its import opens a connection to the display

        self._pystray = pystray
        self._doubled_ampersand = platform == "win32"
        self._hears_clicks = False
        self._notice_key = ""
        self._lock = threading.Lock()
        self._icon: Any = None
        self._stop_wanted = False
        self._chosen: Callable[[str], None] = lambda _: None
        self._told: Callable[[bool], None] = lambda _: None

    def run(
        self,
        view: TrayView,
        chosen: Callable[[str], None],
        shown: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """Show the icon; block until :meth:`stop` is called."""
        self._chosen = chosen
        self._told = shown
        with self._lock:
            if self._stop_wanted:
                return
            self._icon = self._pystray.Icon(
                "ankong", self._image(view), view.title[:MAX_TITLE], self._menu(view.menu)
            )
            self._hears_clicks = self._hear_clicks(self._icon)
        self._icon.run(self._begin)

    def _hear_clicks(self, icon: Any) -> bool:
        """Make a click on a notification known; return whether that is possible.

        Windows sends it to the icon's window, whose messages pystray keeps in a table. macOS tells
        only programs that are signed and bundled.
        """
        handlers = getattr(icon, "_message_handlers", None)
        if not isinstance(handlers, dict) or ICON_MESSAGE not in handlers:
            return False
        others = handlers[ICON_MESSAGE]

        def handle(wparam: int, lparam: int) -> Any:
            if lparam == NOTICE_CLICKED:
                self._clicked()
                return None
            return others(wparam, lparam)

        handlers[ICON_MESSAGE] = handle
        return True

    def _clicked(self) -> None:
        with self._lock:
            key, self._notice_key = self._notice_key, ""
        if key:
            self._chosen(key)

    def _begin(self, icon: Any) -> None:
        """Show the icon; called by pystray when its loop runs, before which it ignores a stop."""
        icon.visible = True
        self._told(True)
        with self._lock:
            stop_wanted = self._stop_wanted
        if stop_wanted:
            icon.stop()

    def show(self, view: TrayView) -> None:
        """Replace what is shown; may be called from any thread."""
        with self._lock:
            if self._icon is None:
                return
            self._icon.icon = self._image(view)
            self._icon.title = view.title[:MAX_TITLE]
            self._icon.menu = self._menu(view.menu)
            self._icon.update_menu()

    def notify(self, notice: TrayNotice) -> None:
        """Show a notification; may be called from any thread.

        It is cut to ``MAX_NOTICE_TITLE`` and ``MAX_NOTICE`` characters. A click counts for the
        newest one, as Windows shows one at a time.
        """
        with self._lock:
            if self._icon is None or not self._icon.HAS_NOTIFICATION:
                return
            self._notice_key = notice.key
            body = notice.text(clickable=self._hears_clicks)
            self._icon.notify(body[:MAX_NOTICE], notice.title[:MAX_NOTICE_TITLE])

    def stop(self) -> None:
        """Make :meth:`run` return; may be called from any thread, also before :meth:`run`."""
        with self._lock:
            self._stop_wanted = True
            icon = self._icon
        if icon is not None:
            icon.stop()

    def _image(self, view: TrayView) -> Any:
        from PIL import Image  # noqa: PLC0415  # comes with pystray

        return Image.frombytes("RGBA", (SIZE, SIZE), draw(view.status, SIZE))

    def _menu(self, items: Iterable[MenuItem]) -> Any:
        return self._pystray.Menu(*self._entries(items))

    def _entries(self, items: Iterable[MenuItem]) -> Iterator[Any]:
        for position, item in enumerate(items):
            if not item.label:
                yield self._pystray.Menu.SEPARATOR
            else:
                yield self._entry(item, default=position == 0)

    def _entry(self, item: MenuItem, *, default: bool) -> Any:
        # On Windows an ampersand would make the next letter an access key.
        label = item.label.replace("&", "&&") if self._doubled_ampersand else item.label
        checked = item.checked

        def is_checked(_entry: Any) -> bool | None:
            return checked

        def choose() -> None:
            self._chosen(item.key)

        return self._pystray.MenuItem(
            label,
            self._menu(item.children) if item.children else choose,
            checked=None if checked is None else is_checked,
            radio=item.radio,
            default=default and not item.children,
            enabled=item.enabled,
        )
