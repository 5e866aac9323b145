"""How much one site may ask for: a rate, and a number of requests under way."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin

MAX_SITES = 1024  # remembered at once; the one that was quiet for longest is forgotten first


@dataclass(frozen=True, slots=True)
class Limits:
    """What one site gets.

    Attributes:
        rate: requests per second in the long run.
        burst: requests at once after a pause.
        pending: card requests under way, over all connections.
        sockets: WebSockets open.
        body_seconds: for a body to arrive.
        send_seconds: for a page to take an answer.

    """

    rate: float = 50.0
    burst: int = 100
    pending: int = 16
    sockets: int = 16
    body_seconds: float = 20.0
    send_seconds: float = 10.0


class RateLimiter:
    """A token bucket for each site."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[Origin, tuple[float, float]] = OrderedDict()

    def check(self, site: Origin) -> None:
        """Spend one token.

        Raises:
            AgentError: ``rate_limited``: there is none.

        """
        now = self._clock()
        tokens, since = self._buckets.pop(site, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        granted = tokens >= 1
        self._buckets[site] = (tokens - granted, now)
        if len(self._buckets) > MAX_SITES:
            self._buckets.popitem(last=False)
        if not granted:
            raise AgentError("more requests than the rate allows", code=ErrorCode.RATE_LIMITED)


class Slots:
    """A number of places for each site."""

    def __init__(self, places: int, code: ErrorCode) -> None:
        """Make the places.

        Args:
            places: for each site.
            code: what a site is told that has none left.

        """
        self._places = places
        self._code = code
        self._taken: dict[Origin, int] = {}

    @contextmanager
    def hold(self, site: Origin) -> Iterator[None]:
        """Take a place for as long as the context lasts.

        Raises:
            AgentError: there is none left.

        """
        taken = self._taken.get(site, 0)
        if taken >= self._places:
            raise AgentError("too much under way for this site", code=self._code)
        self._taken[site] = taken + 1
        try:
            yield
        finally:
            left = self._taken.pop(site) - 1
            if left:
                self._taken[site] = left
