"""What is kept of a request: names, kinds and lengths, and values by the table alone."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.origin import Origin
from agent.web.recorder.allowed import ALLOWED, Door
from agent.web.recorder.recorder import CallRecorder, Transport
from agent.web.recorder.shape import MAX_FIELDS, shape_of

SITE = Origin.parse("https://shop.example")
MARK = "A123456789"
"""An invented number of a person: whatever holds it belongs to somebody."""
WORDS = ("\u738b", "Zq_Private", "12345678")
DOORS: tuple[tuple[Door, Transport], ...] = (
    ("native", "fetch"),
    ("hipki", "popup"),
    ("jrsys", "socket"),
)
KNOWN = sorted({name for table in ALLOWED.values() for name in table} | {"pin", "PIN", "data"})

marked_text = st.builds(
    "{0}{1}{2}".format, st.text(max_size=3), st.just(MARK), st.sampled_from(("", *WORDS))
)
marked = st.one_of(marked_text, marked_text.map(str.encode), st.just(int(MARK[1:])))
names = st.one_of(st.sampled_from(KNOWN), marked_text)
fields = st.dictionaries(
    names,
    st.recursive(
        marked,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)
        ),
        max_leaves=12,
    ),
    max_size=8,
)


def recorded(door: Door, transport: Transport, method: str, sent: dict[Any, Any]) -> str:
    recorder = CallRecorder(lambda: datetime(2020, 1, 1, tzinfo=UTC), always=True)
    with recorder.recording(SITE, door, transport, port=17040) as entry:
        entry.request(method, sent)
        entry.outcome(160)
    panel = json.dumps([recorder.calls(), recorder.never_calls()], ensure_ascii=False)
    return "".join(recorder.export()) + panel


@pytest.mark.parametrize(("door", "transport"), DOORS)
@given(method=st.one_of(st.just("sign"), marked_text), sent=fields)
def test_nothing_of_a_person_is_kept_whatever_field_it_stands_in(
    door: Door, transport: Transport, method: str, sent: dict[Any, Any]
) -> None:
    text = recorded(door, transport, method, sent)
    for each in (MARK, MARK[1:], *(word for word in WORDS if word != "12345678")):
        assert each not in text
        assert json.dumps(each)[1:-1] not in text


@pytest.mark.parametrize("door", ALLOWED)
@given(sent=st.dictionaries(st.sampled_from(KNOWN), st.sampled_from(("Wang_Test", "7", 7, True))))
def test_values_are_kept_by_the_table_alone(door: Door, sent: dict[str, Any]) -> None:
    for name, value in shape_of(door, sent).items():
        rule = ALLOWED[door].get(name)
        if value == sent[name]:
            assert rule is not None
            assert rule(value)


def test_enumerations_are_kept_and_a_pin_has_no_length() -> None:
    block = {
        "P11DriverName": "HiCOSPKCS11.dll",
        "DigestAlg": 7,
        "IsSilent": 1,
        "Data2BSigned": "challenge",
        "PIN": "123456",
    }
    assert shape_of("jrsys", {"ComPKCS11Para": block, "Authenticode": "{guid}", "x y": 1}) == {
        "ComPKCS11Para": {
            "P11DriverName": "HiCOSPKCS11.dll",
            "DigestAlg": 7,
            "IsSilent": 1,
            "Data2BSigned": "<text 9>",
            "PIN": "<pin>",
        },
        "Authenticode": "<text 6>",
        "<name>": 1,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DigestAlg", "sha 256"),
        ("DigestAlg", 10**9),
        ("DigestAlg", "1" * 5),
        ("KeyUsage", "A123456789"),
        ("KeyUsage", "a" * 33),
        ("P11DriverName", "C:\\Users\\someone\\HiCOSPKCS11.dll"),
        ("P11DriverName", "a" * 65),
        ("IsSilent", "maybe"),
        ("IsSilent", 2),
    ],
)
def test_an_allowed_field_keeps_no_value_that_no_enumeration_has(name: str, value: Any) -> None:
    assert shape_of("jrsys", {name: value})[name] in {
        "<number>",
        f"<text {len(value) if isinstance(value, str) else 0}>",
    }


def wide(depth: int) -> Any:
    return {f"f{number}": wide(depth - 1) for number in range(30)} if depth else "x"


def count(shape: Any) -> int:
    if isinstance(shape, dict):
        return len(shape) + sum(map(count, shape.values()))
    return sum(map(count, shape)) if isinstance(shape, list) else 0


def test_a_shape_is_small_however_many_fields_there_are() -> None:
    for sent in (wide(4), {str(n): n for n in range(10_000)}, {"a": [wide(3)] * 1000}):
        assert count(shape_of("jrsys", sent)) <= 2 * MAX_FIELDS
    assert shape_of("jrsys", {f"f{n}": n for n in range(100)})["<more>"] == 100 - MAX_FIELDS


def test_no_text_is_read_however_long_it_is() -> None:
    class Untouched(str):
        __slots__ = ()

        def __iter__(self) -> Any:
            raise AssertionError("read")

        def casefold(self) -> str:
            raise AssertionError("read")

        lower = casefold

    names = ("tbs", "hashAlgorithm", "withCardSN")
    sent = dict.fromkeys(names, Untouched("x" * 100_000))
    assert shape_of("hipki", sent) == dict.fromkeys(names, "<text 100000>")
