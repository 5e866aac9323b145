"""The icon on Windows and macOS, by pystray; never by its Xorg back end, which has no menu."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import structlog

from tray.icon.drawing import draw
from tray.icon.face import Face, MenuItem

SIZE: Final = 64  # pixels; the system scales it down
_BACKENDS: Final = {"win32": "win32", "darwin": "darwin"}
MAX_TITLE: Final = 127  # NOTIFYICONDATAW.szTip
MAX_NOTICE: Final = 255  # NOTIFYICONDATAW.szInfo
MAX_NOTICE_TITLE: Final = 63  # NOTIFYICONDATAW.szInfoTitle

_log = structlog.get_logger(__name__)


class PystrayIcon:
    """The icon, in the main thread."""

    def __init__(self, platform: str = sys.platform) -> None:
        """Load pystray.

        Args:
            platform: as ``sys.platform`` has it.

        Raises:
            ImportError: it is not installed.

        """
        # It is read while pystray is imported; what a user has set there is not for us.
        os.environ["PYSTRAY_BACKEND"] = _BACKENDS.get(platform, "dummy")
        import pystray  # noqa: PLC0415  # importing it already opens what it draws on

        self._pystray = pystray
        self._doubled_ampersand = platform == "win32"
        self._lock = threading.Lock()
        self._icon: Any = None
        self._stop_wanted = False
        self._chosen: Callable[[str], None] = lambda _: None

    def run(self, face: Face, chosen: Callable[[str], None]) -> None:
        """Show ``face``; return after :meth:`stop`."""
        self._chosen = chosen
        with self._lock:
            if self._stop_wanted:
                return
            self._icon = self._pystray.Icon(
                "ankong", self._image(face), face.title[:MAX_TITLE], self._menu(face.menu)
            )
        self._icon.run(self._begin)

    def _begin(self, icon: Any) -> None:
        """Show the icon, now that its loop runs; pystray forgets a stop that came before that."""
        icon.visible = True
        with self._lock:
            stop_wanted = self._stop_wanted
        if stop_wanted:
            icon.stop()

    def show(self, face: Face) -> None:
        """Show another face; from any thread."""
        with self._lock:
            if self._icon is None:
                return
            self._icon.icon = self._image(face)
            self._icon.title = face.title[:MAX_TITLE]
            self._icon.menu = self._menu(face.menu)
            self._icon.update_menu()

    def notify(self, title: str, body: str) -> None:
        """Tell the citizen something for a few seconds; from any thread."""
        with self._lock:
            if self._icon is not None and self._icon.HAS_NOTIFICATION:
                self._icon.notify(body[:MAX_NOTICE], title[:MAX_NOTICE_TITLE])

    def stop(self) -> None:
        """Have :meth:`run` return; from any thread, also before it runs."""
        with self._lock:
            self._stop_wanted = True
            icon = self._icon
        if icon is not None:
            icon.stop()

    def _image(self, face: Face) -> Any:
        from PIL import Image  # noqa: PLC0415  # comes with pystray

        return Image.frombytes("RGBA", (SIZE, SIZE), draw(face.mood, SIZE))

    def _menu(self, items: Iterable[MenuItem]) -> Any:
        return self._pystray.Menu(*self._lines(items))

    def _lines(self, items: Iterable[MenuItem]) -> Iterator[Any]:
        for position, item in enumerate(items):
            if not item.label:
                yield self._pystray.Menu.SEPARATOR
            else:
                yield self._line(item, default=position == 0)

    def _line(self, item: MenuItem, *, default: bool) -> Any:
        # On Windows an ampersand would make the next letter a short cut.
        label = item.label.replace("&", "&&") if self._doubled_ampersand else item.label
        checked = item.checked

        def is_checked(_line: Any) -> bool | None:
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
