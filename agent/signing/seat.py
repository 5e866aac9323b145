"""A reader, and what is in it."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from agent.cards.card import CardDriver
from agent.cards.pkcs11.token_source import TokenSlot
from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.transport.base import ReaderState


@dataclass(frozen=True, slots=True)
class Seat:
    """A reader, what is in it, and the driver that speaks to it; or a module that does."""

    state: ReaderState
    view: ReaderView
    driver: CardDriver | None = None
    token: TokenSlot | None = None


def presence_of(state: ReaderState) -> CardPresence:
    """Tell what is in a reader, before any command is sent to it."""
    if not state.present:
        return CardPresence.EMPTY
    # pcscd does not always say so: a card without an ATR is as mute
    return CardPresence.MUTE if state.mute or not state.atr else CardPresence.CARD


def token_seat(slot: TokenSlot, insertion: int) -> Seat:
    """Make the seat of a token.

    Args:
        slot: where it is.
        insertion: another number for each token that came.

    """
    state = ReaderState(slot.name, present=True, insertion=insertion)
    view = ReaderView(slot.name, CardPresence.CARD, "pkcs11", keypad=slot.has_keypad)
    return Seat(state, view, token=slot)


def seen(seats: Collection[Seat], before: Snapshot, *, working: bool) -> Snapshot:
    """Return what is seen of seats now.

    Args:
        seats: all of them.
        before: as it was.
        working: whether a card is in use, or about to be.

    """
    of_pcsc = tuple(seat.view for seat in seats if seat.token is None)
    has_tokens = len(of_pcsc) < len(seats)
    return replace(
        before, readers=shown(seats), working=working, of_pcsc=of_pcsc if has_tokens else None
    )


def shown(seats: Collection[Seat]) -> tuple[ReaderView, ...]:
    """Return what people see: a card that a module sees too is there once.

    It is ours while a driver here knows it or it is being asked; else it is the module's.
    """
    tokens = [seat.token for seat in seats if seat.token is not None]
    hidden: set[str] = set()
    for seat in seats if tokens else ():
        twins = [token.name for token in tokens if token.is_in(seat.state.name)]
        if seat.token is not None or not twins:
            continue
        if seat.view.state is CardPresence.CARD:
            hidden.update(twins)
        else:
            hidden.add(seat.state.name)
    return tuple(seat.view for seat in seats if seat.state.name not in hidden)
