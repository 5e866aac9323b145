"""The five windows: what each says and which answers it takes."""

import threading
import tkinter as tk
from functools import partial
from typing import assert_never

from agent.consent import wire
from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    CardFacts,
    ChooseCard,
    EnterPin,
    LastAttempt,
    Locked,
    SiteAnswer,
)
from agent.origin import Origin
from tray.prompt.documents import add_documents
from tray.prompt.glyphs import shown_line
from tray.prompt.keyboard import Trouble
from tray.prompt.lines import (
    ATTEMPTS,
    act_label,
    attempt_texts,
    attempts_said,
    card_lines,
    holder_line,
    pin_title,
    site_lines,
    texts_about,
)
from tray.prompt.pin import PinField
from tray.prompt.style import shrink_text
from tray.prompt.texts import PromptTexts
from tray.prompt.window import Line, Window

TROUBLE_MARK = "!"  # before what is odd about the keyboard: its colour alone would tell few


def show(
    root: tk.Tk,
    prompt: wire.AnyPrompt,
    texts: PromptTexts,
    cancelled: threading.Event,
    administrator: str = "",
) -> bytearray:
    """Show the window for ``prompt``; return the answer as it goes into the pipe.

    The administrator's line stands below all else, as theirs. The answer is empty when
    ``cancelled`` was set before there was one. Where the window is larger than the screen, it is
    built anew with smaller text: what is below the edge cannot be reached.
    """
    texts = texts_about(prompt.site, texts)
    window = _build(root, prompt, texts, administrator)
    while (excess := window.fit_screen()) > 1 and shrink_text(root, excess):
        window.clear()
        window = _build(root, prompt, texts, administrator)
    return window.run(cancelled)


def _build(root: tk.Tk, prompt: wire.AnyPrompt, texts: PromptTexts, administrator: str) -> Window:
    window = _build_own(root, prompt, texts)
    if administrator:
        window.add_remark(texts.administrator.format(text=shown_line(administrator)))
    return window


def _build_own(root: tk.Tk, prompt: wire.AnyPrompt, texts: PromptTexts) -> Window:
    match prompt:
        case AllowSite():
            return _allow_site(root, prompt, texts)
        case AllowBlind():
            return _allow_blind(root, prompt, texts)
        case ChooseCard():
            return _choose_card(root, prompt, texts)
        case EnterPin():
            return _enter_pin(root, prompt, texts)
        case LastAttempt():
            return _last_attempt(root, prompt, texts)
        case Locked():
            return _locked(root, prompt, texts)
        case _:
            assert_never(prompt)


def _allow_site(root: tk.Tk, prompt: AllowSite, texts: PromptTexts) -> Window:
    window = Window(root, texts, texts.allow_title)
    _add_site(window, window.add_panel(), prompt.site)
    _add_site_warnings(window, prompt.site)
    window.add_text(texts.allow_text)
    if prompt.blind:
        window.add_notice(texts.blind_text)
    if prompt.attempts_unknown:
        window.add_notice(texts.covers_pin)
    _add_site_answers(window)
    return window


def _allow_blind(root: tk.Tk, prompt: AllowBlind, texts: PromptTexts) -> Window:
    window = Window(root, texts, texts.blind_title)
    _add_site(window, window.add_panel(), prompt.site)
    _add_site_warnings(window, prompt.site)
    window.add_notice(texts.blind_text)
    _add_site_answers(window)
    return window


def _add_site_answers(window: Window) -> None:
    texts = window.texts

    def answer(what: SiteAnswer) -> None:
        window.finish(what.encode("ascii"))

    cancel = partial(answer, SiteAnswer.CANCEL)
    window.add_button(texts.never, partial(answer, SiteAnswer.NEVER), "Quiet", left=True)
    cancelling = window.add_button(texts.cancel, cancel, "Plain")
    window.add_button(texts.always, partial(answer, SiteAnswer.ALWAYS), "Plain")
    window.add_button(texts.this_time, partial(answer, SiteAnswer.THIS_TIME), "Primary")
    window.on_cancel(cancel)
    # A stray Enter allows nothing.
    window.focus_first(cancelling)
    window.wait_on_return()


