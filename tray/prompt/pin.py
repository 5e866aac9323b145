"""The PIN field: digits go from key events into one buffer; the screen gets dots."""

import sys
import tkinter as tk
from collections.abc import Callable
from typing import Any, Final

from agent.host.machine.memory import keep_out_of_swap
from agent.secret import SecretBytes
from tray.prompt.style import Style

_DOT: Final = "●"
_CONTROL: Final = 0x0004  # bit of the Control key in an event's state
_ALT: Final = 0x20000 if sys.platform == "win32" else 0x0008  # likewise; Command on macOS
_LOCK: Final = 0x0002  # bit of Caps Lock


class PinBuffer:
    """Room for one PIN, locked in memory, wiped where nothing is."""

    def __init__(self, longest: int) -> None:
        """Make room for ``longest`` characters."""
        self._room = bytearray(longest)
        self._length = 0
        keep_out_of_swap(self._room)

    def __len__(self) -> int:
        return self._length

    def add(self, character: str) -> bool:
        """Take one printable ASCII character; return whether there was room for it."""
        if self._length == len(self._room) or not (len(character) == 1 and "!" <= character <= "~"):
            return False
        self._room[self._length] = ord(character)
        self._length += 1
        return True

    def drop(self) -> None:
        """Wipe the last character."""
        if self._length:
            self._length -= 1
            self._room[self._length] = 0

    def clear(self) -> None:
        """Wipe everything."""
        SecretBytes(self._room).wipe()
        self._length = 0

    def take(self, head: bytes) -> bytearray:
        """Return ``head`` and the PIN in a buffer of the caller's, and wipe this one."""
        taken = bytearray(len(head) + self._length)
        taken[: len(head)] = head
        taken[len(head) :] = memoryview(self._room)[: self._length]
        self.clear()
        return taken


class PinField(tk.Frame):
    """A box with a frame that shows the focus, and one dot for each character."""

    def __init__(
        self, parent: tk.Misc, style: Style, longest: int, is_awake: Callable[[], bool]
    ) -> None:
        """Make an empty field.

        Args:
            parent: the widget around it.
            style: of the window.
            longest: characters at most.
            is_awake: whether keys count yet.

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
        self.buffer = PinBuffer(longest)
        self.on_change: Callable[[], None] = lambda: None
        self.capitals = False
        self._is_awake = is_awake
        self._dots = tk.Label(
            self, background=palette.paper, foreground=palette.ink, font=style.title, anchor="w"
        )
        self._caret = tk.Frame(self, background=palette.brand, width=style.gap(0.1))
        self._dots.pack(side="left", padx=(style.gap(0.6), style.gap(0.15)), pady=style.gap(0.25))
        self.bind("<Key>", self._key)
        self.bind("<FocusIn>", lambda _: self._show())
        self.bind("<FocusOut>", lambda _: self._show())
        for widget in (self, self._dots):
            widget.bind("<Button-1>", lambda _: self.focus_set())
        self._style = style
        self._show()

    def _key(self, event: "tk.Event[Any]") -> str | None:
        if not self._is_awake():
            return None
        state = int(event.state)
        self.capitals = bool(state & _LOCK)
        if event.keysym == "BackSpace":
            self.buffer.drop()
        elif event.keysym == "Delete" or (state & _CONTROL and event.keysym in ("u", "U")):
            self.buffer.clear()
        elif state & (_CONTROL | _ALT) or not self.buffer.add(event.char):
            return None  # Tab, Enter, Escape and access keys are others' business
        self._show()
        self.on_change()
        return "break"

    def _show(self) -> None:
        self._dots.configure(text=_DOT * len(self.buffer) or " ")
        self._caret.pack_forget()
        if self.focus_get() is self:
            height = self._style.gap(0.4)
            self._caret.pack(side="left", fill="y", pady=height)
