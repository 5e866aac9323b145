"""Whether all that a window says can be read."""

import tkinter as tk
from collections.abc import Iterator
from tkinter import ttk


def widgets(parent: tk.Misc) -> Iterator[tk.Misc]:
    """Yield all that is in a window, to any depth."""
    for child in parent.winfo_children():
        yield child
        yield from widgets(child)


def cut(root: tk.Tk) -> list[str]:
    """Name each text of a visible window for which there is less room than it needs."""
    root.update_idletasks()
    return [
        f"{widget.cget('text')!r}: {_shape(widget)} of {_needed(widget)}"
        for widget in widgets(root)
        if isinstance(widget, tk.Label | ttk.Button | ttk.Checkbutton) and widget.winfo_ismapped()
        if _is_cut(widget, root)
    ]


def _is_cut(widget: tk.Misc, root: tk.Tk) -> bool:
    (width, height), (needs_width, needs_height) = _shape(widget), _needed(widget)
    right = widget.winfo_rootx() + width - root.winfo_rootx()
    bottom = widget.winfo_rooty() + height - root.winfo_rooty()
    return (
        width < needs_width
        or height < needs_height
        or right > root.winfo_width()
        or bottom > root.winfo_height()
    )


def _shape(widget: tk.Misc) -> tuple[int, int]:
    return widget.winfo_width(), widget.winfo_height()


def _needed(widget: tk.Misc) -> tuple[int, int]:
    return widget.winfo_reqwidth(), widget.winfo_reqheight()
