"""The content of the icon: its status, its title and its menu, made from the agent's state."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from agent.harmless import shortened
from agent.origin import Origin
from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.words.language import CHOICES, SYSTEM
from tray.icon.texts import TrayTexts

MAX_NAME: Final = 48  # characters of a reader's name
MAX_READERS: Final = 8  # in the menu; the panel has them all
FEW_ATTEMPTS: Final = 1  # PIN attempts left from which on the icon calls for attention


@unique
class IconStatus(StrEnum):
    """The status that the icon's badge and colour show."""

    STARTING = "starting"
    RUNNING = "running"
    READY = "ready"
    WORKING = "working"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One entry of the menu.

    Attributes:
        key: unique in the menu; the program decides by it what to do when the entry is chosen.
        label: the text; names of readers in it are made harmless. "" for a separator.
        enabled: whether it can be chosen.
        checked: whether its check mark is set; None for an entry without one.
        radio: whether the mark is that of a radio group, of which exactly one is set.
        children: the entries of its submenu.

    """

    key: str
    label: str = ""
    enabled: bool = True
    checked: bool | None = None
    radio: bool = False
    children: tuple["MenuItem", ...] = ()

    def walk(self) -> Iterator["MenuItem"]:
        """Yield this entry and all entries below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class TrayState:
    """The state of the agent and its settings, as far as the tray shows it.

    Attributes:
        snapshot: the readers; None until the agent is ready.
        warnings: keys of ``TrayTexts.warnings``, the most severe first.
        autostart: whether the agent starts when the user signs in; None where that is not offered.
        language: the chosen language, one of ``CHOICES``.
        newest: the version of an available update; "" where there is none.
        waiting: sites that the citizen may be asked about, the newest last.
        restart: the browsers that run and trust us only after a restart.
        testing: whether a test answers in the citizen's place.
        left: whether ports are left to another person, who is in front of this computer.

    """

    snapshot: Snapshot | None = None
    warnings: tuple[str, ...] = ()
    autostart: bool | None = None
    language: str = SYSTEM
    newest: str = ""
    waiting: tuple[Origin, ...] = ()
    restart: tuple[str, ...] = ()
    testing: bool = False
    left: bool = False


@dataclass(frozen=True, slots=True)
class TrayView:
    """The content of the icon.

    Attributes:
        status: chooses the drawing.
        title: the tool tip, one line.
        menu: the entries, from the top.

    """

    status: IconStatus
    title: str
    menu: tuple[MenuItem, ...]


def make_view(state: TrayState, texts: TrayTexts) -> TrayView:
    """Return what the icon shows of ``state``."""
    status, text = _status(state, texts)
    if state.testing:
        text = f"{texts.testing} – {text}"
    menu = (
        MenuItem("panel:state", text),
        *_restart_item(state, texts, text),
        *_readers(state.snapshot, texts),
        *(MenuItem(f"ask:{site}", _asking(site, texts)) for site in state.waiting),
        MenuItem("separator:1"),
        MenuItem("panel:sign", texts.sign),
        MenuItem("panel:sites", texts.sites),
        MenuItem("panel:history", texts.history),
        MenuItem("panel:selftest", texts.selftest),
        MenuItem("panel:doctor", texts.doctor),
        MenuItem("separator:2"),
        *_settings(state, texts),
        MenuItem("separator:3"),
        *_update(state, texts),
        MenuItem("panel:about", texts.about),
        MenuItem("quit", texts.quit),
    )
    return TrayView(status, f"{texts.product} – {text}", menu)


def waiting_view(texts: TrayTexts) -> TrayView:
    """Return what the icon shows while the agent cannot use its folder, and so has no panel."""
    text = texts.warnings["folder"]
    menu = (
        MenuItem("waiting", text, enabled=False),
        MenuItem("separator:1"),
        MenuItem("quit", texts.quit),
    )
    return TrayView(IconStatus.ATTENTION, f"{texts.product} – {text}", menu)


def _status(state: TrayState, texts: TrayTexts) -> tuple[IconStatus, str]:
    snapshot = state.snapshot
    if snapshot is None:
        return IconStatus.STARTING, texts.starting
    if snapshot.working:
        return IconStatus.WORKING, texts.working
    warning = next(iter((*_card_warnings(snapshot), *state.warnings)), None)
    if warning is not None:
        return IconStatus.ATTENTION, texts.warnings[warning]
    if state.restart:
        return IconStatus.ATTENTION, _restart(state.restart, texts)
    return _calm_status(state, snapshot, texts)


def _calm_status(state: TrayState, snapshot: Snapshot, texts: TrayTexts) -> tuple[IconStatus, str]:
    """Return what there is to say while nothing is wrong."""
    if state.left:
        return IconStatus.RUNNING, texts.left
    if any(reader.state is CardPresence.CARD for reader in snapshot.readers):
        return IconStatus.READY, texts.ready
    return IconStatus.RUNNING, texts.no_card if snapshot.readers else texts.no_reader


def _restart(browsers: tuple[str, ...], texts: TrayTexts) -> str:
    return texts.warnings["restart"].format(browsers=" / ".join(browsers))


def _restart_item(state: TrayState, texts: TrayTexts, shown: str) -> Iterator[MenuItem]:
    """Yield the entry that says it below a more severe warning, or while the agent works."""
    if state.restart and _restart(state.restart, texts) != shown:
        yield MenuItem("panel:state:restart", _restart(state.restart, texts))


def _card_warnings(snapshot: Snapshot) -> Iterator[str]:
    """Yield keys of ``TrayTexts.warnings`` about readers and cards, the most severe first."""
    if not snapshot.service_available:
        yield "service"
    left = [each.attempts_left for each in snapshot.readers if each.attempts_left is not None]
    if 0 in left:
        yield "locked"
    elif any(tries <= FEW_ATTEMPTS for tries in left):
        yield "last_try"
    states = {reader.state for reader in snapshot.readers}
    if CardPresence.MUTE in states:
        yield "mute"
    if CardPresence.UNSUPPORTED in states:
        yield "unsupported"


def _readers(snapshot: Snapshot | None, texts: TrayTexts) -> Iterator[MenuItem]:
    if snapshot is None or not snapshot.service_available:
        return
    if not snapshot.readers:
        yield MenuItem("panel:readers", texts.no_reader, enabled=False)
    for number, reader in enumerate(snapshot.readers[:MAX_READERS]):
        yield MenuItem(f"panel:readers:{number}", _reader(reader, texts))


def _reader(reader: ReaderView, texts: TrayTexts) -> str:
    state = texts.cards[reader.state]
    if reader.state is CardPresence.CARD:
        state = texts.generations.get(reader.generation or "", state)
        if reader.attempts_left == 0:
            state = texts.locked.format(card=state)
    return f"{shortened(reader.name, MAX_NAME)}  –  {state}"


def _asking(site: Origin, texts: TrayTexts) -> str:
    return texts.ask.format(site=shortened(site.host, MAX_NAME))


def _update(state: TrayState, texts: TrayTexts) -> Iterator[MenuItem]:
    if state.newest:
        yield MenuItem("panel:about:newer", texts.newer.format(version=state.newest))


def _settings(state: TrayState, texts: TrayTexts) -> Iterator[MenuItem]:
    if state.autostart is not None:
        yield MenuItem("autostart", texts.autostart, checked=state.autostart)
    choices = tuple(
        MenuItem(
            f"language:{name}",
            texts.choices[name],
            checked=name == state.language,
            radio=True,
        )
        for name in CHOICES
    )
    yield MenuItem("language", texts.language, children=choices)
