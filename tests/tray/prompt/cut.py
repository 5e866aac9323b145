"""Whether all that a window says can be read."""

import tkinter as tk
from collections.abc import Iterator
from tkinter import ttk

LEAST_GAP = 8  # pixels between two texts in one line


def widgets(parent: tk.Misc) -> Iterator[tk.Misc]:
    """Yield all that is in a window, to any depth."""
    for child in parent.winfo_children():
        yield child
        yield from widgets(child)


def cut(root: tk.Tk) -> list[str]:
    """Name each text of a visible window for which there is less room than it needs."""
    root.update_idletasks()
    texts = (each for each in widgets(root) if isinstance(each, tk.Text) and each.winfo_ismapped())
    return [line for text in texts for line in _cut_lines(text)] + [
        f"{widget.cget('text')!r}: {_shape(widget)} of {_needed(widget)}"
        for widget in widgets(root)
        if isinstance(widget, tk.Label | ttk.Button | ttk.Checkbutton | ttk.Radiobutton)
        and widget.winfo_ismapped()
        if _is_cut(widget, root)
    ]


def _cut_lines(text: tk.Text) -> list[str]:
    """Name the lines on the screen that are wider than the text."""
    room = text.winfo_width() - int(str(text.cget("padx")))
    lines = range(1, int(text.index("end").split(".")[0]))
    shown = ((line, text.dlineinfo(f"{line}.0")) for line in lines)
    return [
        repr(text.get(f"{line}.0", f"{line}.end"))
        for line, box in shown
        if box and box[0] + box[2] > room
    ]


def _is_cut(widget: tk.Misc, root: tk.Tk) -> bool:
    (width, height), (needs_width, needs_height) = _shape(widget), _needed(widget)
    return (
        width < needs_width
        or height < needs_height
        or any(_reaches_out(widget, parent) for parent in _parents(widget, root))
    )


def _parents(widget: tk.Misc, root: tk.Tk) -> Iterator[tk.Misc]:
    while widget is not root:
        widget = widget.nametowidget(widget.winfo_parent())
        yield widget


def _reaches_out(widget: tk.Misc, parent: tk.Misc) -> bool:
    """Return whether a parent cuts what is in it."""
    right = widget.winfo_rootx() + widget.winfo_width() - parent.winfo_rootx()
    bottom = widget.winfo_rooty() + widget.winfo_height() - parent.winfo_rooty()
    return right > parent.winfo_width() or bottom > parent.winfo_height()


def _shape(widget: tk.Misc) -> tuple[int, int]:
    return widget.winfo_width(), widget.winfo_height()


def _needed(widget: tk.Misc) -> tuple[int, int]:
    return widget.winfo_reqwidth(), widget.winfo_reqheight()


def outside(root: tk.Tk) -> list[str]:
    """Say where the window is larger than the screen, or not wholly on it."""
    root.update_idletasks()
    right = root.winfo_rootx() + max(root.winfo_width(), root.winfo_reqwidth())
    bottom = root.winfo_rooty() + max(root.winfo_height(), root.winfo_reqheight())
    screen = root.winfo_screenwidth(), root.winfo_screenheight()
    if right <= screen[0] and bottom <= screen[1]:
        return []
    return [f"the window ends at {right}, {bottom} on a screen of {screen[0]} by {screen[1]}"]


def crowded(root: tk.Tk) -> list[str]:
    """Name each two texts that stand in one line without a gap that tells one from the other.

    The beginning of a host, which ends with a dot, is one text with the domain after it.
    """
    root.update_idletasks()
    labels = [
        each
        for each in widgets(root)
        if isinstance(each, tk.Label) and each.winfo_ismapped() and each.cget("text")
    ]
    return [
        f"{one.cget('text')!r} stands against {other.cget('text')!r}"
        for one in labels
        for other in labels
        if _is_left_in_line(one, other)
        and not str(one.cget("text")).endswith(".")
        and one.winfo_rootx() + one.winfo_width() + LEAST_GAP > other.winfo_rootx()
    ]


def _is_left_in_line(one: tk.Label, other: tk.Label) -> bool:
    tops, ends = zip(
        *((each.winfo_rooty(), each.winfo_rooty() + each.winfo_height()) for each in (one, other)),
        strict=True,
    )
    return max(tops) < min(ends) and one.winfo_rootx() < other.winfo_rootx()
