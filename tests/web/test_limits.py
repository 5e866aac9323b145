"""One site cannot use up what others need."""

import pytest

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.web.front.limits import MAX_SITES, RateLimiter, Slots

SITE = Origin.parse_any("https://shop.example")
OTHER = Origin.parse_any("https://other.example")


def test_a_site_over_its_rate_may_try_again() -> None:
    limiter = RateLimiter(rate=0, burst=1)
    limiter.check(SITE)
    with pytest.raises(AgentError) as caught:
        limiter.check(SITE)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    assert caught.value.retriable


def test_each_site_has_its_own_bucket() -> None:
    limiter = RateLimiter(rate=0, burst=3)
    for _ in range(3):
        limiter.check(SITE)
        limiter.check(OTHER)
    with pytest.raises(AgentError):
        limiter.check(OTHER)


def test_a_flood_of_names_does_not_fill_the_memory() -> None:
    limiter = RateLimiter(rate=1, burst=1)
    for number in range(MAX_SITES * 2):
        limiter.check(Origin.parse_any(f"https://site{number}.example"))
    assert len(limiter._buckets._buckets) == MAX_SITES


def test_slots_come_back_however_they_were_left() -> None:
    slots = Slots(2, ErrorCode.BUSY)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError), slots.hold(SITE):
            raise ZeroDivisionError
    with slots.hold(SITE), slots.hold(SITE), slots.hold(OTHER):
        with pytest.raises(AgentError) as caught, slots.hold(SITE):
            pytest.fail("there were only two slots")
        assert caught.value.code is ErrorCode.BUSY
    assert not slots._taken
