"""Each target reads what is good, refuses the rest with its own errors, and nothing else."""

from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import target
from tests.fuzz.budget import EXAMPLES, bounded
from tests.fuzz.hostile import SHAPES

STEP = max(1, 4000 // EXAMPLES)
"""Of the long octets, every how many are read: all of them with ``make fuzz``."""
TARGETS = pytest.mark.parametrize("name", target.NAMES)


@TARGETS
def test_good_octets_are_read_to_the_end(name: str) -> None:
    """A target that reads nothing would find nothing, however long it ran."""
    found = target.load(name)
    seeds = list(found.seeds())
    assert seeds
    for raw, outcome in seeds:
        assert found.one(raw) == outcome


@TARGETS
def test_what_was_found_before_is_refused_or_taken(name: str) -> None:
    for path in target.kept(name):
        target.is_taken(target.load(name), path.read_bytes())


@TARGETS
@settings(bounded, max_examples=max(1, EXAMPLES // 10))
@given(data=st.data())
def test_whatever_comes_is_taken_or_refused(name: str, data: Any) -> None:
    found = target.load(name)
    raws = [raw for raw, _ in found.seeds()]
    words = [*target.words_of(found), b"\0", b"\xff", b"9" * 20]
    base = data.draw(st.sampled_from(raws) | st.binary(max_size=300))
    target.is_taken(found, damaged(data, base, words))


def damaged(data: Any, raw: bytes, words: list[bytes]) -> bytes:
    """Put words or octets into ``raw``, over what is there or between, and perhaps cut it off."""
    copy = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(copy)))
        new = data.draw(st.sampled_from(words) | st.binary(max_size=4))
        copy[at : at + (len(new) if data.draw(st.booleans()) else 0)] = new
    if data.draw(st.integers(0, 9)) == 0:
        del copy[data.draw(st.integers(0, len(copy))) :]
    return bytes(copy)


@TARGETS
@pytest.mark.parametrize("shape", SHAPES)
def test_long_and_deep_octets_are_no_more_than_refused(name: str, shape: str) -> None:
    found = target.load(name)
    most = 2 * target.longest_of(found)
    for raw in islice(SHAPES[shape](), 0, None, STEP):
        target.is_taken(found, raw[:most])
