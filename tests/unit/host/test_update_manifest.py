"""The manifest of releases: only the exact bytes of a releaser count, and only in their time."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import __version__
from agent.host.update import version
from agent.host.update.manifest import (
    MAX_SIZE,
    SKEW,
    BadManifestError,
    accept,
    read,
    sign,
)
from tests.unit.host.update_support import KEY, NOW, OTHER_KEY, public, said, signed

GOOD = signed(reason={"zh-Hant": "有安全問題。", "en": "There is a flaw."})
KEYS = (public(),)


def raw(content: bytes) -> bytes:
    """Sign bytes that no tool of ours would."""
    body = content + b"\n"
    signature = KEY.sign(b"ankong-update-v1\n" + body)
    return b"ankong-update-v1 " + signature.hex().encode() + b"\n" + body


def with_change(**changes: Any) -> bytes:
    content = json.loads(GOOD.partition(b"\n")[2])
    content.update(changes)
    content = {name: value for name, value in content.items() if value is not ...}
    return raw(json.dumps(content).encode())


def test_what_was_signed_is_read() -> None:
    found = accept(GOOD, KEYS, NOW)
    assert found == said(reason={"zh-Hant": "有安全問題。", "en": "There is a flaw."})


def test_one_of_several_keys_is_enough() -> None:
    assert read(GOOD, ("0" * 64, "not a key", "f" * 64, public())).number == 7


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_no_bit_can_be_changed(position: int) -> None:
    changed = bytearray(GOOD)
    changed[position // 8] ^= 1 << position % 8
    with pytest.raises(BadManifestError):
        read(bytes(changed), KEYS)


@given(st.integers(0, len(GOOD)), st.binary(min_size=1, max_size=4))
def test_nothing_can_be_put_in(position: int, more: bytes) -> None:
    with pytest.raises(BadManifestError):
        read(GOOD[:position] + more + GOOD[position:], KEYS)


@given(st.integers(0, len(GOOD) - 1))
def test_nothing_can_be_cut_off(length: int) -> None:
    with pytest.raises(BadManifestError):
        read(GOOD[:length], KEYS)


@given(st.binary(max_size=2 * MAX_SIZE))
def test_garbage_is_refused(content: bytes) -> None:
    with pytest.raises(BadManifestError):
        read(content, KEYS)


@given(st.binary(max_size=300))
def test_garbage_that_was_signed_is_refused_too(content: bytes) -> None:
    with pytest.raises(BadManifestError):
        read(raw(content), KEYS)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.sampled_from(["number", "issued", "expires", "newest", "floor", "page", "reason", "more"]),
)
def test_whatever_was_signed_in_a_field_nothing_worse_happens(value: Any, name: str) -> None:
    try:
        found = read(with_change(**{name: value}), KEYS)
    except BadManifestError:
        return
    assert version.parse(found.newest) >= version.parse(found.floor)


@pytest.mark.parametrize(
    "keys", [(), (public(OTHER_KEY),), ("",), ("0" * 64,), (public().upper(),), (public()[:-2],)]
)
def test_nobody_else_s_word_counts(keys: tuple[str, ...]) -> None:
    with pytest.raises(BadManifestError):
        read(GOOD, keys)


def test_a_signature_over_the_bare_text_does_not_count() -> None:
    body = GOOD.partition(b"\n")[2]
    bare = b"ankong-update-v1 " + KEY.sign(body).hex().encode() + b"\n" + body
    with pytest.raises(BadManifestError):
        read(bare, KEYS)


def test_a_huge_one_is_refused_before_it_is_looked_at() -> None:
    content = raw(json.dumps({"pad": "x" * MAX_SIZE}).encode())
    with pytest.raises(BadManifestError, match="longer"):
        read(content, KEYS)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": -1},
        {"number": True},
        {"number": 7.0},
        {"number": "7"},
        {"number": 2**60},
        {"number": ...},
        {"floor": ...},
        {"more": 1},
        {"newest": "9.2"} | {"floor": "9.3"},
        {"newest": "9.2.0-beta"},
        {"newest": "٩.2.0"},
        {"newest": "1.2.3.4.5"},
        {"newest": 9},
        {"floor": "01.0"},
        {"floor": ""},
        {"issued": "2026-11-25"},
        {"issued": "2026-11-25T12:00:00+00:00"},
        {"issued": 5},
        {"expires": "2026-11-25T12:00:00Z"},
        {"expires": "2036-11-25T12:00:00Z"},
        {"page": "http://ankong.example/"},
        {"page": "javascript:alert(1)"},
        {"page": "https://"},
        {"page": "https://a b"},
        {"page": "https://ankong.example/" + "x" * 200},
        {"page": "https://安控.example/"},
        {"page": None},
        {"reason": "text"},
        {"reason": {"fr_FR": "non"}},
        {"reason": {"": "none"}},
        {"reason": {"en": "x" * 201}},
        {"reason": {"en": "two\nlines"}},
        {"reason": {"en": "\u202egnp.exe"}},
        {"reason": {"en": 1}},
        {"reason": {"en": ""}},
    ],
)
def test_what_makes_no_sense_is_refused_whoever_signed_it(changes: dict[str, Any]) -> None:
    with pytest.raises(BadManifestError):
        read(with_change(**changes), KEYS)


def test_a_name_that_stands_there_twice_is_refused() -> None:
    body = GOOD.partition(b"\n")[2].strip()
    twice = body[:-1] + b',"floor":"0.0.1"}'
    with pytest.raises(BadManifestError, match="twice"):
        read(raw(twice), KEYS)


def test_no_deep_nesting_gets_far() -> None:
    with pytest.raises(BadManifestError):
        read(raw(b"[" * 4000), KEYS)


def test_it_counts_until_it_expires_and_not_a_second_longer() -> None:
    ends = NOW + timedelta(days=30)
    assert accept(GOOD, KEYS, ends - timedelta(seconds=1)).number == 7
    with pytest.raises(BadManifestError, match="out of date"):
        accept(GOOD, KEYS, ends)
    assert read(GOOD, KEYS).number == 7  # what was accepted once is still known


def test_a_clock_may_be_a_little_behind() -> None:
    begins = NOW - timedelta(days=1)
    assert accept(GOOD, KEYS, begins - SKEW).number == 7
    with pytest.raises(BadManifestError, match="future"):
        accept(GOOD, KEYS, begins - SKEW - timedelta(seconds=1))


@given(st.integers(1, 20), st.integers(1, 20))
def test_no_older_one_takes_the_place_of_a_newer(first: int, then: int) -> None:
    before, after = signed(number=first), signed(number=then)
    last = (before, read(before, KEYS))
    if then >= first:
        assert accept(after, KEYS, NOW, last).number == then
    else:
        with pytest.raises(BadManifestError, match="older"):
            accept(after, KEYS, NOW, last)


def test_there_are_no_two_of_one_number() -> None:
    last = (GOOD, read(GOOD, KEYS))
    assert accept(GOOD, KEYS, NOW, last).number == 7
    with pytest.raises(BadManifestError, match="same number"):
        accept(signed(floor="0.0.1"), KEYS, NOW, last)


@pytest.mark.parametrize("changes", [{"page": "http://x"}, {"newest": "x"}, {"number": 0}])
def test_the_tool_signs_nothing_that_nobody_understands(changes: dict[str, Any]) -> None:
    with pytest.raises(BadManifestError):
        sign(said(**changes), KEY)


# Versions.


def test_our_own_version_is_one() -> None:
    assert version.parse(__version__)


numbers = st.integers(0, 99_999)


@given(st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers))
def test_versions_compare_as_numbers(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    texts = [".".join(map(str, each)) for each in (one, other)]
    assert version.is_older(*texts) == (one < other)


def test_what_is_missing_is_nought() -> None:
    assert not version.is_older("1.0", "1.0.0.0")
    assert version.is_older("1.9", "1.10")


@pytest.mark.parametrize(
    "text", ["", "1", "1.", ".1", "1.2\n", " 1.2", "1.2rc1", "1.-2", "1.123456"]
)
def test_other_texts_are_no_versions(text: str) -> None:
    with pytest.raises(ValueError, match="version"):
        version.parse(text)
