"""A reader, and what is in it."""

from dataclasses import dataclass

from agent.cards.card import CardDriver
from agent.signing.model import CardPresence, ReaderView
from agent.transport.base import ReaderState


@dataclass(frozen=True, slots=True)
class Seat:
    """A reader, what is in it, and the driver that speaks to it."""

    state: ReaderState
    view: ReaderView
    driver: CardDriver | None = None


def presence_of(state: ReaderState) -> CardPresence:
    """Tell what is in a reader, before any command is sent to it."""
    if not state.present:
        return CardPresence.EMPTY
    # pcscd does not always say so: a card without an ATR is as mute
    return CardPresence.MUTE if state.mute or not state.atr else CardPresence.CARD
