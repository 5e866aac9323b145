"""The documents in the PIN window: the first ones, a list of all on demand, or a short text."""

import tkinter as tk
from typing import Final

from agent.consent.questions import EnterPin, view_of
from tray.prompt.glyphs import shown_line
from tray.prompt.lines import caller_of, describe, mark_of
from tray.prompt.window import VALUE_WIDTH, Line, Window
from tray.prompt.wrap import fit, wrap

AT_ONCE: Final = 3  # of several documents
BEFORE_BUTTON: Final = 2  # of more than those: a small screen has room for so many
LIST_LINES: Final = 14  # of the list, where the screen is high enough
LEAST_LINES: Final = 3  # of the list, where it is not
_NAME_LINES: Final = 2  # that a name may take in the list
_AT_A_TIME: Final = 16  # entries made before the window is drawn again
_MARGINS: Final = 3.0  # ems of the list that are not its text


def add_documents(window: Window, panel: tk.Frame, prompt: EnterPin) -> None:
    """Add the row with what is signed, if anything is."""
    documents, style = prompt.purpose.documents, window.style
    if not documents:
        return
    caller = caller_of(prompt, window.texts)
    lines = [Line(caller, style.small)] if caller else []
    if prompt.purpose.count > 1:
        for document in documents[: _at_once(prompt)]:
            name, _, digits = describe(document, prompt.purpose, window.texts)
            lines.append(Line(name, style.body, right=digits))
    else:
        name, fingerprint, _ = describe(documents[0], prompt.purpose, window.texts)
        name_lines = 2 if documents[0].text is None else 1
        lines += [Line(name, style.strong, lines=name_lines), Line(fingerprint, style.small)]
        if mark := mark_of(documents[0], window.texts):
            lines.append(Line(mark, style.small))
    values = window.add_fact(panel, window.texts.documents, lines)
    if view_of(prompt) is not None:
        # In the panel and not among the answers: it answers nothing.
        place = tk.Frame(panel, background=style.palette.panel)
        place.grid(row=panel.grid_size()[1], column=1, sticky="w", pady=(style.gap(0.3), 0))
        window.make_button(place, window.texts.view, window.look, "Small").pack()
    if prompt.purpose.count > AT_ONCE:
        _AllDocuments(window, values, prompt)
    elif prompt.purpose.count == 1 and documents[0].text is not None:
        is_text = documents[0].pages is None
        label = window.texts.whole_text if is_text else window.texts.remark
        _add_text(window, values, label, documents[0].text)


def _at_once(prompt: EnterPin) -> int:
    return AT_ONCE if prompt.purpose.count <= AT_ONCE else BEFORE_BUTTON


def _add_text(window: Window, values: tk.Frame, label: str, text: str) -> None:
    """Add what the document says, in a frame of its own: it is the page's text and not ours."""
    style = window.style
    colours = (style.palette.muted, style.palette.panel)
    style.label(label, values, style.small, colours).pack(fill="x")
    width = style.gap(VALUE_WIDTH - _MARGINS)
    lines = [wrap(shown_line(line), style.small.measure, width) for line in text.split("\n")]
    shown = "\n".join(lines)
    window.add_scrolled(values, style.small, shown.count("\n") + 1, least=1).add(shown)


class _AllDocuments:
    """A line that counts the documents not shown, and a button that shows them."""

    def __init__(self, window: Window, values: tk.Frame, prompt: EnterPin) -> None:
        self._window = window
        self._values = values
        self._prompt = prompt
        style, palette = window.style, window.style.palette
        place = tk.Frame(values, background=palette.panel)
        place.pack(fill="x", pady=(style.gap(0.1), 0))
        rest = window.texts.more_documents.format(count=prompt.purpose.count - BEFORE_BUTTON)
        style.label(rest, place, style.body, (palette.ink, palette.panel)).pack(side="left")
        self._button = window.make_button(place, window.texts.show_all, self._show, "Small")
        self._button.pack(side="right")

    def _show(self) -> None:
        """Put the list where the first documents stand."""
        window, style = self._window, self._window.style
        self._button.state(["disabled"])  # and its key
        for child in self._values.pack_slaves():
            child.pack_forget()
        caller = caller_of(self._prompt, window.texts)
        if caller:
            colours = (style.palette.muted, style.palette.panel)
            style.label(caller, self._values, style.small, colours).pack(fill="x")
        self._list = window.add_scrolled(self._values, style.body, LIST_LINES, LEAST_LINES)
        number_width = style.body.measure(f"{self._prompt.purpose.count}. ")
        self._width = style.gap(VALUE_WIDTH - _MARGINS) - number_width
        self._list.text.configure(tabs=(number_width,))
        self._list.text.tag_configure(
            "fingerprint",
            font=style.small,
            foreground=style.palette.muted,
            spacing3=style.gap(0.3),
        )
        self._add(0)
        window.fit_screen()
        self._list.text.focus_set()  # once it is on the screen: Tk would put it off till then

    def _add(self, first: int) -> None:
        """Add some entries and let the window live before the next: names can be slow to judge."""
        purpose, style = self._prompt.purpose, self._window.style
        after = first + _AT_A_TIME
        for number, document in enumerate(purpose.documents[first:after], first + 1):
            name, fingerprint, _ = describe(document, purpose, self._window.texts)
            fitted = fit(name, style.body.measure, self._width, _NAME_LINES).replace("\n", "\n\t")
            self._list.add(f"{number}.\t{fitted}\n")
            last = number == len(purpose.documents)
            mark = mark_of(document, self._window.texts)
            beside = f"\t{fingerprint}" + (f"\n\t{mark}" if mark else "")
            self._list.add(beside + ("" if last else "\n"), "fingerprint")
        if after < len(purpose.documents):
            self._list.after(1, self._add, after)
