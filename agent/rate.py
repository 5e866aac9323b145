"""How often somebody may ask: a token bucket for each asker, in bounded memory."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast tokens are spent and come back.

    Attributes:
        burst: how many a full bucket holds.
        per_second: how many come back; 0 for none.

    """

    burst: int
    per_second: float


class TokenBuckets:
    """One bucket for each key; one event loop or thread at a time."""

    def __init__(
        self, rate: Rate, max_keys: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with full buckets.

        Args:
            rate: of each key.
            max_keys: how many are remembered. The one that has not asked for longest is forgotten
                first, and has a full bucket again: keys must not be free to choose.
            clock: seconds, from any moment on; never goes back.

        """
        self._rate = rate
        self._max_keys = max_keys
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def seconds_until(self, key: Hashable) -> float:
        """Return how long it takes until this key has a token; one second where none come back."""
        tokens, since = self._buckets.get(key, (1.0, 0.0))
        if self._rate.per_second <= 0:
            return 1.0
        return max(0.0, (1 - tokens) / self._rate.per_second - (self._clock() - since))

    def clear(self) -> None:
        """Fill every bucket again."""
        self._buckets.clear()

    def take(self, key: Hashable, count: int = 1) -> bool:
        """Take tokens of this key, or none; return whether there were so many."""
        now = self._clock()
        full = float(self._rate.burst)
        tokens, since = self._buckets.pop(key, (full, now))
        tokens = min(full, tokens + (now - since) * self._rate.per_second)
        granted = tokens >= count
        self._buckets[key] = (tokens - count * granted, now)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)
        return granted
