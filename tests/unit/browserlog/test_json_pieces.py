"""Objects are cut out of a JSON text wherever its pieces end; what is hostile has an end."""

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.browserlog import json_pieces
from agent.browserlog.json_pieces import ELEMENT, JsonPieces, Path
from agent.errors import BadRequestError, TooLargeError

WANTED: tuple[Path, ...] = (("constants",), ("events", ELEMENT), ("log", "entries", ELEMENT))
NAMES = st.sampled_from(["constants", "events", "log", "entries", "a", "[]", '"', "\\", "é"])
VALUES = st.recursive(
    st.none() | st.integers() | NAMES | st.text(alphabet='"\\{}[],:ab', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
)
LOGS = st.fixed_dictionaries(
    {},
    optional={
        "constants": VALUES,
        "events": st.lists(VALUES, max_size=3) | VALUES,
        "log": st.dictionaries(NAMES, VALUES, max_size=3)
        | st.fixed_dictionaries({"entries": st.lists(VALUES, max_size=3)}),
        "other": VALUES,
    },
)


def expected(value: Any, place: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Find the wanted objects in a text that is decoded at once."""
    if isinstance(value, dict) and place in WANTED:
        yield place, value
    elif isinstance(value, dict) and (*place, ELEMENT) not in WANTED:
        for name, each in value.items():
            if any(path[: len(place) + 1] == (*place, name) for path in WANTED):
                yield from expected(each, (*place, name))
    elif isinstance(value, list) and (*place, ELEMENT) in WANTED:
        for each in value:
            yield from expected(each, (*place, ELEMENT))


def pieces_of(text: bytes, size: int) -> tuple[JsonPieces, list[tuple[Path, bytes]]]:
    source = io.BytesIO(text)
    pieces = JsonPieces(lambda wanted: source.read(min(wanted, size)), *WANTED)
    return pieces, list(pieces.objects())


@given(value=LOGS | VALUES, indent=st.none() | st.integers(0, 2), size=st.integers(1, 9))
def test_the_same_objects_as_a_parser_finds(value: Any, indent: int | None, size: int) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False).encode()
    pieces, found = pieces_of(text, size)
    assert [(place, json.loads(raw)) for place, raw in found] == list(expected(value))
    if isinstance(value, dict | list):
        assert pieces.is_whole


@given(value=LOGS, data=st.data())
def test_a_text_that_is_cut_off_has_the_objects_before_the_cut(value: Any, data: Any) -> None:
    text = json.dumps(value).encode()
    cut = data.draw(st.integers(0, len(text) - 1))
    whole, (pieces, found) = pieces_of(text, 50)[1], pieces_of(text[:cut], 50)
    assert found == whole[: len(found)]
    assert not pieces.is_whole


@given(text=st.lists(st.sampled_from([*b'{}[]",:\\a\n', 0xFF]), max_size=60).map(bytes))
def test_what_is_no_json_comes_to_an_end(text: bytes) -> None:
    with suppress(BadRequestError):
        pieces_of(text, 7)


def test_what_is_too_deep_too_long_or_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRequestError, match="nested too deeply"):
        pieces_of(b'{"a":' * 100_000, 4096)
    monkeypatch.setattr(json_pieces, "MAX_PIECE", 1024 * 1024)
    for text in (b'{"events":["', b'{"events":[{"a":"', b'{"a":"\\', b'{"constants":'):
        with pytest.raises(TooLargeError, match="longer than 1 MiB"):
            pieces_of(text + b'\\"' * 2_000_000, 65536)
    monkeypatch.setattr(json_pieces, "MAX_STEPS", 1000)
    with pytest.raises(TooLargeError, match="more entries"):
        pieces_of(b'{"events":[' + b"{}," * 1000, 4096)
