"""How much one site may ask for: a rate, and a number of requests under way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.rate import Rate, TokenBuckets

MAX_SITES = 1024  # remembered at once; the one that was quiet for longest is forgotten first


@dataclass(frozen=True, slots=True)
class Limits:
    """What one site gets.

    Attributes:
        rate: requests per second in the long run.
        burst: requests at once after a pause.
        pending: card requests under way, over all connections.
        sockets: WebSockets open; the next one is refused.
        domain_sockets: WebSockets of sites that are not allowed below one registrable domain; the
            oldest gives way.
        stranger_sockets: the same for all such sites together.
        body_seconds: for a body to arrive.
        send_seconds: for a page to take an answer.

    """

    rate: float = 50.0
    burst: int = 100
    pending: int = 16
    sockets: int = 16
    domain_sockets: int = 8
    stranger_sockets: int = 32
    body_seconds: float = 20.0
    send_seconds: float = 10.0


class RateLimiter:
    """How fast each site may ask."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with full buckets (see :class:`Limits` and :class:`TokenBuckets`)."""
        self._buckets = TokenBuckets(Rate(burst, rate), MAX_SITES, clock)

    def check(self, site: Origin) -> None:
        """Spend one token.

        Raises:
            AgentError: ``rate_limited``: there is none.

        """
        if not self._buckets.take(site):
            raise AgentError("more requests than the rate allows", code=ErrorCode.RATE_LIMITED)


class Slots:
    """A number of slots for each site."""

    def __init__(self, slots: int, code: ErrorCode) -> None:
        """Start with all slots free.

        Args:
            slots: for each site.
            code: what a site is told that has none left.

        """
        self._slots = slots
        self._code = code
        self._taken: dict[Origin, int] = {}

    @contextmanager
    def hold(self, site: Origin) -> Iterator[None]:
        """Take a slot for as long as the context lasts.

        Raises:
            AgentError: there is none left.

        """
        taken = self._taken.get(site, 0)
        if taken >= self._slots:
            raise AgentError("too much under way for this site", code=self._code)
        self._taken[site] = taken + 1
        try:
            yield
        finally:
            left = self._taken.pop(site) - 1
            if left:
                self._taken[site] = left
