"""When a list is looked for, and which list takes another one's place."""

import math
from datetime import datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.pki.anchors import TrustStore
from agent.pki.chain import ChainCertificate, parse_chain_certificate
from agent.pki.crl import RevocationList
from agent.pki.reading import read_certificate
from agent.pki.revocation import RevocationData
from agent.relying.list_health import (
    authority_name,
    list_expires_seconds,
    lists_fault,
    trust_expires_seconds,
)
from agent.relying.list_schedule import (
    EARLIEST,
    LATEST,
    LONGEST,
    SHORTEST,
    SignedList,
    is_due,
    signed_list,
    why_not,
)
from tests.signing import pki_support as pki

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NOW = pki.NOW.timestamp()


@cache
def authorities() -> tuple[ChainCertificate, ...]:
    found = (pki.root(), pki.issuing(), pki.issuing_other())
    return tuple(parse_chain_certificate(read_certificate(each.der)) for each in found)


def of(der: bytes) -> SignedList:
    return signed_list(RevocationList.from_der(der), authorities())


@cache
def listed(begins: timedelta, ends: timedelta, number: int | None = 1) -> SignedList:
    """Return a list whose dates are so far from now."""
    begin, end = pki.NOW + begins, pki.NOW + ends
    return of(pki.issuing().crl(this_update=begin, next_update=end, number=number))


@pytest.mark.parametrize(
    ("lists", "asked", "failures", "at", "due"),
    [
        # A list of ten hours is looked for after seven to nine; here after eight.
        ([(0 * HOUR, 10 * HOUR)], 0.0, 0, 7.9 * HOUR, False),
        ([(0 * HOUR, 10 * HOUR)], 0.0, 0, 8.1 * HOUR, True),
        # Ten minutes between two looks, however short the list's time.
        ([(0 * HOUR, 10 * HOUR)], 8.1 * 3600, 0, 8.2 * HOUR, False),
        ([(0 * HOUR, 10 * HOUR)], 8.1 * 3600, 0, 8.3 * HOUR, True),
        ([(0 * HOUR, 8 * MINUTE)], 0.0, 0, 7 * MINUTE, False),
        # A day at most, however long it is.
        ([(0 * HOUR, 2000 * HOUR)], 0.0, 0, 23.9 * HOUR, False),
        ([(0 * HOUR, 2000 * HOUR)], 0.0, 0, 24.1 * HOUR, True),
        # Of two lists the one that is due first counts.
        ([(0 * HOUR, 2000 * HOUR), (0 * HOUR, 10 * HOUR)], 0.0, 0, 8.1 * HOUR, True),
        # Without a fresh one: a minute, two, four, but never more than ten.
        ([], -math.inf, 0, 0 * HOUR, True),
        ([], 0.0, 0, 0.9 * MINUTE, False),
        ([], 0.0, 0, 1.1 * MINUTE, True),
        ([], 0.0, 2, 3.9 * MINUTE, False),
        ([], 0.0, 2, 4.1 * MINUTE, True),
        ([], 0.0, 999_999, 9.9 * MINUTE, False),
        ([], 0.0, 999_999, 10.1 * MINUTE, True),
        ([(-2 * HOUR, -1 * HOUR)], 0.0, 0, 1.1 * MINUTE, True),
        # The clock was set back since: what was noted in the future counts for nothing.
        ([(0 * HOUR, 10 * HOUR)], 86_400.0, 0, 1 * HOUR, True),
    ],
)
def test_when_an_address_is_asked(
    lists: list[tuple[timedelta, timedelta]],
    asked: float,
    failures: int,
    at: timedelta,
    due: bool,
) -> None:
    found = [listed(*dates) for dates in lists]
    assert is_due(found, NOW + asked, failures, 0.8, pki.NOW + at) is due


@settings(deadline=None, max_examples=50)
@given(
    part=st.floats(EARLIEST, LATEST),
    hours=st.sampled_from([0.1, 1.0, 24.0, 24.0 * 365]),
    asked=st.floats(0, 24 * 3600 * 365),
    later=st.floats(0, 24 * 3600 * 3),
)
def test_a_fresh_list_is_looked_for_after_ten_minutes_and_within_a_day(
    part: float, hours: float, asked: float, later: float
) -> None:
    found = listed(0 * HOUR, hours * HOUR)
    now = datetime.fromtimestamp(NOW + asked + later, pki.NOW.tzinfo)
    if found.listed.is_fresh(now):
        due = is_due([found], NOW + asked, 0, part, now)
        if later < SHORTEST - 1:
            assert not due
        if later > LONGEST + 1 or asked + later > LATEST * hours * 3600 > SHORTEST + asked + 1:
            assert due


