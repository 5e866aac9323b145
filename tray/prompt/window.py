"""The parts that all windows share: the head, the rows of a panel, the buttons, the end."""

import ctypes
import os
import sys
import threading
import time
import tkinter as tk
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tkinter import font as tk_font
from tkinter import ttk
from typing import Any, Final, TypeAlias

from agent.consent.wire import LOOK
from tray.prompt.capture import keep_out_of_captures
from tray.prompt.picture import draw_card
from tray.prompt.scroll import ScrolledText
from tray.prompt.style import WIDTH, Style, system_palette
from tray.prompt.texts import PromptTexts, button_label
from tray.prompt.wrap import fit, wrap

INPUT_DELAY_SECONDS: Final = 0.5
"""How long keys and clicks are ignored at first: they were meant for the window before.

A key that is ignored begins the time anew: whoever is typing something else goes on into nothing,
and no PIN is taken without its first characters.
"""
RETURN_DELAY_SECONDS: Final = 1.0
"""The same, of a question's buttons, once the window has the keyboard again after another had."""
VALUE_WIDTH: Final = WIDTH - 9.6  # ems of a value in a panel
CHECK_BOX: Final = 2.6  # ems of a line that a check box and its margins take
HEAD_PICTURE: Final = 2.3  # ems, the height of the card in the head
ICON: Final = 32  # pixels, the height of the window's icon
_SCREEN_MARGIN: Final = 4.0  # ems of the screen's height that are left to title and task bars
_POLL_MILLISECONDS: Final = 50  # how often it is checked whether the question was cancelled
_OUTPUT: Final = 1  # the file number of standard output, where answers go
_ENTER_KEYS: Final = ("<Return>", "<KP_Enter>")

