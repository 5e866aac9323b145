"""Strict JSON: one meaning, one size, one type, or a ValueError that quotes no value."""

import ast
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from agent import strict_json

ROOT: Final = Path(__file__).resolve().parents[2]
OF_OUR_OWN: Final = frozenset({"agent/strict_json.py", "agent/pdf/examine.py"})
"""What passes ValueErrors on as it says, and what reads only what it has written itself."""
DECODERS: Final = frozenset(
    {
        *("msgspec.json.decode", "json.loads", "_decoder.decode", "_answers.decode"),
        *("msgspec.toml.decode", "tomllib.loads"),
    }
)


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


def test_whoever_reads_json_expects_all_that_its_decoder_raises() -> None:
    """One kind of error that gets past is a request that ends in no answer."""
    careless = [
        f"{path.relative_to(ROOT)}:{attempt.lineno}"
        for path in sorted((ROOT / "agent").rglob("*.py"))
        for attempt in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(attempt, ast.Try) and attempt.handlers and reads_json(attempt)
        if path.relative_to(ROOT).as_posix() not in OF_OUR_OWN and not expects_all(attempt)
    ]
    assert careless == []


def reads_json(attempt: ast.Try) -> bool:
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) in DECODERS
        for step in attempt.body
        if not isinstance(step, ast.FunctionDef)
        for node in ast.walk(step)
    )


def expects_all(attempt: ast.Try) -> bool:
    names = {
        node.id if isinstance(node, ast.Name) else node.attr
        for handler in attempt.handlers
        if handler.type is not None
        for node in ast.walk(handler.type)
        if isinstance(node, ast.Name | ast.Attribute)
    }
    values = {"ValueError"} <= names or {"UnicodeDecodeError", "DecodeError"} <= names
    values = values or {"UnicodeDecodeError", "MsgspecError"} <= names
    return bool(names & {"UNREADABLE", "Exception"}) or (values and "RecursionError" in names)


@pytest.mark.parametrize(
    ("handler", "is_careless"),
    [
        ("ValueError", True),
        ("msgspec.MsgspecError", True),
        ("(msgspec.DecodeError, RecursionError)", True),
        ("(OSError, ValueError, RecursionError)", False),
        ("UNREADABLE", False),
    ],
)
def test_a_careless_reader_is_found(handler: str, is_careless: bool) -> None:
    source = f"try:\n    x = msgspec.json.decode(raw, type=X)\nexcept {handler}:\n    pass\n"
    (attempt,) = ast.parse(source).body
    assert isinstance(attempt, ast.Try)
    assert reads_json(attempt)
    assert expects_all(attempt) is not is_careless


@pytest.mark.parametrize("before", [b"[", b'{"a":', b'[{"]":'])
def test_what_is_read_is_never_too_deep_to_be_copied(before: bytes) -> None:
    after = before.translate(bytes.maketrans(b"[{", b"]}"), b'"]a:')[::-1]
    opened = len(after)
    raw = b"%b0%b" % (before * (strict_json.MAX_DEPTH // opened), after * (100 // opened))
    found = strict_json.decode(raw, Any, limit=10_000)
    assert deepcopy(found) == found
    with pytest.raises(ValueError, match="nested too deeply"):
        strict_json.decode(b"[%b]" % raw, Any, limit=10_000)


@pytest.mark.parametrize("piece", [b'"', b'"\\', b'"a', b"[]", b"\\", b'["\\"'])
def test_how_deep_something_is_costs_no_more_than_its_length(piece: bytes) -> None:
    """What looked at an octet again and again would look for hours here."""
    with suppress(ValueError):
        strict_json.refuse_deep(piece * 500_000)
