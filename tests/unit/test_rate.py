"""The token bucket: a burst, then the rate; for each key, and in bounded memory."""

from agent.rate import Rate, TokenBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def drain(buckets: TokenBuckets, key: str) -> int:
    """Ask until refused; return how often that went well."""
    count = 0
    while buckets.take(key):
        count += 1
    return count


def test_a_burst_is_granted_and_then_the_rate() -> None:
    clock = Clock()
    buckets = TokenBuckets(Rate(burst=5, per_second=10), 2, clock)
    assert drain(buckets, "a") == 5
    clock.now += 0.35
    assert drain(buckets, "a") == 3
    clock.now += 3600
    assert drain(buckets, "a") == 5


def test_less_than_one_token_is_none() -> None:
    clock = Clock()
    buckets = TokenBuckets(Rate(burst=3, per_second=0.5), 2, clock)
    assert drain(buckets, "a") == 3
    clock.now += 1.9
    assert drain(buckets, "a") == 0
    clock.now += 2.1
    assert drain(buckets, "a") == 2


def test_what_is_refused_costs_nothing() -> None:
    clock = Clock()
    buckets = TokenBuckets(Rate(burst=1, per_second=1), 2, clock)
    drain(buckets, "a")
    for _ in range(50):
        clock.now += 0.01
        assert not buckets.take("a")
    clock.now += 0.51
    assert drain(buckets, "a") == 1


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = TokenBuckets(Rate(burst=3, per_second=0), 2)
    assert drain(buckets, "a") == 3
    assert drain(buckets, "b") == 3


def test_a_flood_of_keys_does_not_fill_the_memory() -> None:
    buckets = TokenBuckets(Rate(burst=1, per_second=0), 100)
    for key in range(300):
        assert buckets.take(key)
    assert len(buckets._buckets) == 100
    assert not buckets.take(299)
    assert buckets.take(0)  # forgotten, as the one that had not asked for longest
