"""What the tray shows at one moment: a mood, a line of text and a menu. Facts in, face out."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from agent.harmless import shortened
from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.words.language import CHOICES, SYSTEM
from tray.icon.texts import Texts

MAX_NAME: Final = 48  # characters of a reader's name
MAX_READERS: Final = 8  # in the menu; the panel has them all
FEW_ATTEMPTS: Final = 1  # PIN attempts left from which on the icon calls for attention


@unique
class Mood(StrEnum):
    """What the icon says at a glance."""

    STARTING = "starting"
    RUNNING = "running"
    READY = "ready"
    WORKING = "working"
    ATTENTION = "attention"


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One line of the menu.

    Attributes:
        key: names the line, and says what choosing it does.
        label: what it says; foreign text in it is harmless. Empty for a line that only separates.
        enabled: whether it can be chosen.
        checked: whether a mark stands before it; None for a line without one.
        radio: whether the mark is one of several of which one is set.
        children: the lines behind it.

    """

    key: str
    label: str = ""
    enabled: bool = True
    checked: bool | None = None
    radio: bool = False
    children: tuple["MenuItem", ...] = ()

    def walk(self) -> Iterator["MenuItem"]:
        """Return this line and all behind it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known.

    Attributes:
        snapshot: the readers; None before the agent is ready.
        warnings: keys of ``Texts.warnings``, for what needs the citizen's attention.
        autostart: whether the agent starts with the session; None where that is unknown.
        language: one of ``CHOICES``, as chosen.
        newest: a newer version that there is; empty for none.

    """

    snapshot: Snapshot | None = None
    warnings: tuple[str, ...] = ()
    autostart: bool | None = None
    language: str = SYSTEM
    newest: str = ""


@dataclass(frozen=True, slots=True)
class Face:
    """What is shown.

    Attributes:
        mood: of the icon.
        title: beside the icon, in one line.
        menu: its lines.

    """

    mood: Mood
    title: str
    menu: tuple[MenuItem, ...]


def make_face(facts: Facts, texts: Texts) -> Face:
    """Choose what to show."""
    mood, state = _state(facts, texts)
    menu = (
        MenuItem("panel:state", state),
        *_readers(facts.snapshot, texts),
        MenuItem("separator:1"),
        MenuItem("panel:sites", texts.sites),
        MenuItem("panel:history", texts.history),
        MenuItem("panel:selftest", texts.selftest),
        MenuItem("panel:doctor", texts.doctor),
        MenuItem("separator:2"),
        *_settings(facts, texts),
        MenuItem("separator:3"),
        *_news(facts, texts),
        MenuItem("panel:about", texts.about),
        MenuItem("quit", texts.quit),
    )
    return Face(mood, f"{texts.product} – {state}", menu)


def _state(facts: Facts, texts: Texts) -> tuple[Mood, str]:
    snapshot = facts.snapshot
    if snapshot is None:
        return Mood.STARTING, texts.starting
    if snapshot.working:
        return Mood.WORKING, texts.working
    warning = next(iter((*_troubles(snapshot), *facts.warnings)), None)
    if warning is not None:
        return Mood.ATTENTION, texts.warnings[warning]
    if any(reader.state is CardPresence.CARD for reader in snapshot.readers):
        return Mood.READY, texts.ready
    return Mood.RUNNING, texts.no_card if snapshot.readers else texts.no_reader


def _troubles(snapshot: Snapshot) -> Iterator[str]:
    """Name what needs attention, the worst first."""
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


def _readers(snapshot: Snapshot | None, texts: Texts) -> Iterator[MenuItem]:
    if snapshot is None or not snapshot.service_available:
        return
    if not snapshot.readers:
        yield MenuItem("panel:readers", texts.no_reader, enabled=False)
    for number, reader in enumerate(snapshot.readers[:MAX_READERS]):
        yield MenuItem(f"panel:readers:{number}", _reader(reader, texts))


def _reader(reader: ReaderView, texts: Texts) -> str:
    state = texts.cards[reader.state]
    if reader.state is CardPresence.CARD:
        state = texts.generations.get(reader.generation or "", state)
        if reader.attempts_left == 0:
            state = texts.locked.format(card=state)
    return f"{shortened(reader.name, MAX_NAME)}  –  {state}"


def _news(facts: Facts, texts: Texts) -> Iterator[MenuItem]:
    if facts.newest:
        yield MenuItem("panel:about:newer", texts.newer.format(version=facts.newest))


def _settings(facts: Facts, texts: Texts) -> Iterator[MenuItem]:
    if facts.autostart is not None:
        yield MenuItem("autostart", texts.autostart, checked=facts.autostart)
    choices = tuple(
        MenuItem(
            f"language:{name}",
            texts.choices[name],
            checked=name == facts.language,
            radio=True,
        )
        for name in CHOICES
    )
    yield MenuItem("language", texts.language, children=choices)
