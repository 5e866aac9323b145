"""One site cannot use up what others need."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent import errors
from agent.errors import AgentError, ErrorCode, RateLimitedError
from agent.origin import Origin
from agent.web.front.limits import MAX_SITES, Limits, RateLimiter, Slots
from agent.web.front.refusal import failure, refusal

SITE = Origin.parse_any("https://shop.example")
OTHER = Origin.parse_any("https://other.example")


NAMES = ("https://a.evil.example", "https://b.evil.example", "http://evil.example:8080")


class Limiter(RateLimiter):
    """That knows which sites are allowed."""

    allowed: tuple[Origin, ...] = ()

    def ask(self, site: Origin) -> None:
        self.check(site, is_allowed=site in self.allowed)


def limiter(*allowed: Origin, rate: float = 0, burst: int = 1, **limits: Any) -> Limiter:
    made = Limiter(Limits(rate=rate, burst=burst, **limits))
    made.allowed = allowed
    return made


def granted(rate: Limiter, *names: str) -> int:
    """Return how many requests get through, one of each name."""
    count = 0
    for name in names:
        with suppress(AgentError):
            rate.ask(Origin.parse_any(name))
            count += 1
    return count


@pytest.mark.parametrize("allowed", [(), (SITE,)])
def test_a_site_over_its_rate_may_try_again(allowed: tuple[Origin, ...]) -> None:
    rate = limiter(*allowed)
    rate.ask(SITE)
    with pytest.raises(AgentError) as caught:
        rate.ask(SITE)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    assert caught.value.retriable


def test_each_site_has_its_own_bucket() -> None:
    rate = limiter(SITE, burst=3)
    for _ in range(3):
        rate.ask(SITE)
        rate.ask(OTHER)
    for site in (SITE, OTHER):
        with pytest.raises(AgentError):
            rate.ask(site)


MANY = tuple(f"https://www{number}.name{number}.example" for number in range(40))


@pytest.mark.parametrize(
    ("allowed", "names", "expected"),
    [
        ((), NAMES * 4, 3),  # one domain, whatever it calls itself
        (NAMES[:1], NAMES[1:] * 4, 3),  # that a.evil.example is allowed is nothing to the others
        (NAMES[:1], NAMES[:1] * 4, 3),
        (NAMES, NAMES * 4, 9),  # each of them was allowed by itself
        ((), MANY, 10),  # all strangers together
        (
            (),
            ("https://192.0.2.1", "https://192.0.2.1:81", "https://192.0.2.1:82", "https://[::1]"),
            4,
        ),
        ((), ("https://192.0.2.1", "http://192.0.2.1:81") * 4, 3),  # ports are names, too
        ((), ("https://a.github.io", "https://b.github.io") * 4, 6),  # two people's
    ],
)
def test_strangers_are_counted_by_domain_and_then_all_together(
    allowed: tuple[str, ...], names: tuple[str, ...], expected: int
) -> None:
    sites = [Origin.parse_any(name) for name in allowed]
    rate = limiter(*sites, burst=3, stranger_rate=0, stranger_burst=10)
    assert granted(rate, *names) == expected


def test_strangers_spend_nothing_of_an_allowed_site() -> None:
    rate = limiter(SITE, burst=3, stranger_rate=0, stranger_burst=10)
    rate.ask(SITE)
    names = (f"https://name{number}.example" for number in range(MAX_SITES * 2))
    assert granted(rate, *names) == 10
    # Its bucket was neither spent nor forgotten, which would have filled it again.
    assert granted(rate, *[str(SITE)] * 4) == 2


def test_a_flood_of_names_does_not_fill_the_memory() -> None:
    rate = limiter(rate=1, stranger_rate=0)
    granted(rate, *(f"https://site{number}.example" for number in range(MAX_SITES * 2)))
    held = [len(each._buckets) for each in (rate._sites, rate._domains, rate._strangers)]
    assert held == [0, MAX_SITES, 1]


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


def test_every_rate_limited_says_when_to_try_again() -> None:
    raised = re.compile(r"(?<!RateLimited)Error\([^()]*code=ErrorCode\.RATE_LIMITED")
    sources = Path(errors.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if raised.search(path.read_text("utf-8"))] == []
    assert [RateLimitedError("", seconds).retry_after for seconds in (-1, 0, 0.2, 1.2)] == [
        1,
        1,
        1,
        2,
    ]


def test_a_site_that_is_too_fast_hears_how_long_to_wait() -> None:
    now = [0.0]
    limiter = RateLimiter(Limits(rate=0.25, burst=1), lambda: now[0])
    site = Origin.parse_any("https://fast.example")
    for seconds, is_allowed in ((4, True), (4, False)):
        limiter.check(site, is_allowed=is_allowed)
        with pytest.raises(RateLimitedError) as error:
            limiter.check(site, is_allowed=is_allowed)
        assert error.value.retry_after == seconds
    now[0] += 3.5
    with pytest.raises(RateLimitedError) as error:
        limiter.check(site, is_allowed=True)
    assert error.value.retry_after == 1
    now[0] += 0.5
    limiter.check(site, is_allowed=True)


def test_the_seconds_stand_in_the_header_and_in_the_body() -> None:
    answered = refusal(RateLimitedError("", 30), None)
    assert answered.headers["Retry-After"] == "30"
    assert failure(RateLimitedError("", 30)).retry_after == 30
