"""A program's connection to a virtual card in this process, and the state connections share."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from agent.errors import CardRemovedError, TransportError
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.status import CardPulledError

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Insertion:
    """A card in a reader, from its insertion until it is removed.

    Attributes:
        changed: the provider's lock; everything else here is only touched while it is held.
        pulled: what to tell the provider when the card went away by itself.
        features: of the reader, as PC/SC part 10 writes them.
        alive: whether the card is still there.
        connections: how many are open.
        owner: whose transaction holds the card; ``depth`` begins without their ends.
        busy: whether a command is with the card.

    """

    card: VirtualCard
    changed: threading.Condition
    pulled: Callable[["Insertion"], None]
    features: bytes = b""
    alive: bool = True
    connections: int = 0
    owner: "VirtualConnection | None" = None
    depth: int = 0
    busy: bool = False

    def kill(self) -> None:
        """End the insertion: power the card off and invalidate every connection."""
        self.alive = False
        self.card.pull()
        if not self.busy:
            self.card.power_off()
        self.changed.notify_all()


class VirtualConnection:
    """One connection to a card; see :class:`agent.transport.base.Connection`."""

    def __init__(self, insertion: Insertion, reader: str) -> None:
        """Connect; the card starts from its reset if nobody else is connected."""
        self._insertion = insertion
        self._reader = reader
        self._atr = insertion.card.atr
        self._closed = False
        if not insertion.connections:
            insertion.card.power_on()
        insertion.connections += 1

    @property
    def reader(self) -> str:
        """The name of the reader that the card is in."""
        return self._reader

    @property
    def atr(self) -> bytes:
        """The card's Answer To Reset."""
        return self._atr

    @property
    def protocol(self) -> str:
        """``"T=0"`` or ``"T=1"``."""
        return "T=0" if self._insertion.card.data.options.t0 else "T=1"

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Send a copy of one command APDU; return the response data and the status word.

        Raises:
            CardRemovedError: the card has left the reader.
            TransportError: the card did not answer.

        """
        card = self._insertion.card
        response = self._work(lambda: card.process(bytes(command)))
        if len(response) < 2:
            raise TransportError("the card did not answer")
        return response[:-2], int.from_bytes(response[-2:], "big")

    def features(self) -> bytes | None:
        """Return the reader's features, as PC/SC part 10 encodes them."""
        self._require_alive()
        return self._insertion.features

    def begin(self) -> None:
        """Begin a transaction; one that is begun twice has to be ended twice."""
        insertion = self._insertion
        with insertion.changed:
            self._await_turn()
            insertion.owner = self
            insertion.depth += 1

    def end(self, *, reset: bool) -> None:
        """End the transaction."""
        insertion = self._insertion
        with insertion.changed:
            if insertion.owner is not self:
                return
            if reset and insertion.alive:
                insertion.card.reset()
            insertion.depth -= 1
            if insertion.depth == 0:
                insertion.owner = None
            insertion.changed.notify_all()

    def reset(self) -> None:
        """Reset the card warm."""
        self._work(self._insertion.card.reset)

    def close(self) -> None:
        """Disconnect from the card, and end a transaction if there is one."""
        insertion = self._insertion
        with insertion.changed:
            if self._closed:
                return
            self._closed = True
            insertion.connections -= 1
            if insertion.owner is self:
                insertion.owner, insertion.depth = None, 0
            insertion.changed.notify_all()

    def _work(self, action: Callable[[], T]) -> T:
        """Run ``work`` on the card, without the lock, so that the card can be removed meanwhile."""
        insertion = self._insertion
        with insertion.changed:
            self._await_turn()
            insertion.busy = True
        pulled = False
        try:
            result = action()
        except CardPulledError:
            pulled = True
            raise CardRemovedError("the card was pulled") from None
        finally:
            with insertion.changed:
                insertion.busy = False
                if pulled and insertion.alive:
                    insertion.pulled(insertion)
                if not insertion.alive:
                    insertion.card.power_off()
                insertion.changed.notify_all()
        self._require_alive()
        return result

    def _await_turn(self) -> None:
        insertion = self._insertion
        insertion.changed.wait_for(self._may_go)
        self._require_alive()

    def _may_go(self) -> bool:
        insertion = self._insertion
        if self._closed or not insertion.alive:
            return True
        return not insertion.busy and insertion.owner in (None, self)

    def _require_alive(self) -> None:
        if not self._insertion.alive:
            raise CardRemovedError("the card was pulled")
        if self._closed:
            raise TransportError("the connection is closed")
