"""A PIN window that says what can be read in it: ``python -m tests.tray.prompt.typing_seen TAG``.

Each time that the texts change it prints a line: them, what is cut of them, and the window's size.
"""

import json
import sys
import threading
import tkinter as tk

from agent.words.language import BY_TAG
from tests.signing.prompt_support import PIN
from tests.tray.prompt.cut import cut, widgets
from tray.prompt import window
from tray.prompt.texts import load_texts
from tray.prompt.views import show

_EVERY = 20  # milliseconds


def watch(root: tk.Tk, before: list[str]) -> None:
    """Print the texts where they are others than before, and look again."""
    labels = (each for each in widgets(root) if isinstance(each, tk.Label))
    texts = [str(each.cget("text")) for each in labels if each.winfo_ismapped()]
    if texts != before:
        size = (root.winfo_width(), root.winfo_height())
        sys.stdout.write(json.dumps([texts, cut(root), size]) + "\n")
        sys.stdout.flush()
    root.after(_EVERY, watch, root, texts)


def main(tag: str) -> None:
    """Show the window until it is answered."""
    window.INPUT_DELAY_SECONDS = 0.0  # type: ignore[misc]  # nobody here types by mistake
    root = window.open_root()
    root.after(_EVERY, watch, root, [])
    show(root, PIN, load_texts(BY_TAG[tag]), threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
