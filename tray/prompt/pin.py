"""The PIN field: characters go from key events into one buffer, and the screen shows dots."""

import sys
import tkinter as tk
from collections.abc import Callable
from typing import Any, Final

from agent.host.machine.memory import keep_out_of_swap
from agent.secret import SecretBytes
from tray.prompt.keyboard import CONTROL, Trouble, trouble_of
from tray.prompt.style import Style

_DOT: Final = "●"
_ALT: Final = 0x20000 if sys.platform == "win32" else 0x0008  # Command on macOS; of a key's state
_DIGITS: Final = range(ord("0"), ord("9") + 1)


class PinBuffer:
    """A buffer for one PIN, locked in memory; unused bytes are zero."""

    def __init__(self, max_length: int) -> None:
        """Make an empty buffer for ``max_length`` characters."""
        self._bytes = bytearray(max_length)
        self._length = 0
        keep_out_of_swap(self._bytes)

    def __len__(self) -> int:
        return self._length

    @property
    def is_of_digits(self) -> bool:
        """Whether there is nothing but digits in it, as in most PINs."""
        return all(each in _DIGITS for each in memoryview(self._bytes)[: self._length])

    def add(self, character: str) -> bool:
        """Append a character; return False if it is not printable ASCII or the buffer is full."""
        if self._length == len(self._bytes):
            return False
        if not (len(character) == 1 and "!" <= character <= "~"):
            return False
        self._bytes[self._length] = ord(character)
        self._length += 1
        return True

    def drop(self) -> None:
        """Wipe the last character."""
        if self._length:
            self._length -= 1
            self._bytes[self._length] = 0

    def clear(self) -> None:
        """Wipe the PIN."""
        SecretBytes(self._bytes).wipe()
        self._length = 0

    def take(self, head: bytes) -> bytearray:
        """Return ``head`` followed by the PIN, for the caller to wipe, and wipe this buffer."""
        taken = bytearray(len(head) + self._length)
        taken[: len(head)] = head
        taken[len(head) :] = memoryview(self._bytes)[: self._length]
        self.clear()
        return taken


class PinField(tk.Frame):
    """An entry field that shows one dot for each character; its frame shows the focus.

    Attributes:
        buffer: the characters that were typed.
        on_change: called after each key that the field has handled.
        trouble: what was odd about the keyboard when the last key was pressed.

    """

    def __init__(
        self, parent: tk.Misc, style: Style, max_length: int, accepts_input: Callable[[], bool]
    ) -> None:
        """Make an empty field.

        Args:
            parent: the widget around it.
            style: the window's.
            max_length: of the PIN, in characters.
            accepts_input: returns whether keys are accepted yet.

        """
        palette = style.palette
        super().__init__(
            parent,
            takefocus=True,
            background=palette.paper,
            highlightthickness=style.gap(0.14),
            highlightbackground=palette.edge,
            highlightcolor=palette.brand,
            cursor="xterm",
        )
        self.buffer = PinBuffer(max_length)
        self.on_change: Callable[[], None] = lambda: None
        self.trouble: Trouble | None = None
        self._accepts_input = accepts_input
        self._dots = tk.Label(
            self, background=palette.paper, foreground=palette.ink, font=style.title, anchor="w"
        )
        self._caret = tk.Frame(self, background=palette.brand, width=style.gap(0.1))
        self._dots.pack(side="left", padx=(style.gap(0.6), style.gap(0.15)), pady=style.gap(0.25))
        self.bind("<Key>", self._on_key)
        self.bind("<FocusIn>", lambda _: self._show())
        self.bind("<FocusOut>", lambda _: self._show())
        for widget in (self, self._dots):
            widget.bind("<Button-1>", lambda _: self.focus_set())
        self._style = style
        self._show()

    def _on_key(self, event: "tk.Event[Any]") -> str | None:
        if not self._accepts_input():
            return None
        state = int(event.state)
        self.trouble = trouble_of(event)
        if self.trouble is Trouble.NUM_LOCK:
            pass  # a keypad's point is no wish to delete
        elif event.keysym == "BackSpace":
            self.buffer.drop()
        elif event.keysym == "Delete" or (state & CONTROL and event.keysym in ("u", "U")):
            self.buffer.clear()
        elif state & (CONTROL | _ALT) or not self.buffer.add(event.char):
            self.on_change()
            return None  # Tab, Enter, Escape and access keys are handled elsewhere
        self._show()
        self.on_change()
        return "break"

    def _show(self) -> None:
        self._dots.configure(text=_DOT * len(self.buffer) or " ")
        self._caret.pack_forget()
        if self.focus_get() is self:
            height = self._style.gap(0.4)
            self._caret.pack(side="left", fill="y", pady=height)
