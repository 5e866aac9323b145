"""Virtual readers and cards in this process, behind the interface of agent.transport.

They behave as PC/SC does: the first connection to a card resets it, a connection to a removed card
cannot be used any more, and a transaction makes every other connection wait.
"""

import threading
from dataclasses import dataclass

from agent.errors import (
    BadRequestError,
    MuteCardError,
    NoCardError,
    NoReaderError,
    ServiceUnavailableError,
    SharingViolationError,
)
from agent.transport.base import ReaderState
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.connection import Insertion, VirtualConnection

READER_NAME = "Ankong Virtual Reader {}"
MAX_READER_NAME = 127  # bytes UTF-8
MAX_READERS = 64
"""At once; PC/SC services have room for fewer, and the agent has a thread for each."""


@dataclass(eq=False, slots=True)
class _Slot:
    """One reader; ``changes`` counts insertions, ``held`` is true while another program has it."""

    name: str
    changes: int
    features: bytes = b""
    inserted: Insertion | None = None
    held: bool = False

    def state(self) -> ReaderState:
        if self.inserted is None:
            return ReaderState(self.name, insertion=self.changes)
        atr = self.inserted.card.atr
        return ReaderState(self.name, True, atr, self.changes, mute=not atr)


class VirtualProvider:
    """A :class:`agent.transport.base.CardProvider` whose readers hold virtual cards."""

    def __init__(self, readers: int = 1) -> None:
        """Make empty readers, named "Ankong Virtual Reader 0" and so on."""
        self._changed = threading.Condition()
        self._slots: dict[str, _Slot] = {}
        self._changes = 0
        self._cancels = 0
        self._available = True
        self._closed = False
        for _ in range(readers):
            self.add_reader()

    @property
    def kind(self) -> str:
        """``"virtual"``."""
        return "virtual"

    # What a CardProvider does.

    def readers(self) -> tuple[ReaderState, ...]:
        """Return the readers as they are now, without waiting."""
        with self._changed:
            return self._states()

    def wait(self, known: tuple[ReaderState, ...], timeout: float) -> tuple[ReaderState, ...]:
        """Block until something differs from ``known``, or ``timeout`` seconds have passed."""
        with self._changed:
            cancels = self._cancels
            self._changed.wait_for(
                lambda: self._closed or self._cancels != cancels or self._states() != known,
                timeout,
            )
            return self._states()

    def cancel(self) -> None:
        """Make a blocked :meth:`wait` return at once."""
        with self._changed:
            self._cancels += 1
            self._changed.notify_all()

    def open(self, reader: str) -> VirtualConnection:
        """Connect to the card in ``reader``.

        Raises:
            NoReaderError: there is no such reader.
            NoCardError: it is empty.
            SharingViolationError: another program has it for itself.
            ServiceUnavailableError: the service was stopped.
            MuteCardError: the card answers nothing.

        """
        with self._changed:
            self._require_service()
            slot = self._slot(reader)
            if slot.inserted is None:
                raise NoCardError(f"{reader} is empty")
            if slot.held:
                raise SharingViolationError(f"another program holds {reader} for itself")
            if not slot.inserted.card.atr:
                raise MuteCardError(f"the card in {reader} answers nothing")
            return VirtualConnection(slot.inserted, reader)

    def close(self) -> None:
        """Remove every card and release everything."""
        with self._changed:
            self._closed = True
            for slot in self._slots.values():
                self._empty(slot)
            self._slots.clear()
            self._changed.notify_all()

    # What a hand does.

    def add_reader(self, name: str | None = None, *, features: bytes = b"") -> str:
        """Add an empty reader and return its name.

        Args:
            name: of the reader; None for the next number.
            features: that the reader reports, as PC/SC part 10 encodes them.

        Raises:
            BadRequestError: there is one of that name, the name is too long, or there are as many
                readers as there can be.

        """
        with self._changed:
            if len(self._slots) >= MAX_READERS:
                raise BadRequestError(f"there are {MAX_READERS} readers, which is the most")
            if name is None:
                numbers = range(MAX_READERS)  # of which one is free
                name = next(n for n in map(READER_NAME.format, numbers) if n not in self._slots)
            if name in self._slots or not 0 < len(name.encode()) <= MAX_READER_NAME:
                raise BadRequestError("no name for one more reader")
            self._slots[name] = _Slot(name, self._next_change(), features)
            self._changed.notify_all()
            return name

    def remove_reader(self, name: str) -> None:
        """Remove a reader, with the card in it."""
        with self._changed:
            self._empty(self._slot(name))
            del self._slots[name]
            self._changed.notify_all()

    def insert(self, reader: str, card: VirtualCard) -> None:
        """Put a card into a reader.

        Raises:
            NoReaderError: there is none of that name. BadRequestError: it is not empty, or the
                card is in another one.

        """
        with self._changed:
            slot = self._slot(reader)
            if slot.inserted is not None:
                raise BadRequestError(f"there is a card in {reader}")
            if any(s.inserted and s.inserted.card is card for s in self._slots.values()):
                raise BadRequestError("the card is in another reader")
            slot.inserted = Insertion(card, self._changed, self._pulled, slot.features)
            slot.changes = self._next_change()
            self._changed.notify_all()

    def remove(self, reader: str) -> VirtualCard | None:
        """Remove the card from a reader, also during a command; return it."""
        with self._changed:
            return self._empty(self._slot(reader))

    def hold(self, reader: str, held: bool = True) -> None:
        """Simulate another program that has the card exclusively, or no longer."""
        with self._changed:
            self._slot(reader).held = held

    def cards(self) -> dict[str, VirtualCard | None]:
        """Return the card in each reader, or None, by the reader's name."""
        with self._changed:
            return {
                name: None if slot.inserted is None else slot.inserted.card
                for name, slot in self._slots.items()
            }

    def held(self) -> frozenset[str]:
        """Return the readers whose cards another program has for itself."""
        with self._changed:
            return frozenset(name for name, slot in self._slots.items() if slot.held)

    def set_service(self, available: bool) -> None:
        """Stop or start the card service; stopping invalidates every connection."""
        with self._changed:
            self._available = available
            if not available:
                for slot in self._slots.values():
                    card = self._empty(slot)
                    if card is not None:
                        slot.inserted = Insertion(card, self._changed, self._pulled, slot.features)
            self._changed.notify_all()

    # Only with the lock held.

    def _states(self) -> tuple[ReaderState, ...]:
        self._require_service()
        return tuple(slot.state() for slot in self._slots.values())

    def _require_service(self) -> None:
        if not self._available:
            raise ServiceUnavailableError("the card service was stopped")

    def _slot(self, reader: str) -> _Slot:
        slot = self._slots.get(reader)
        if slot is None:
            raise NoReaderError(f"there is no reader {reader}")
        return slot

    def _next_change(self) -> int:
        self._changes += 1
        return self._changes

    def _empty(self, slot: _Slot) -> VirtualCard | None:
        inserted, slot.inserted = slot.inserted, None
        if inserted is None:
            return None
        inserted.kill()
        slot.changes = self._next_change()
        return inserted.card

    def _pulled(self, insertion: Insertion) -> None:
        """Empty the reader whose card has removed itself."""
        for slot in self._slots.values():
            if slot.inserted is insertion:
                self._empty(slot)