def _choose_card(root: tk.Tk, prompt: ChooseCard, texts: PromptTexts) -> Window:
    window = Window(root, texts, texts.choose_title)
    _add_site(window, window.add_panel(), prompt.site)
    window.add_text(texts.choose_text)
    chosen: list[int] = []

    def choose(place: int) -> None:
        chosen[:] = [place]
        go_on.state(["!disabled"])

    window.add_choices([card_lines(card, texts) for card in prompt.cards], choose)
    cancel = partial(window.finish, wire.CANCEL)
    go_on = window.add_button(
        texts.choose_go_on, lambda: window.finish(wire.CARD + b"%d" % chosen[0]), "Primary"
    )
    go_on.state(["disabled"])
    # No card has the focus, so that no stray key chooses one.
    window.focus_first(window.add_button(texts.cancel, cancel, "Plain"))
    window.on_cancel(cancel)
    window.wait_on_return()
    return window


def _enter_pin(root: tk.Tk, prompt: EnterPin, texts: PromptTexts) -> Window:
    window = Window(root, texts, pin_title(prompt, texts))
    if prompt.was_wrong:
        window.add_notice(texts.wrong, danger=True)
    panel = window.add_panel()
    _add_site(window, panel, prompt.site)
    add_documents(window, panel, prompt)
    _add_card(window, panel, prompt.card)
    _add_site_warnings(window, prompt.site)
    if prompt.purpose.count > 1 and not prompt.was_wrong:  # where more matters, and was said
        window.add_text(texts.each_document)
    if prompt.keypad:
        _add_keypad(window, prompt)
    else:
        _PinEntry(window, prompt)
    return window


def _add_keypad(window: Window, prompt: EnterPin) -> None:
    """Add what stands in the place of a field where the reader has one."""
    texts = window.texts
    window.add_notice(texts.keypad)
    said, few = attempts_said(prompt, texts)
    if few:
        window.add_notice(said, danger=True)
    else:
        window.add_text(said)
    if prompt.may_block:
        window.add_button(texts.block, partial(window.finish, wire.BLOCK), "Quiet", left=True)
    go_on = partial(window.finish, wire.KEYPAD)
    window.add_button(act_label(prompt.purpose, texts), go_on, "Primary")
    cancel = partial(window.finish, wire.CANCEL)
    # A stray Enter makes no reader wait.
    window.focus_first(window.add_button(texts.cancel, cancel, "Plain"))
    window.on_cancel(cancel)
    window.wait_on_return()


class _PinEntry:
    """The lower half of the PIN window: the field, the attempts, the buttons."""

    def __init__(self, window: Window, prompt: EnterPin) -> None:
        self._window = window
        self._prompt = prompt
        texts = window.texts
        self._add_field()
        act = act_label(prompt.purpose, texts)
        if prompt.may_block:
            window.add_button(texts.block, partial(window.finish, wire.BLOCK), "Quiet", left=True)
        cancel = partial(self._give_up, wire.CANCEL)
        self._go = window.add_button(act, self._submit, "Primary")
        window.add_button(texts.cancel, cancel, "Plain")
        window.on_cancel(cancel)
        window.focus_first(self._field)
        self._changed()

    def _add_field(self) -> None:
        window, prompt, palette = self._window, self._prompt, self._window.style.palette
        gap = window.style.gap
        row = tk.Frame(window.body, background=palette.paper)
        row.pack(fill="x")
        name = tk.Label(
            row,
            text=window.texts.pin,
            font=window.style.strong,
            background=palette.paper,
            foreground=palette.ink,
        )
        name.pack(side="left", padx=(0, gap(0.9)))
        self._field = PinField(row, window.style, prompt.max_length, window.accepts_key)
        self._field.pack(side="left", fill="x", expand=True)
        self._field.on_change = self._changed
        for key in ("<Return>", "<KP_Enter>"):
            self._field.bind(key, lambda _: self._submit())
        below = tk.Frame(window.body, background=palette.paper)
        below.pack(fill="x", pady=(gap(0.4), 0))
        self._hint = tk.Label(
            below,
            font=window.style.small,
            background=palette.paper,
            foreground=palette.muted,
            anchor="w",
        )
        # Never side by side: two sentences in one line read as one.
        self._hint.pack(anchor="w")
        self._attempts(below).pack(anchor="w", pady=(gap(0.15), 0))

    def _attempts(self, parent: tk.Frame) -> tk.Label:
        window, left = self._window, self._prompt.attempts_left
        palette = window.style.palette
        text, few = attempts_said(self._prompt, window.texts)
        front = palette.muted if left is None else palette.ink
        if few:
            front = palette.danger
        if left is not None and self._prompt.card.generation != "pkcs11":  # it has no full number
            text = f"{'●' * left}{'○' * max(0, ATTEMPTS - left)}  {text}"
        return tk.Label(
            parent, text=text, font=window.style.small, background=palette.paper, foreground=front
        )

    def _changed(self) -> None:
        prompt = self._prompt
        enough = len(self._field.buffer) >= prompt.min_length
        self._go.state(["!disabled" if enough else "disabled"])
        palette, odd = self._window.style.palette, self._odd()
        text = f"{TROUBLE_MARK}  {odd}" if odd else self._hint_text()
        self._hint.configure(text=text, foreground=palette.danger if odd else palette.muted)

    def _odd(self) -> str:
        """Say why what was typed may not be what was meant; "" where nothing tells so."""
        texts = self._window.texts
        match self._field.trouble:
            case Trouble.NUM_LOCK:
                return texts.num_lock
            case Trouble.LAYOUT:
                return texts.layout
            case Trouble.CAPITALS:
                return texts.capitals
            case _:
                return "" if self._field.buffer.is_of_digits else texts.no_digit

    def _hint_text(self) -> str:
        prompt, texts = self._prompt, self._window.texts
        return texts.pin_hint.format(least=prompt.min_length, most=prompt.max_length)

    def _submit(self) -> None:
        if self._window.accepts_key() and len(self._field.buffer) >= self._prompt.min_length:
            self._window.finish(self._field.buffer.take(wire.PIN))

    def _give_up(self, answer: bytes) -> None:
        self._field.buffer.clear()
        self._window.finish(answer)


