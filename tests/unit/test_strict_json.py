"""Strict JSON: one meaning, one size, one type, or a ValueError that quotes no value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from agent import strict_json


class Point(Struct, forbid_unknown_fields=True):
    x: int
    label: str = ""


def test_what_is_right_is_read() -> None:
    found = strict_json.decode('{"x": 1, "label": "點 😀"}'.encode(), Point, limit=100)
    assert found == Point(1, "點 😀")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "."),
        (b"\xff\xfe{}", "utf-8"),
        (b'{"x": 1', "."),
        (b'{"x": 1} {}', "."),
        (b'{"x": NaN}', "NaN"),
        (b'{"x": Infinity}', "Infinity"),
        (b'{"x": 1, "x": 2}', "twice"),
        (b'{"x": 1, "\\u0078": 2}', "twice"),
        (b'{"x": 1, "label": "\\ud800"}', "surrogate pair in 'label'"),
        (b'{"x": "secret"}', r"Expected `int`, got `str` - at `\$\.x`"),
        (b'{"x": 1.0}', r"at `\$\.x`"),
        (b'{"x": true}', r"at `\$\.x`"),
        (b'{"x": 1, "y": 2}', "unknown field `y`"),
        (b'{"label": ""}', "missing required field `x`"),
        (b"[]", "Expected `object`"),
        (b"[" * 90, "."),
        (b" " * 101, "longer than 100 bytes"),
    ],
)
def test_all_else_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        strict_json.decode(raw, Point, limit=100)
    assert "secret" not in str(refused.value)


def test_no_nesting_is_too_deep_to_be_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        strict_json.decode(b"[" * 100_000, Any, limit=1 << 20)


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read(raw: bytes) -> None:
    try:
        strict_json.decode(raw, Any, limit=200)
    except ValueError:
        return
