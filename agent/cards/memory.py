"""What the agent remembers of the cards it has seen: public data only.

Nothing of it is on disk but how many PIN attempts are left, if whoever makes the memory says so.

A record is found by the card's number, which is read in every transaction. It
saves about a second of reading at each signature. What is proven is kept while the agent runs,
everything else only until a card is pulled.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

from agent.cards.card import CITIZEN_CARDS, CardGeneration, StoredCertificate
from agent.cards.known_attempts import KnownAttempts, MemoryAttempts
from agent.cards.session import ReadLimit

K = TypeVar("K")
V = TypeVar("V")

MAX_CARDS = 32  # a counter serves many citizens in a day; the agent must not grow by them
MAX_LIMITS = 64  # readers have any name


def card_key(generation: CardGeneration, serial: str) -> str:
    """Return what is remembered of a card is found by: its kind and its number.

    Two kinds may number their cards alike. Citizen cards are found by their number alone, as they
    always were: what is known of their PIN attempts stays known.
    """
    if generation in CITIZEN_CARDS:
        return serial
    return f"{generation}\n{serial}"  # no number has a line feed


@dataclass
class CardRecord:
    """What is known of one card; only for the thread that uses the card.

    Attributes:
        certificates: those that were read, in the order of the card's directory.
        complete: whether these are all that can be read.
        proven: those that cannot have been misread: their issuer's signature is good, or a second
            reading was the same. That their key made a signature says nothing of their names.
        rejected: those whose key did not make the card's signature.
        references: key reference by PKCS#15 identifier, as the card's PrKDF says; None before
            it was read.
        wrong_references: identifiers with a reference that turned out not to be theirs.
        channel_id: the gen2 card's 10-byte id, from which its channel keys are derived.
        channel_proven: whether a channel was opened with it.

    """

    certificates: tuple[StoredCertificate, ...] = ()
    complete: bool = False
    proven: frozenset[StoredCertificate] = frozenset()
    rejected: frozenset[StoredCertificate] = frozenset()
    references: dict[bytes, int] | None = None
    wrong_references: frozenset[tuple[bytes, int]] = frozenset()
    channel_id: bytes | None = None
    channel_proven: bool = False
    _stale: bool = field(default=False, repr=False)

    def add(self, certificate: StoredCertificate) -> None:
        """Remember a certificate that was read."""
        if certificate not in self.certificates:
            self.certificates += (certificate,)

    def forget(self) -> None:
        """Forget all that was read, so that it is read anew."""
        self.certificates = ()
        self.complete = False
        self.proven = frozenset()
        self.references = None
        self.channel_id = None
        self.channel_proven = False

    def mark_stale(self) -> None:
        """Have what is not proven forgotten before the next use; from any thread."""
        self._stale = True

    def freshen(self) -> None:
        """Forget what is not proven, if a card was pulled meanwhile."""
        if not self._stale:
            return
        self._stale = False
        self.rejected = frozenset()
        self.wrong_references = frozenset()
        if not self.channel_proven:
            self.channel_id = None
        if not self.proven.issuperset(self.certificates):
            self.certificates = tuple(c for c in self.certificates if c in self.proven)
            self.complete = False
        if not self.certificates:
            self.references = None


class CardMemory:
    """Records by :func:`card_key`, the least recently used forgotten first. Thread-safe.

    Attributes:
        attempts: how many PIN attempts each card has left.

    """

    def __init__(self, attempts: KnownAttempts | None = None) -> None:
        """Remember nothing but ``attempts``; None to remember them no longer than the rest."""
        self.attempts = attempts or MemoryAttempts()
        self._records: OrderedDict[str, CardRecord] = OrderedDict()
        self._limits: OrderedDict[tuple[str, str], ReadLimit] = OrderedDict()
        self._lock = Lock()

    def record(self, key: str) -> CardRecord:
        """Return the record of a card by its :func:`card_key`; a new one at first."""
        with self._lock:
            record = _recent(self._records, key, CardRecord, MAX_CARDS)
        record.freshen()
        return record

    def read_limit(self, reader: str, generation: str) -> ReadLimit:
        """Return how many bytes a reader gets from a kind of card at a time."""
        with self._lock:
            return _recent(self._limits, (reader, generation), ReadLimit, MAX_LIMITS)

    def forget_unproven(self) -> None:
        """Have everything that is not proven read anew: a card was pulled."""
        with self._lock:
            for record in self._records.values():
                record.mark_stale()


def _recent(known: OrderedDict[K, V], key: K, make: Callable[[], V], most: int) -> V:
    """Return ``known[key]``, made if it is not there, and keep the ``most`` recent ones."""
    if key not in known:
        known[key] = make()
    known.move_to_end(key)
    while len(known) > most:
        known.popitem(last=False)
    return known[key]
