"""What the agent remembers of the cards it has seen: public data only, and never on disk.

A record is found by the number in the card's file 0903, which is read in every transaction. It
saves about a second of reading at each signature.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

MAX_CARDS = 32  # a counter serves many citizens in a day; the agent must not grow by them


@dataclass
class CardRecord:
    """What is known of one card.

    Attributes:
        certificates: DER by PKCS#15 identifier.
        labels: the directory's label by PKCS#15 identifier.
        complete: whether that is every certificate of the card.
        channel_id: the gen2 card's 10-byte id, from which its channel keys are derived.
        attempts_left: PIN attempts left as the card last said, 0 to 15.

    """

    certificates: dict[bytes, bytes] = field(default_factory=dict)
    labels: dict[bytes, str] = field(default_factory=dict)
    complete: bool = False
    channel_id: bytes | None = None
    attempts_left: int | None = None

    def forget_certificates(self) -> None:
        """Forget the certificates; only for the thread that uses the card."""
        self.complete = False
        self.certificates.clear()
        self.labels.clear()


class CardMemory:
    """Records by card serial number, the least recently used forgotten first. Thread-safe."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, CardRecord] = OrderedDict()
        self._lock = Lock()

    def record(self, serial: str) -> CardRecord:
        """Return the record of a card; a new one for a card not seen before."""
        with self._lock:
            record = self._records.setdefault(serial, CardRecord())
            self._records.move_to_end(serial)
            while len(self._records) > MAX_CARDS:
                self._records.popitem(last=False)
            return record
