"""One site cannot use up what others need."""

import pytest

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.web.front.limits import MAX_SITES, RateLimiter, Slots

SITE = Origin.parse_any("https://shop.example")
OTHER = Origin.parse_any("https://other.example")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def drain(limiter: RateLimiter, site: Origin) -> int:
    """Ask until refused; return how often that went well."""
    count = 0
    while True:
        try:
            limiter.check(site)
        except AgentError:
            return count
        count += 1


def test_a_burst_is_granted_and_then_the_rate() -> None:
    clock = Clock()
    limiter = RateLimiter(rate=10, burst=5, clock=clock)
    assert drain(limiter, SITE) == 5
    clock.now += 0.35
    assert drain(limiter, SITE) == 3
    clock.now += 3600
    assert drain(limiter, SITE) == 5


def test_what_is_refused_costs_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(rate=1, burst=1, clock=clock)
    drain(limiter, SITE)
    for _ in range(50):
        clock.now += 0.01
        drain(limiter, SITE)
    clock.now += 0.51
    assert drain(limiter, SITE) == 1


def test_a_site_over_its_rate_may_try_again() -> None:
    limiter = RateLimiter(rate=1, burst=1, clock=Clock())
    drain(limiter, SITE)
    with pytest.raises(AgentError) as caught:
        limiter.check(SITE)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    assert caught.value.retriable


def test_each_site_has_its_own_bucket() -> None:
    limiter = RateLimiter(rate=1, burst=3, clock=Clock())
    assert drain(limiter, SITE) == 3
    assert drain(limiter, OTHER) == 3


def test_a_flood_of_names_does_not_fill_the_memory() -> None:
    limiter = RateLimiter(rate=1, burst=1, clock=Clock())
    for number in range(MAX_SITES * 2):
        limiter.check(Origin.parse_any(f"https://site{number}.example"))
    assert len(limiter._buckets) == MAX_SITES


def test_places_come_back_however_they_were_left() -> None:
    slots = Slots(2, ErrorCode.BUSY)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), slots.hold(SITE):
            raise ZeroDivisionError
    with slots.hold(SITE), slots.hold(SITE), slots.hold(OTHER):
        with pytest.raises(AgentError) as caught, slots.hold(SITE):
            pytest.fail("there were only two places")
        assert caught.value.code is ErrorCode.BUSY
    assert not slots._taken
