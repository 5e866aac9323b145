"""ID numbers between the challenge and the signature: in memory, for minutes, never on disk.

The identity service has to be asked with the whole number, and the number comes with the challenge,
before the card. Written down it would have to be protected, expired and wiped from backups; held
here it is gone with the process, and the member types it again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from agent.portal.challenges import LIFETIME

_MOST: Final = 10_000
_GRACE_S: Final = 60


class PendingIdNumbers:
    """ID numbers by challenge; the oldest are dropped when there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure ages by ``clock``, in seconds."""
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def put(self, challenge: str, id_number: str) -> None:
        """Keep a number until its challenge expires."""
        self._evict()
        until = self._clock() + LIFETIME + _GRACE_S
        self._entries[challenge] = (until, id_number)

    def get(self, challenge: str) -> str | None:
        """Return the number; None when it is not kept any more."""
        entry = self._entries.get(challenge)
        return None if entry is None or entry[0] <= self._clock() else entry[1]

    def drop(self, challenge: str) -> None:
        """Drop a number, if it is kept."""
        self._entries.pop(challenge, None)

    def _evict(self) -> None:
        """Drop expired numbers and, oldest first, those above the limit."""
        now = self._clock()
        while self._entries:
            oldest = next(iter(self._entries))
            if self._entries[oldest][0] > now and len(self._entries) < _MOST:
                break
            del self._entries[oldest]

    def __len__(self) -> int:
        return len(self._entries)
