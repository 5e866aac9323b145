"""Text of any length in a frame of its own: nothing in it can be changed, and all of it be seen."""

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import font as tk_font
from tkinter import ttk
from typing import Any, Final

from tray.prompt.style import Style

_WHEEL_LINES: Final = 3
_WHEEL_STEP: Final = 120  # of one notch, in Tk's events


class ScrolledText(tk.Frame):
    """Lines that keys, wheel and bar move up and down; the frame shows the focus.

    Attributes:
        text: what the caller's lines and tags go into, through :meth:`add`.

    """

    def __init__(
        self, parent: tk.Misc, style: Style, font: tk_font.Font, lines: int, least: int
    ) -> None:
        """Make an empty one.

        Args:
            parent: the widget around it; the caller packs the frame.
            style: the window's.
            font: of lines without a tag.
            lines: how many of them can be seen at once.
            least: how many of them :meth:`shrink` leaves.

        """
        palette = style.palette
        super().__init__(
            parent,
            background=palette.paper,
            highlightthickness=style.gap(0.1),
            highlightbackground=palette.edge,
            highlightcolor=palette.brand,
        )
        self._least = least
        self._line_height = font.metrics("linespace")
        self.text = tk.Text(
            self,
            font=font,
            width=1,
            height=lines,
            wrap="none",
            state="disabled",
            takefocus=True,
            cursor="arrow",
            relief="flat",
            borderwidth=0,
            highlightthickness=0,
            padx=style.gap(0.5),
            pady=style.gap(0.2),
            background=palette.paper,
            foreground=palette.ink,
        )
        self._bar = ttk.Scrollbar(self, command=self.text.yview, takefocus=False)
        self.text.configure(yscrollcommand=self._show_bar)
        self.text.pack(side="left", fill="both", expand=True)
        # Only its own keys: nothing is marked, pasted or typed.
        self.text.bindtags((str(self.text), str(self.text.winfo_toplevel()), "all"))
        self._bind(style)

    def add(self, text: str, *tags: str) -> None:
        """Append text at the end."""
        self.text.configure(state="normal")
        self.text.insert("end", text, tags)
        self.text.configure(state="disabled")

    def shrink(self, pixels: int) -> int:
        """Take at least so many pixels from the height, if so much is left; return what it took."""
        lines = int(self.text.cget("height"))
        taken = min(-(-pixels // self._line_height), lines - self._least)
        if taken <= 0:
            return 0
        self.text.configure(height=lines - taken)
        return taken * self._line_height

    def _show_bar(self, first: float, last: float) -> None:
        if float(first) > 0 or float(last) < 1:  # Tk gives texts
            # Beside the lines, which are never so long; it asks for no height of its own.
            self._bar.place(relx=1.0, rely=0.0, relheight=1.0, anchor="ne")
        else:
            self._bar.place_forget()
        self._bar.set(first, last)

    def _bind(self, style: Style) -> None:
        text, palette = self.text, style.palette
        moves: dict[str, Callable[[], object]] = {
            "<Up>": partial(text.yview_scroll, -1, "units"),
            "<Down>": partial(text.yview_scroll, 1, "units"),
            "<Prior>": partial(text.yview_scroll, -1, "pages"),
            "<Next>": partial(text.yview_scroll, 1, "pages"),
            "<space>": partial(text.yview_scroll, 1, "pages"),
            "<Home>": partial(text.yview_moveto, 0),
            "<End>": partial(text.yview_moveto, 1),
            "<Button-4>": partial(text.yview_scroll, -_WHEEL_LINES, "units"),
            "<Button-5>": partial(text.yview_scroll, _WHEEL_LINES, "units"),
            "<Button-1>": text.focus_set,
        }
        for event, move in moves.items():
            text.bind(event, partial(_do, move))
        text.bind("<MouseWheel>", self._on_wheel)
        text.bind("<FocusIn>", lambda _: self.configure(highlightbackground=palette.brand))
        text.bind("<FocusOut>", lambda _: self.configure(highlightbackground=palette.edge))

    def _on_wheel(self, event: "tk.Event[Any]") -> str:
        self.text.yview_scroll(-_notches(event.delta) * _WHEEL_LINES, "units")
        return "break"


def _do(move: Callable[[], object], _event: object) -> str:
    move()
    return "break"


def _notches(delta: int) -> int:
    """Count the notches of a wheel; macOS sends a small number for each."""
    return round(delta / _WHEEL_STEP) if abs(delta) >= _WHEEL_STEP else delta
