"""A walk through the wizard's pages on an X server, in a process of its own.

    python walker.py WORDS    WORDS are JSON: the program's folder, its version, and keys to press

It prints one JSON line for each page: its title, every text on it, and which buttons can be
pressed. Work in the background is waited for.
"""

import json
import subprocess
import sys
import tkinter as tk
from itertools import count
from pathlib import Path
from tkinter import ttk
from typing import Any

from wizard import (
    install_pages,
    installed_program,
    removal_pages,
    repair_pages,
    smart_card_service,
)
from wizard.context import WizardContext
from wizard.install_paths import InstallPaths

from agent.host.machine.paths import Paths
from agent.words.language import BY_TAG
from tests.tray.prompt.cut import cut, widgets


def page(root: tk.Tk) -> dict[str, Any]:
    """Describe what is shown."""
    texts, buttons = [], {}
    for widget in widgets(root):
        if isinstance(widget, ttk.Button):
            buttons[str(widget.cget("text"))] = not widget.instate(["disabled"])
        elif isinstance(widget, tk.Text):
            texts.append(widget.get("1.0", "end"))
        elif isinstance(widget, tk.Label | ttk.Checkbutton):
            texts.append(str(widget.cget("text")))
    return {"title": root.title(), "texts": texts, "buttons": buttons, "cut": cut(root)}


def tell(facts: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")


def first_pages(context: WizardContext, wanted: dict[str, Any]) -> Any:
    """Return the pages that the wizard would begin with."""
    language = BY_TAG[wanted["language"]]
    if wanted["removes"]:
        return removal_pages.RemovalPages(context, language)
    if context.is_this_version():
        return repair_pages.RepairPages(context, language, at_once=wanted["at_once"])
    return install_pages.InstallPages(context, language)


def main() -> None:
    wanted = json.loads(sys.argv[1])
    home = Path(wanted["home"])
    context = WizardContext(
        Path(wanted["program"]), wanted["version"], InstallPaths.of({}, home), Paths(home / "state")
    )
    smart_card_service.find_missing = lambda *_: smart_card_service.MissingPackages(
        **wanted["missing"]
    )  # type: ignore[assignment]
    steps = [installed_program.SetupStep(**step) for step in wanted["steps"]]
    installed_program.complete = installed_program.undo = lambda *_, **__: steps  # type: ignore[assignment]
    installed_program.start = lambda executable: tell({"started": str(executable)})
    pages = first_pages(context, wanted)
    root = pages._window.root
    keys = iter(wanted["keys"])
    folder, numbers = wanted["pictures"], count(1)

    def walk() -> None:
        root.update_idletasks()
        shown = page(root)
        if any(isinstance(widget, ttk.Progressbar) for widget in widgets(root)):
            root.after(20, walk)
            return
        if folder:
            file = Path(folder) / f"{wanted['language']}-{next(numbers):02}.png"
            number = str(root.winfo_id())
            subprocess.run(["import", "-silent", "-window", number, file], check=True)
        tell(shown)
        key = next(keys, None)
        if key is None:
            root.destroy()
            return
        root.focus_force()
        root.event_generate(key)
        if root.children:
            root.after(20, walk)

    root.after(200, walk)
    pages.run()
    if getattr(pages, "wants_removal", False):
        tell({"wants_removal": True})


if __name__ == "__main__":
    main()