def _last_attempt(root: tk.Tk, prompt: LastAttempt, texts: PromptTexts) -> Window:
    title, text, confirm = attempt_texts(prompt.attempts_left, texts)
    window = Window(root, texts, title, alarm=True)
    window.add_notice(text, danger=True)
    panel = window.add_panel()
    _add_site(window, panel, prompt.site)
    _add_card(window, panel, prompt.card)
    window.add_text(texts.doubt, strong=True)

    def ticked(yes: bool) -> None:
        go_on.state(["!disabled" if yes else "disabled"])

    window.add_check(confirm, ticked)
    refuse = partial(window.finish, wire.NO)
    go_on = window.add_button(texts.last_go_on, partial(window.finish, wire.YES), "Danger")
    go_on.state(["disabled"])
    cancelling = window.add_button(texts.cancel, refuse, "Plain")
    window.on_cancel(refuse)
    window.focus_first(cancelling)
    window.wait_on_return()
    return window


def _locked(root: tk.Tk, prompt: Locked, texts: PromptTexts) -> Window:
    window = Window(root, texts, texts.locked_title, alarm=True)
    window.add_notice(texts.locked_text, danger=True)
    panel = window.add_panel()
    _add_card(window, panel, prompt.card)
    for number, step in enumerate(texts.how_to_unlock(prompt.card.generation), 1):
        window.add_text(f"{number}.  {step}")
    seen = partial(window.finish, wire.SEEN)
    window.focus_first(window.add_button(texts.ok, seen, "Primary"))
    window.on_cancel(seen)
    return window


# Facts that several windows show.


def _add_site(window: Window, panel: tk.Frame, site: Origin) -> None:
    lines = site_lines(site, window.texts)
    host = Line(lines.domain, window.style.host, lines=2, end_only=True, before=lines.before_domain)
    shown = [host]
    if lines.origin:
        shown.append(Line(lines.origin, window.style.small))
    window.add_fact(panel, window.texts.site, shown)


def _add_site_warnings(window: Window, site: Origin) -> None:
    warnings = site_lines(site, window.texts).warnings
    if warnings:
        window.add_notice("\n".join(warnings))


def _add_card(window: Window, panel: tk.Frame, card: CardFacts) -> None:
    texts, style = window.texts, window.style
    holder = holder_line(card, texts)
    number = texts.card_number.format(serial=shown_line(card.serial))
    mark = texts.virtual if card.virtual else ""
    # In two lines a name of rare characters, whose code points are shown, still tells who it is.
    lines = [Line(holder, style.strong, lines=2, right=mark), Line(number, style.small)]
    window.add_fact(panel, texts.card, lines)