Press: TypeAlias = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say in a panel.

    Attributes:
        text: made harmless, of any length.
        font: one of the style's; what is in the small one is muted.
        lines: how many it may take; the middle of a longer text is left out.
        right: what stands small at the right of it.
        end_only: whether only the end of a longer text is kept.
        before: the beginning of a host, muted; on a line of its own where one line does not hold
            both, and left out where ``text`` alone is longer than a line.

    """

    text: str
    font: tk_font.Font
    lines: int = 1
    right: str = ""
    end_only: bool = False
    before: str = ""


def open_root() -> tk.Tk:
    """Connect to the display and return a hidden window, with input methods switched off.

    Raises:
        tk.TclError: there is no display.

    """
    if sys.platform == "win32":
        ctypes.windll.shcore.SetProcessDpiAwareness(1)  # sharp text on a scaled screen
        # An input method would turn the digits of a PIN into its own symbols.
        ctypes.windll.imm32.ImmDisableIME(0)
    root = tk.Tk(className="Ankong")
    root.withdraw()
    if root.tk.call("tk", "windowingsystem") == "x11":
        root.tk.call("tk", "useinputmethods", "0")
    return root


class Window:
    """One window, built from top to bottom; :meth:`run` shows it and returns the answer.

    Attributes:
        style: fonts and colours.
        texts: in the citizen's language.
        body: the frame between the head and the buttons.

    """

    def __init__(self, root: tk.Tk, texts: PromptTexts, title: str, *, alarm: bool = False) -> None:
        """Build the head.

        Args:
            root: from :func:`open_root`.
            texts: in the citizen's language.
            title: the question; it is also the window's title, which screen readers read out.
            alarm: whether the head is red.

        """
        self.style = Style(root, system_palette(os.environ))
        self.texts = texts
        self._root = root
        self._answer = bytearray()
        self._accepts_input_at = float("inf")
        self._is_away = False
        self._first: tk.Misc | None = None
        self._scrolled: list[ScrolledText] = []
        root.title(f"{title} – {texts.product}")
        root.configure(background=self.style.palette.paper)
        root.resizable(width=False, height=False)
        self._add_head(title, alarm=alarm)
        gap = self.style.gap
        self.body = tk.Frame(root, background=self.style.palette.paper)
        self.body.pack(fill="both", expand=True, padx=gap(1.6), pady=(gap(0.9), gap(0.3)))
        tk.Frame(self.body, width=gap(WIDTH), background=self.style.palette.paper).pack()
        self._buttons = tk.Frame(root, background=self.style.palette.paper)
        self._buttons.pack(fill="x", padx=gap(1.6), pady=(gap(0.7), gap(1.2)))

    # The parts of a window.

    def add_text(self, text: str, *, strong: bool = False) -> None:
        """Add a paragraph."""
        palette = self.style.palette
        font = self.style.strong if strong else self.style.body
        label = self.style.label(text, self.body, font, (palette.ink, palette.paper))
        label.pack(fill="x", pady=(0, self.style.gap(0.8)))

    def add_remark(self, text: str) -> None:
        """Add a small paragraph that matters less than the others."""
        palette = self.style.palette
        label = self.style.label(text, self.body, self.style.small, (palette.muted, palette.paper))
        label.pack(fill="x", pady=(self.style.gap(0.8), 0))

    def add_notice(self, text: str, *, danger: bool = False) -> tk.Label:
        """Add paragraphs in a coloured box, after an exclamation mark."""
        palette = self.style.palette
        back = palette.danger_panel if danger else palette.warning_panel
        front = palette.on_danger_panel if danger else palette.on_warning_panel
        gap = self.style.gap
        box = tk.Frame(self.body, background=front)
        box.pack(fill="x", pady=(0, gap(1.0)))
        inner = tk.Frame(box, background=back)
        inner.pack(fill="both", expand=True, padx=(gap(0.25), 0))
        mark = tk.Label(inner, text="!", font=self.style.title, foreground=front, background=back)
        mark.pack(side="left", padx=(gap(0.7), gap(0.1)))
        label = self.style.label(text, inner, self.style.body, (front, back), WIDTH - 3.6)
        label.pack(side="left", fill="x", expand=True, padx=gap(0.6), pady=gap(0.75))
        return label

    def add_panel(self) -> tk.Frame:
        """Add a tinted box for :meth:`add_fact`."""
        palette = self.style.palette
        gap = self.style.gap
        panel = tk.Frame(
            self.body,
            background=palette.panel,
            highlightthickness=1,
            highlightbackground=palette.line,
            highlightcolor=palette.line,  # where the focus is on something in it
        )
        panel.pack(fill="x", pady=(0, gap(1.0)), ipady=gap(0.5))
        panel.columnconfigure(1, weight=1)
        return panel

    def add_fact(self, panel: tk.Frame, name: str, lines: Sequence[Line]) -> tk.Frame:
        """Add a row to a panel: a name on the left, lines on the right; return their frame."""
        palette = self.style.palette
        gap = self.style.gap
        row = panel.grid_size()[1]
        top = gap(0.45)
        colours = (palette.muted, palette.panel)
        key = self.style.label(name, panel, self.style.small, colours, 6.5)
        # On the line that the first text stands on, which may be in a larger font.
        lower = max(0, lines[0].font.metrics("ascent") - self.style.small.metrics("ascent"))
        place: Any = {"sticky": "nw", "padx": (gap(0.9), gap(0.8)), "pady": (top + lower, 0)}
        key.grid(row=row, column=0, **place)
        values = tk.Frame(panel, background=palette.panel)
        values.grid(row=row, column=1, sticky="nwe", pady=(top, 0), padx=(0, gap(0.9)))
        for line in lines:
            self._add_line(values, line)
        return values

    def add_scrolled(
        self, parent: tk.Misc, font: tk_font.Font, lines: int, least: int
    ) -> ScrolledText:
        """Add text that scrolls, of so many lines, or of fewer where the screen is too small."""
        scrolled = ScrolledText(parent, self.style, font, lines, least)
        scrolled.pack(fill="x", pady=(self.style.gap(0.3), 0))
        self._scrolled.append(scrolled)
        return scrolled

    def _add_line(self, values: tk.Frame, line: Line) -> None:
        palette = self.style.palette
        width = self.style.gap(VALUE_WIDTH)
        place = tk.Frame(values, background=palette.panel)
        place.pack(fill="x")
        if line.right:
            aside = self.style.label(
                line.right, place, self.style.small, (palette.muted, palette.panel)
            )
            aside.pack(side="right")
            width -= aside.winfo_reqwidth() + self.style.gap(0.6)
        text = line.text
        if line.before and line.font.measure(text) > width:
            text = f"…{text}"
        elif line.before:
            self._add_before(place, line, width)
        front = palette.muted if line.font is self.style.small else palette.ink
        text = fit(text, line.font.measure, width, line.lines, end_only=line.end_only)
        label = self.style.label(text, place, line.font, (front, palette.panel))
        label.pack(side="left")

    def _add_before(self, place: tk.Frame, line: Line, width: int) -> None:
        palette, font = self.style.palette, self.style.before_domain
        is_one_line = font.measure(line.before) + line.font.measure(line.text) <= width
        text = fit(line.before, font.measure, width, 1, end_only=True)
        label = self.style.label(text, place, font, (palette.muted, palette.panel))
        label.pack(side="left" if is_one_line else "top", anchor="w")

    def add_button(self, text: str, press: Press, kind: str, *, left: bool = False) -> ttk.Button:
        """Add a button below the body; those on the right are added from right to left.

        Args:
            text: with ``&`` before its access key.
            press: called when it is pressed and the window accepts input.
            kind: "Primary", "Danger", "Plain" or "Quiet".
            left: whether it is on the left, apart from the others.

        """
        button = self.make_button(self._buttons, text, press, kind)
        side: Any = "left" if left else "right"
        between = self.style.gap(0.6)
        button.pack(side=side, padx=(0, between) if left else (between, 0))
        return button

    def make_button(self, parent: tk.Misc, text: str, press: Press, kind: str) -> ttk.Button:
        """Return a button for the caller to pack; the rest is as of :meth:`add_button`."""
        label, key = button_label(text)

        def pressed(_event: object = None) -> str:
            if self.accepts_input() and not button.instate(["disabled"]):
                press()
            return "break"

        button = ttk.Button(
            parent, text=label, underline=key, command=pressed, style=f"{kind}.TButton"
        )
        for enter in _ENTER_KEYS:
            button.bind(enter, pressed)
        if key >= 0:
            self._root.bind(f"<Alt-{label[key].lower()}>", pressed)
        return button

    def add_check(self, text: str, changed: Callable[[bool], None]) -> ttk.Checkbutton:
        """Add an empty check box; ``changed`` is called with its state after each click."""
        width = self.style.gap(WIDTH - CHECK_BOX)
        label, key = button_label(wrap(text, self.style.body.measure, width))
        ticked = tk.BooleanVar(self._root, value=False)

        def toggled() -> None:
            if not self.accepts_input():
                ticked.set(False)
            changed(ticked.get())

        check = ttk.Checkbutton(
            self.body,
            text=label,
            underline=key,
            variable=ticked,
            command=toggled,
            style="Confirm.TCheckbutton",
        )
        check.pack(fill="x", pady=(self.style.gap(0.3), self.style.gap(0.6)))
        if key >= 0:
            self._root.bind(f"<Alt-{label[key].lower()}>", lambda _: check.invoke())
        return check

    def add_choices(
        self, choices: Sequence[tuple[str, str, str]], chosen: Callable[[int], None]
    ) -> None:
        """Add a list of things of which one is chosen; none is at first.

        Args:
            choices: of each a text, a short mark that follows it, and a line below; texts are
                made harmless and of any length.
            chosen: called with the place of the chosen one, from 0, after each click.

        """
        place = tk.IntVar(self._root, value=-1)
        last = -1

        def picked() -> None:
            nonlocal last
            if self.accepts_input():
                last = place.get()
                chosen(last)
            else:
                place.set(last)

        width, measure = self.style.gap(WIDTH - 3.0), self.style.body.measure
        for number, (text, mark, below) in enumerate(choices):
            first = fit(text, measure, width - measure(mark), 1) + mark
            button = ttk.Radiobutton(
                self.body,
                text=f"{first}\n{fit(below, measure, width, 1)}",
                variable=place,
                value=number,
                command=picked,
                style="Choice.TRadiobutton",
            )
            button.pack(fill="x", pady=(0, self.style.gap(0.4)))

    # Showing and closing.

    def focus_first(self, widget: tk.Misc) -> None:
        """Give ``widget`` the focus when the window is shown."""
        self._first = widget

    def on_cancel(self, press: Press) -> None:
        """Have ``press`` called on Escape and when the window is closed."""
        self._root.protocol("WM_DELETE_WINDOW", press)
        self._root.bind("<Escape>", lambda _: press())

    def accepts_input(self) -> bool:
        """Return whether keys and clicks count by now."""
        return not self._is_away and time.monotonic() >= self._accepts_input_at

    def accepts_key(self) -> bool:
        """Return the same for a key or click; what is ignored puts the time off again."""
        accepts = self.accepts_input()
        if not accepts:
            due = time.monotonic() + INPUT_DELAY_SECONDS
            self._accepts_input_at = max(self._accepts_input_at, due)
        return accepts

    def wait_on_return(self) -> None:
        """Ignore clicks and keys while another window has the keyboard, and for a moment after.

        A second click that was meant for a window above this one, or a key for one that has just
        closed, answers nothing then. It is meant for questions: what is typed into a PIN field is
        harmless until it is sent, and must not lose its first characters.
        """
        self._root.bind("<FocusOut>", self._on_focus)
        self._root.bind("<FocusIn>", self._on_focus)
        # Where no window manager does: who clicks wants this window, and clicks again to answer.
        self._root.bind("<ButtonPress>", self._on_click)

    def _on_click(self, _event: object) -> None:
        """Put the start off while somebody clicks on and on: a page may have made them do so."""
        self.accepts_key()
        if self._is_away:
            self._root.focus_force()

    def _on_focus(self, _event: object) -> None:
        was_away, self._is_away = self._is_away, self._root.focus_displayof() is None
        if was_away and not self._is_away:
            due = time.monotonic() + RETURN_DELAY_SECONDS
            self._accepts_input_at = max(self._accepts_input_at, due)

    @staticmethod
    def look() -> None:
        """Have the documents shown beside the window, which stays."""
        with suppress(OSError):  # nobody asks any more: the window is about to close
            os.write(_OUTPUT, LOOK)

    def finish(self, answer: bytes | bytearray) -> None:
        """Close the window; :meth:`run` returns ``answer``, for its caller to wipe."""
        self._answer = answer if isinstance(answer, bytearray) else bytearray(answer)
        self._root.destroy()

    def run(self, cancelled: threading.Event) -> bytearray:
        """Show the window; return the answer, empty if ``cancelled`` was set before it."""
        root = self._root
        self.fit_screen()
        root.deiconify()
        root.attributes("-topmost", True)
        root.wait_visibility()
        keep_out_of_captures(root)
        self._accepts_input_at = time.monotonic() + INPUT_DELAY_SECONDS
        root.lift()
        root.focus_force()
        if self._first is not None:
            self._first.focus_force()
        self._poll(cancelled)
        root.mainloop()
        return self._answer

    def clear(self) -> None:
        """Take everything out of the window, for another one to be built in its place."""
        for each in self._root.winfo_children():
            each.destroy()

    def fit_screen(self) -> float:
        """Take from what scrolls until the window fits the screen, and put it in the middle.

        Returns:
            How many times larger than the screen's room it is even so: 1 or less where it fits.

        """
        root = self._root
        root.update_idletasks()
        room = root.winfo_screenheight() - self.style.gap(_SCREEN_MARGIN)
        for each in self._scrolled:
            each.shrink(root.winfo_reqheight() - room)
            root.update_idletasks()
        x = (root.winfo_screenwidth() - root.winfo_reqwidth()) // 2
        y = (root.winfo_screenheight() - root.winfo_reqheight()) // 2
        root.geometry(f"+{max(0, x)}+{max(0, y)}")
        return max(
            root.winfo_reqheight() / max(1, room), root.winfo_reqwidth() / root.winfo_screenwidth()
        )

    def _poll(self, cancelled: threading.Event) -> None:
        if cancelled.is_set():
            self._root.destroy()
        else:
            self._root.after(_POLL_MILLISECONDS, self._poll, cancelled)

    def _add_head(self, title: str, *, alarm: bool) -> None:
        palette = self.style.palette
        gap = self.style.gap
        back = palette.danger if alarm else palette.brand
        front = palette.on_danger if alarm else palette.on_brand
        head = tk.Frame(self._root, background=back)
        head.pack(fill="x")
        self._picture = draw_card(head, gap(HEAD_PICTURE), back, front)
        icon = tk.Label(head, image=self._picture, background=back)
        icon.pack(side="left", padx=(gap(1.6), gap(0.9)), pady=gap(1.0))
        texts = tk.Frame(head, background=back)
        texts.pack(side="left", fill="x", expand=True, pady=gap(0.9), padx=(0, gap(1.6)))
        for text, font in ((self.texts.product, self.style.small), (title, self.style.title)):
            self.style.label(text, texts, font, (front, back), WIDTH - 4.3).pack(fill="x")
        self._icon = draw_card(head, ICON, back, front)
        self._root.iconphoto(True, self._icon)
