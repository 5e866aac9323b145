"""A hidden window that has all it needs but a question.

What takes most of the time is done before: modules, the connection to the display, fonts. The
question then comes through a thread, while Tk goes on answering the display.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from typing import Final

from agent.consent.wire import WindowRequest
from tray.prompt.picture import draw_card
from tray.prompt.style import Style, system_palette
from tray.prompt.texts import PromptTexts
from tray.prompt.views import show
from tray.prompt.window import HEAD_PICTURE, ICON, open_root

_QUESTION: Final = "<<AnkongQuestion>>"


class ReadyWindow:
    """Waits for one question."""

    def __init__(
        self, read_line: Callable[[], bytes], wait_for_end: Callable[[threading.Event], None]
    ) -> None:
        """Connect to the display.

        Args:
            read_line: returns the question, or nothing at the end; blocks.
            wait_for_end: sets the event when nobody waits for the answer any more; blocks.

        Raises:
            tk.TclError: there is no display.

        """
        self._root = open_root()
        self._read_line = read_line
        self._wait_for_end = wait_for_end
        self._line = b""
        self._cancelled = threading.Event()
        self._draw()

    def _draw(self) -> None:
        """Do once what every window does and what is kept: find the font, draw the card.

        Not the letters of each font: they are quickly found, and take megabytes.
        """
        style = Style(self._root, system_palette(os.environ))
        palette = style.palette
        for height in (style.gap(HEAD_PICTURE), ICON):
            draw_card(self._root, height, palette.brand, palette.on_brand)

    def wait(self) -> bytes:
        """Return the question; nothing where nobody asks any more."""
        self._root.bind(_QUESTION, lambda _: self._root.quit())
        # Not before the loop runs: what another thread asks of Tk waits for that.
        self._root.after_idle(threading.Thread(target=self._listen, daemon=True).start)
        self._root.mainloop()
        self._root.unbind(_QUESTION)
        return self._line

    def is_stale(self) -> bool:
        """Return whether the screen has another size than Tk saw when it connected to it."""
        if self._root.tk.call("tk", "windowingsystem") != "x11":
            return False  # Tk is told of it there
        seen = self._root.winfo_screenwidth(), self._root.winfo_screenheight()
        return _x11_screen() not in (None, seen)

    def show(self, request: WindowRequest, texts: PromptTexts) -> bytearray:
        """Show the window and return the answer, as :func:`tray.prompt.views.show` does."""
        return show(self._root, request.prompt, texts, self._cancelled, request.administrator)

    def _listen(self) -> None:
        self._line = self._read_line()
        self._root.event_generate(_QUESTION, when="tail")
        if self._line:
            self._wait_for_end(self._cancelled)


def _x11_screen() -> tuple[int, int] | None:
    """Return the screen's width and height in pixels; None where that cannot be found out."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:
        return None
    x11.XOpenDisplay.restype = ctypes.c_void_p
    address = x11.XOpenDisplay(None)
    if address is None:
        return None
    display = ctypes.c_void_p(address)
    try:
        screen = x11.XDefaultScreen(display)
        return x11.XDisplayWidth(display, screen), x11.XDisplayHeight(display, screen)
    finally:
        x11.XCloseDisplay(display)