OLD = (-HOUR, HOUR, 7)


@pytest.mark.parametrize(
    ("new", "old", "taken"),
    [
        (OLD, None, True),
        ((-HOUR, HOUR, None), None, True),
        (OLD, OLD, True),
        ((0 * HOUR, 2 * HOUR, 8), OLD, True),
        ((0 * HOUR, 2 * HOUR, 7), OLD, True),
        ((0 * HOUR, 2 * HOUR, 6), OLD, False),  # a lower number, whatever the date says
        ((0 * HOUR, 2 * HOUR, None), OLD, False),
        ((0 * HOUR, 2 * HOUR, 1), (-HOUR, HOUR, None), True),
        ((-2 * HOUR, 9 * HOUR, 8), OLD, False),  # an older date, whatever the number says
        ((HOUR, 2 * HOUR, 8), OLD, False),  # not valid yet
        ((-30 * MINUTE, -MINUTE, 8), OLD, False),  # not valid any more
        ((0 * HOUR, 2 * HOUR, 1), (-2 * HOUR, -HOUR, 7), True),  # what has expired binds nobody
        ((-3 * HOUR, 2 * HOUR, 9), (-2 * HOUR, -HOUR, 7), False),  # but for its date
        # A clock that was set back: the list is of tomorrow, and yesterday's does not replace it.
        ((-HOUR, HOUR, 6), (23 * HOUR, 25 * HOUR, 7), False),
    ],
)
def test_which_list_takes_another_ones_place(
    new: tuple[timedelta, timedelta, int | None],
    old: tuple[timedelta, timedelta, int | None] | None,
    taken: bool,
) -> None:
    refusal = why_not(listed(*new), None if old is None else listed(*old), pki.NOW)
    assert (refusal == "") is taken


def test_a_list_that_nobody_configured_signed_is_none() -> None:
    stranger = pki.Authority(pki.issuing().certificate, pki.rsa_key("stranger"))
    with pytest.raises(ValueError, match="no configured authority"):
        of(stranger.crl())


def test_lists_of_other_authorities_and_about_others_are_compared_with_nothing() -> None:
    point = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
    delta = x509.DeltaCRLIndicator(1)
    kinds = {
        of(der).kind
        for der in (
            *(pki.issuing().crl(), pki.issuing().crl(number=9)),
            *(pki.issuing_other().crl(), pki.root().crl()),
            pki.issuing().crl(extra=[(point, True)]),
            pki.issuing().crl(extra=[(delta, True)]),
        )
    }
    assert len(kinds) == 5


def test_the_gauge_says_when_each_authority_s_lists_are_out_of_date() -> None:
    root, issuing, other = authorities()
    lists = [of(pki.root().crl(next_update=pki.NOW - HOUR)).listed]
    lists += [listed(-2 * HOUR, ends).listed for ends in (-HOUR, 3 * HOUR)]
    assert list_expires_seconds(authorities(), lists, pki.NOW) == {
        authority_name(root.facts): -3600,
        authority_name(issuing.facts): 3 * 3600,
        authority_name(other.facts): -math.inf,
    }
    assert len({each.facts.subject for each in authorities()}) == 2  # two are called the same


async def test_the_operator_hears_which_authority_has_no_fresh_list() -> None:
    class Lists:
        async def current(self) -> RevocationData:
            return RevocationData((listed(-HOUR, HOUR).listed, of(pki.root().crl()).listed))

    root, issuing, _ = authorities()
    assert await lists_fault([root, issuing], Lists(), lambda: NOW) == ""
    told = await lists_fault([root, issuing], Lists(), lambda: NOW + 7200)
    assert told == f"no fresh list of {authority_name(issuing.facts)}"


def test_the_gauge_says_when_trust_ends() -> None:
    root, issuing, _ = authorities()
    trust = TrustStore((root.facts,), (issuing.facts,))
    late = issuing.facts.not_after + HOUR
    found = trust_expires_seconds(trust, late)
    assert found[authority_name(issuing.facts)] == -3600
    assert found[authority_name(root.facts)] > 0
