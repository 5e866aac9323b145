"""The wizard's window: steps on the left, a page on the right, buttons below."""

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tkinter import font as tk_font
from tkinter import ttk

from tray.prompt.style import LIGHT, WIDTH, Style
from tray.prompt.texts import button_label
from tray.prompt.wrap import wrap
from wizard.check_boxes import theme_check_boxes

_HEIGHT = 25  # ems, the height of a page at least
_SIDE = 11.5  # ems, the width of the list of steps
_SIDE_TAKEN = 4.2  # ems of that width for margins and marks
_MARKS = {"done": "✓", "now": "●", "later": "○"}
_ACCESS = "<Alt-{}>"

Press = Callable[[], None]


class WizardWindow:
    """The window that shows the pages; all of it can be used by keyboard.

    Attributes:
        root: Tk's window.
        style: fonts and colours.
        body: the frame that a page fills.

    """

    def __init__(self, product: str, steps: Sequence[str], icon: Path) -> None:
        """Open the window, hidden until :meth:`run`.

        Args:
            product: the program's name, shown above the steps.
            steps: the names of all steps, in their order.
            icon: a picture file, 64 pixels wide and high.

        Raises:
            tk.TclError: there is no display.

        """
        self.root = tk.Tk(className="Ankong")
        self.root.withdraw()
        self.style = Style(self.root, LIGHT)
        self._product = product
        self._steps = steps
        self._keys: list[str] = []
        self._icon = tk.PhotoImage(master=self.root, file=str(icon))
        self.root.iconphoto(True, self._icon)
        self.root.configure(background=LIGHT.paper)
        self.root.resizable(width=False, height=False)
        self._labels = self._add_side()
        self._title, self.body, self._buttons = self._add_page()
        self._theme()

    # The parts of the frame.

    def _add_side(self) -> list[tuple[tk.Label, tk.Label]]:
        gap = self.style.gap
        side = tk.Frame(self.root, background=LIGHT.panel, width=gap(_SIDE))
        side.pack(side="left", fill="y")
        side.pack_propagate(False)
        tk.Frame(side, width=1, background=LIGHT.line).pack(side="right", fill="y")
        tk.Label(side, image=self._icon, background=LIGHT.panel).pack(pady=(gap(1.8), gap(0.6)))
        name = self.style.label(self._product, side, self.style.host, (LIGHT.ink, LIGHT.panel))
        name.pack(pady=(0, gap(1.6)))
        labels = []
        for step in self._steps:
            row = tk.Frame(side, background=LIGHT.panel)
            row.pack(fill="x", padx=gap(1.3), pady=gap(0.32))
            # The marks differ in width; in a column of their own they keep the names aligned.
            row.columnconfigure(0, minsize=gap(1.4))
            colours = (LIGHT.muted, LIGHT.panel)
            mark = self.style.label("", row, self.style.body, colours)
            mark.grid(row=0, column=0, sticky="nw")
            # Wrapped for the bold font, which the label has while its step is the present one.
            label = self.style.label(step, row, self.style.strong, colours, _SIDE - _SIDE_TAKEN)
            label.grid(row=0, column=1, sticky="w")
            labels.append((mark, label))
        return labels

    def _add_page(self) -> tuple[tk.Label, tk.Frame, tk.Frame]:
        gap = self.style.gap
        page = tk.Frame(self.root, background=LIGHT.paper)
        page.pack(side="left", fill="both", expand=True)
        title = tk.Label(
            page, font=self.style.title, anchor="w", foreground=LIGHT.ink, background=LIGHT.paper
        )
        title.pack(fill="x", padx=gap(1.8), pady=(gap(1.5), gap(0.8)))
        buttons = tk.Frame(page, background=LIGHT.paper)
        buttons.pack(side="bottom", fill="x", padx=gap(1.8), pady=(gap(0.9), gap(1.2)))
        tk.Frame(page, height=1, background=LIGHT.line).pack(side="bottom", fill="x")
        body = tk.Frame(page, background=LIGHT.paper, width=gap(WIDTH), height=gap(_HEIGHT))
        body.pack(side="top", fill="both", expand=True, padx=gap(1.8), pady=(0, gap(0.6)))
        body.pack_propagate(False)
        return title, body, buttons

    def _theme(self) -> None:
        theme = ttk.Style(self.root)
        self._boxes = theme_check_boxes(theme, self.root, self.style)
        theme.configure(
            "Wizard.Horizontal.TProgressbar",
            troughcolor=LIGHT.panel,
            background=LIGHT.brand,
            lightcolor=LIGHT.brand,
            darkcolor=LIGHT.brand,
            bordercolor=LIGHT.line,
            thickness=self.style.gap(0.7),
        )

    # The parts of a page.

    def begin(self, title: str, step: int) -> None:
        """Clear the page and begin another.

        Args:
            title: shown above the page and as the window's title, which screen readers read out.
            step: number of the step that the page belongs to, from 0.

        """
        for key in self._keys:
            self.root.unbind(key)
        self._keys = []
        for parent in (self.body, self._buttons):
            for child in parent.winfo_children():
                child.destroy()
        self.root.after_idle(self._fit)
        self._title.configure(text=title)
        self.root.title(f"{title} – {self._product}")
        for number, (mark, label) in enumerate(self._labels):
            state = "done" if number < step else "now" if number == step else "later"
            is_now = state == "now"
            colour = LIGHT.brand if is_now else LIGHT.muted
            mark.configure(text=_MARKS[state], foreground=colour)
            label.configure(
                font=self.style.strong if is_now else self.style.body, foreground=colour
            )

    def _fit(self) -> None:
        """Make the window as high as the page needs, ``_HEIGHT`` at least."""
        self.body.update_idletasks()
        lowest = max(
            (c.winfo_y() + c.winfo_reqheight() for c in self.body.winfo_children()), default=0
        )
        self.body.configure(height=max(self.style.gap(_HEIGHT), lowest + self.style.gap(0.6)))

    def text(self, text: str, *, muted: bool = False, after: float = 0.8) -> None:
        """Add a paragraph with ``after`` ems of space below."""
        font = self.style.small if muted else self.style.body
        front = LIGHT.muted if muted else LIGHT.ink
        self.style.label(text, self.body, font, (front, LIGHT.paper)).pack(
            fill="x", pady=(0, self.style.gap(after))
        )

    def notice(self, text: str, *, danger: bool = False) -> None:
        """Add an emphasised paragraph."""
        back = LIGHT.danger_panel if danger else LIGHT.warning_panel
        front = LIGHT.on_danger_panel if danger else LIGHT.on_warning_panel
        gap = self.style.gap
        box = tk.Frame(self.body, background=front)
        box.pack(fill="x", pady=(0, gap(0.7)))
        inner = self.style.label(text, box, self.style.body, (front, back), WIDTH - 2.2)
        inner.configure(padx=gap(0.7), pady=gap(0.5))
        inner.pack(fill="x", padx=(gap(0.25), 0))

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Add a tinted box of names and values."""
        gap = self.style.gap
        box = tk.Frame(
            self.body,
            background=LIGHT.panel,
            highlightthickness=1,
            highlightbackground=LIGHT.line,
        )
        box.pack(fill="x", pady=(0, gap(0.9)), ipady=gap(0.35))
        for name, text in rows:
            head = self.style.label(name, box, self.style.strong, (LIGHT.ink, LIGHT.panel))
            head.pack(fill="x", padx=gap(0.9), pady=(gap(0.4), 0))
            said = self.style.label(
                text, box, self.style.body, (LIGHT.ink, LIGHT.panel), WIDTH - 2.2
            )
            said.pack(fill="x", padx=gap(0.9), pady=(0, gap(0.3)))

    def document(self, text: str, lines: int) -> tk.Text:
        """Add a long text that can be scrolled; ``lines`` of it are visible."""
        frame = tk.Frame(
            self.body, highlightthickness=1, highlightbackground=LIGHT.edge, background=LIGHT.edge
        )
        frame.pack(fill="both", expand=True, pady=(0, self.style.gap(0.8)))
        shown = tk.Text(
            frame,
            height=lines,
            font=self.style.small,
            wrap="word",
            relief="flat",
            padx=self.style.gap(0.7),
            pady=self.style.gap(0.5),
            foreground=LIGHT.ink,
            background=LIGHT.paper,
            highlightthickness=0,
        )
        bar = ttk.Scrollbar(frame, command=shown.yview, takefocus=False)
        shown.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        shown.pack(side="left", fill="both", expand=True)
        shown.insert("1.0", text)
        shown.configure(state="disabled")
        shown.bind("<Tab>", _leave)  # else it would go to the next tab stop of the text
        return shown

    def command(self, text: str, label: str, copied: str) -> None:
        """Add a command for a terminal and a button that copies it.

        Args:
            text: the command.
            label: of the button.
            copied: label of the button after it was pressed.

        """
        gap = self.style.gap
        row = tk.Frame(self.body, background=LIGHT.ink)
        row.pack(fill="x", pady=(0, gap(0.9)))
        mono = tk_font.Font(self.root, family="monospace", size=self.style.small.cget("size"))
        width = gap(WIDTH - 9)
        shown = tk.Label(
            row,
            text=wrap(text, mono.measure, width),
            font=mono,
            justify="left",
            anchor="w",
            foreground=LIGHT.paper,
            background=LIGHT.ink,
        )
        shown.pack(side="left", fill="x", expand=True, padx=gap(0.8), pady=gap(0.5))

        def copy() -> None:
            self.root.clipboard_clear()
            self.root.clipboard_append(text)
            button.configure(text=copied, underline=-1)

        button = self._button(row, label, copy, "Plain")
        button.pack(side="right", padx=gap(0.5), pady=gap(0.4))

    def tick(self, text: str, changed: Callable[[bool], None], *, ticked: bool) -> ttk.Checkbutton:
        """Add a check box; ``changed`` is called with its state each time it is clicked."""
        label, key = button_label(text)
        state = tk.BooleanVar(self.root, value=ticked)
        box = ttk.Checkbutton(
            self.body,
            text=label,
            underline=key,
            variable=state,
            command=lambda: changed(state.get()),
            style="Wizard.TCheckbutton",
        )
        box.pack(anchor="w", pady=(0, self.style.gap(0.3)))
        box.state_of_it = state  # type: ignore[attr-defined]  # Tk loses a variable Python freed
        self._bind(label, key, box.invoke)
        return box

    def line(self) -> tk.Label:
        """Add an empty line and return it; the caller sets its text."""
        label = self.style.label("", self.body, self.style.body, (LIGHT.ink, LIGHT.paper))
        label.pack(fill="x")
        return label

    def progress(self) -> ttk.Progressbar:
        """Add a progress bar and return it; its value goes from 0 to 1."""
        bar = ttk.Progressbar(self.body, maximum=1.0, style="Wizard.Horizontal.TProgressbar")
        bar.pack(fill="x", pady=(self.style.gap(0.6), self.style.gap(0.8)))
        return bar

    def button(
        self, text: str, press: Press, kind: str = "Plain", *, left: bool = False
    ) -> ttk.Button:
        """Add a button below the page; those on the right are added from right to left.

        Args:
            text: with ``&`` before its access key.
            press: called when it is pressed.
            kind: "Primary", "Danger" or "Plain".
            left: whether it is on the left, apart from the others.

        """
        button = self._button(self._buttons, text, press, kind)
        between = self.style.gap(0.6)
        if left:
            button.pack(side="left", padx=(0, between))
        else:
            button.pack(side="right", padx=(between, 0))
        return button

    def _button(self, parent: tk.Misc, text: str, press: Press, kind: str) -> ttk.Button:
        label, key = button_label(text)
        button = ttk.Button(
            parent, text=label, underline=key, command=press, style=f"{kind}.TButton"
        )
        for name in ("<Return>", "<KP_Enter>"):
            button.bind(name, lambda _: button.invoke())
        self._bind(label, key, button.invoke)
        return button

    def _bind(self, label: str, key: int, press: Callable[[], object]) -> None:
        if key >= 0:
            name = _ACCESS.format(label[key].lower())
            self.root.bind(name, lambda _: press())
            self._keys.append(name)

    # Showing and closing.

    def on_cancel(self, press: Press) -> None:
        """Set what Escape and closing the window do on this page."""
        self.root.protocol("WM_DELETE_WINDOW", press)
        self.root.bind("<Escape>", lambda _: press())

    def run(self) -> None:
        """Show the window; block until :meth:`close`."""
        self.root.update_idletasks()
        self.root.tk.call("::tk::PlaceWindow", ".", "center")
        self.root.deiconify()
        self.root.mainloop()

    def close(self) -> None:
        """Close the window."""
        self.root.destroy()


def set_enabled(button: ttk.Button, *, enabled: bool) -> None:
    """Enable or disable a button."""
    button.state(["!disabled" if enabled else "disabled"])


def _leave(event: "tk.Event[tk.Text]") -> str:
    following = event.widget.tk_focusNext()
    if following is not None:
        following.focus_set()
    return "break"


def fill_in(text: str, facts: Mapping[str, object]) -> str:
    """Return a text with its ``{…}`` filled in."""
    return text.format_map(dict(facts))
