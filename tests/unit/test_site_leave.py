"""A yes in a site's window covers one PIN of that site's, for ten minutes."""

import pytest

from agent.consent.questions import AllowSite, SiteAnswer
from agent.consent.site_leave import LEAVE_SECONDS, MAX_SITES, SiteLeaves
from agent.origin import Origin

SITE = Origin.parse("https://portal.example")
OTHER = Origin.parse("https://other.example")


class Clock:
    """Seconds as the test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def leaves() -> tuple[SiteLeaves, Clock]:
    clock = Clock()
    return SiteLeaves(clock), clock


def test_a_yes_gives_one_leave_to_its_site() -> None:
    given, clock = leaves()
    given.grant(SITE, clock.now)
    assert not given.take(OTHER)
    assert given.take(SITE)
    assert not given.take(SITE)


@pytest.mark.parametrize(
    ("said", "answer", "expected"),
    [
        (True, SiteAnswer.THIS_TIME, True),
        (True, SiteAnswer.ALWAYS, True),
        (True, SiteAnswer.NEVER, False),
        (True, SiteAnswer.CANCEL, False),
        (False, SiteAnswer.ALWAYS, False),
    ],
)
def test_a_yes_covers_what_its_window_said(said: bool, answer: SiteAnswer, expected: bool) -> None:
    given, _ = leaves()
    given.keep_answer(AllowSite(SITE, said), answer, given.now())
    assert given.take(SITE) is expected


def test_it_ends_after_ten_minutes() -> None:
    given, clock = leaves()
    given.grant(SITE, clock.now)
    clock.now += LEAVE_SECONDS
    assert not given.take(SITE)


def test_one_that_was_not_used_can_be_given_back_and_ends_when_it_would_have() -> None:
    given, clock = leaves()
    given.grant(SITE, clock.now)
    for _ in range(2):
        clock.now += LEAVE_SECONDS / 3
        assert given.take(SITE)
        given.give_back(SITE)
    clock.now += LEAVE_SECONDS / 3
    assert not given.take(SITE)


def test_many_requests_that_waited_for_one_yes_have_one_leave() -> None:
    given, clock = leaves()
    asked_at = clock.now
    clock.now += 1
    given.grant(SITE, asked_at)
    given.grant(SITE, asked_at)
    assert given.take(SITE)
    given.grant(SITE, asked_at)
    assert not given.take(SITE)
    clock.now += 1
    given.grant(SITE, clock.now)  # a question that was put later
    assert given.take(SITE)


def test_giving_back_what_was_never_taken_gives_nothing() -> None:
    given, clock = leaves()
    given.give_back(SITE)
    assert not given.take(SITE)
    given.grant(SITE, clock.now)
    given.give_back(SITE)
    assert given.take(SITE)
    assert not given.take(SITE)


def test_the_site_that_was_quiet_for_longest_is_forgotten_first() -> None:
    given, clock = leaves()
    for number in range(MAX_SITES + 1):
        given.grant(Origin.parse(f"https://{number}.example"), clock.now)
    assert not given.take(Origin.parse("https://0.example"))
    assert given.take(Origin.parse("https://1.example"))
