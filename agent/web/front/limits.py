"""How much one site may ask for: a rate, and a number of requests under way."""

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent.domain import group_of
from agent.errors import AgentError, ErrorCode, RateLimitedError
from agent.origin import Origin
from agent.rate import Rate, TokenBuckets

MAX_SITES = 1024  # and as many domains: the one that was quiet for longest is forgotten first


@dataclass(frozen=True, slots=True)
class Limits:
    """What one site gets.

    Attributes:
        rate: requests per second in the long run, of a site that is allowed or of all others below
            one registrable domain.
        burst: requests at once after a pause, of the same.
        stranger_rate: requests per second of all sites together that are not allowed.
        stranger_burst: the same at once after a pause.
        pending: card requests under way, over all connections.
        sockets: WebSockets open; the next one is refused.
        domain_sockets: WebSockets of sites that are not allowed below one registrable domain; the
            oldest gives way.
        stranger_sockets: the same for all such sites together.
        stranger_seconds: how long a WebSocket of such a site is open at least; it is closed before
            twice as long is over, unless the site has asked something that is not answered yet.
        quiet_seconds: how long a WebSocket of the JRSYS family is open at least on which nothing
            is asked; it is closed before twice as long is over.
        body_seconds: for a body to arrive.
        send_seconds: for a page to take an answer.

    """

    rate: float = 50.0
    burst: int = 100
    stranger_rate: float = 200.0
    stranger_burst: int = 400
    pending: int = 16
    sockets: int = 16
    domain_sockets: int = 8
    stranger_sockets: int = 32
    stranger_seconds: float = 300.0
    quiet_seconds: float = 30.0
    body_seconds: float = 20.0
    send_seconds: float = 10.0


class RateLimiter:
    """How fast each site may ask.

    An allowed site has a budget of its own. A stranger may call itself by as many names as it
    likes: a registrable domain of strangers has one budget, and all of them together another.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with full budgets.

        Args:
            limits: of each site, and of all strangers.
            clock: seconds that only grow.

        """
        each = Rate(limits.burst, limits.rate)
        everybody = Rate(limits.stranger_burst, limits.stranger_rate)
        self._sites = TokenBuckets(each, MAX_SITES, clock)
        self._domains = TokenBuckets(each, MAX_SITES, clock)
        self._strangers = TokenBuckets(everybody, 1, clock)

    def check(self, site: Origin, *, is_allowed: bool) -> None:
        """Spend one token.

        Args:
            site: who asks.
            is_allowed: whether the citizen has allowed it.

        Raises:
            AgentError: ``rate_limited``: there is none.

        """
        if is_allowed:
            _spend(self._sites, site)
        else:
            _spend(self._domains, group_of(site))
            _spend(self._strangers, None)

    def forget(self) -> None:
        """Give everybody their full budget again."""
        for buckets in (self._sites, self._domains, self._strangers):
            buckets.clear()


def _spend(buckets: TokenBuckets, key: Hashable) -> None:
    if not buckets.take(key):
        seconds = buckets.seconds_until(key)
        raise RateLimitedError("more requests than the rate allows", seconds)


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
            detail = "too much under way for this site"
            if self._code is ErrorCode.RATE_LIMITED:
                raise RateLimitedError(detail)
            raise AgentError(detail, code=self._code)
        self._taken[site] = taken + 1
        try:
            yield
        finally:
            left = self._taken.pop(site) - 1
            if left:
                self._taken[site] = left
