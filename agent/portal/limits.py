"""How often somebody may ask."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

_MOST_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: ``burst`` at once, ``per_second`` after that."""

    burst: int
    per_second: float


class RateLimiter:
    """Buckets by key, in memory; whoever has not asked for longest makes room for others.

    That forgetting helps nobody: ten thousand fresh keys are ten thousand peers or sessions, and
    sessions are limited by peer.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow ``rate`` to each key, by ``clock`` in seconds."""
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def allow(self, key: Hashable) -> bool:
        """Take one token of this key, if there is one."""
        now = self._clock()
        tokens, since = self._buckets.pop(key, (float(self._rate.burst), now))
        tokens = min(float(self._rate.burst), tokens + (now - since) * self._rate.per_second)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return allowed
