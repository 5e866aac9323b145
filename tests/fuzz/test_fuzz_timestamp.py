"""No answer of an authority makes its reader do anything but refuse it, or take what it says."""

import hashlib
from datetime import UTC, datetime
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cms.errors import CmsError
from agent.cms.timestamp import TimestampRequest, read_answer, read_token
from tests.documents.time_authorities import authority
from tests.fuzz import target
from tests.fuzz.budget import EXAMPLES
from tests.fuzz.targets import timestamp

MOMENT = datetime(2026, 6, 15, tzinfo=UTC)
REQUEST = TimestampRequest(hashlib.sha256(b"signature").digest(), 1 << 63)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), min_size=1, max_size=5)


@cache
def answer() -> bytes:
    return authority(now=lambda: MOMENT).answer(REQUEST.encode())


@cache
def token() -> bytes:
    return read_answer(answer(), REQUEST).token


def damaged(raw: bytes, changes: list[tuple[float, bytes]]) -> bytes:
    copy = bytearray(raw)
    for place, octets in changes:
        at = int(place * (len(copy) - 1))
        copy[at : at + len(octets)] = octets
    return bytes(copy)


@given(CHANGES)
@settings(deadline=None, max_examples=EXAMPLES)
def test_a_damaged_answer_is_refused_or_says_the_same(changes: list[tuple[float, bytes]]) -> None:
    try:
        found = read_answer(damaged(answer(), changes), REQUEST)
    except CmsError:
        return
    assert found.time == MOMENT


@given(CHANGES)
@settings(deadline=None, max_examples=EXAMPLES)
def test_a_damaged_token_is_refused_or_says_the_same(changes: list[tuple[float, bytes]]) -> None:
    raw = damaged(token(), changes)
    try:
        assert read_token(raw, b"signature").time == MOMENT
    except CmsError:
        return


@given(st.one_of(st.binary(max_size=400), CHANGES.map(lambda found: damaged(token(), found))))
@settings(deadline=None, max_examples=EXAMPLES)
def test_no_octets_are_more_than_refused(raw: bytes) -> None:
    target.is_taken(timestamp, raw)
