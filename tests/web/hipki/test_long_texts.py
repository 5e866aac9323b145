"""Read in pieces, a long text is what it is as a whole, and no step takes more than a piece."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import json_texts
from agent.web.hipki import fields, long_texts
from agent.web.hipki.errors import HipkiError
from agent.web.hipki.fields import RequestFields, parse_body

PIECES = st.sampled_from([6, 7, 8, 12, 13, 29, 64])
MEGABYTE = 1024 * 1024


def texts(*tokens: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(tokens), max_size=40).map("".join)


def in_pieces(size: int, work: Callable[[], Any]) -> Any:
    """Return what comes out with pieces of another size, or what kind of error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_texts, "PIECE", size)
        patch.setattr(json_texts, "PIECE", size)
        patch.setattr(fields, "_SHORT", size)
        try:
            return work()
        except ValueError:
            return ValueError
        except HipkiError as error:
            return error.major


def unescaped(text: str) -> str:
    def run(found: re.Match[str]) -> str:
        try:
            return bytes.fromhex(found.group().replace("%", "")).decode()
        except UnicodeDecodeError:
            return found.group()

    return re.sub("(?:%[0-9A-Fa-f]{2})+", run, text)


@given(texts("%41", "%E4%B8%AD", "%E4", "%b8", "%", "a", "%4", "中", "%25", "%ff"), PIECES)
def test_percent_escapes(text: str, size: int) -> None:
    assert in_pieces(size, lambda: long_texts.unescape(text)) == unescaped(text)


@given(
    texts("QUJD", "Q", "=", "==", " ", "  ", "\n", "\r\n", "\t", "+", "/", "*", "中", " \n ", "a"),
    st.sampled_from([8, 12, 64]),
)
def test_base64(text: str, size: int) -> None:
    one_line = re.sub("(?<! ) *[\r\n\t][\r\n\t ]*", "", text)
    expected: Any = ValueError
    for compact in (one_line.replace(" ", ""), one_line.replace(" ", "+")):  # the last one counts
        padded = compact if "=" in compact else compact + "=" * (-len(compact) % 4)
        if len(padded) % 4 == 0:
            with suppress(ValueError):
                expected = binascii.a2b_base64(padded, strict_mode=True)
    assert in_pieces(size, lambda: long_texts.decode_base64(text)) == expected


JSON = texts(
    *('"', '\\"', "\\\\", "\\u0041", "\\ud83d", "\\ude00", "\\u12", "\\", "\\n", "\\x"),
    *("\U0001f600", "中", "a", "%41", "%", "+", "{", "}", ":", ",", '"k":', "1", "\n", "[", "]"),
)


@given(JSON, PIECES)
def test_json(text: str, size: int) -> None:
    inside = text.replace('"', "")
    for body in (text, f'{{"a":"{text}"}}', f'{{"a":"{inside}","{inside}":["x"],"b":[1]}}'):
        # Where every text is short, none is decoded by itself.
        expected = in_pieces(1000, lambda body=body: parse_body(body.encode()))
        assert in_pieces(size, lambda body=body: parse_body(body.encode())) == expected


def test_a_long_name_and_a_long_text_inside_are_what_they_were() -> None:
    long = "ab\\u4e2d" * 1000
    found = parse_body(f'{{"{long}":"x","b":["{long}"],"c":"{long}"}}'.encode())
    assert found.text("ab中" * 1000) == "x"
    assert found.text("c") == "ab中" * 1000
    assert found.text("b") == ""


@pytest.mark.parametrize("flaw", ["\\x", "\\u12", "\n", "\\"])
def test_a_long_text_with_a_flaw_is_no_json(flaw: str) -> None:
    with pytest.raises(HipkiError):
        parse_body(f'{{"b":["{"a" * 100_000}{flaw}"]}}'.encode())


class Watched:
    """Something that is called with texts, and remembers how long the longest was."""

    longest = 0

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            text, *places = (each for each in arguments if not callable(each))
            start, end = (*places, 0, len(text))[:2] if len(places) != 1 else (places[0], len(text))
            if name == "match" and self._inner is LOW:
                end = start  # looks at one escape, however much follows
            Watched.longest = max(Watched.longest, min(end, len(text)) - start)
            return inner(*arguments, **named)

        return call


LOW = long_texts._LOW
BODIES = {
    "plain": b'{"a":"' + b"A" * MEGABYTE + b'"}',
    "escaped": b'{"a":"' + b"%41" * (MEGABYTE // 3) + b'"}',
    "escaped as a whole": b"%7b%22a%22:%22" + b"%41" * (MEGABYTE // 3) + b"%22%7d",
    "here and there": b'{"a":"' + b"%41b" * (MEGABYTE // 4) + b'"}',
    "percent signs": b'{"a":"' + b"%" * MEGABYTE + b'"}',
    "no UTF-8": b'{"a":"' + b"%ff" * (MEGABYTE // 3) + b'"}',
    "backslashes": b'{"a":"' + b'\\"' * (MEGABYTE // 2) + b'"}',
    "escapes of JSON": b'{"a":"' + b"\\u0041" * (MEGABYTE // 6) + b'"}',
    "pairs": b'{"a":"' + b"\\ud83d\\ude00" * (MEGABYTE // 12) + b'"}',
    "halves": b'{"a":"' + b"\\ud83d" * (MEGABYTE // 6) + b'"}',
    "a long name": b'{"' + b"\\u0041" * (MEGABYTE // 6) + b'":1}',
    "inside": b'{"a":["' + b"\\u0041" * (MEGABYTE // 6) + b'"]}',
    "many texts": b"{" + b",".join(b'"%d":"%s"' % (i, b"A" * 4000) for i in range(250)) + b"}",
}
ROOM = 300_000
"""What many short texts may have together: they are decoded at once."""


@pytest.mark.parametrize("name", BODIES)
def test_no_step_of_reading_fields_takes_much(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watched, "longest", 0)
    for module, attributes in (
        (json_texts, ("_INSIDE",)),
        (long_texts, ("_ESCAPES", "_JSON_TOKENS", "_HIGH", "_LOW", "_JSON_ESCAPE")),
        (long_texts, ("_SURROGATE", "_text_decoder")),
        (fields, ("_decoder",)),
    ):
        for attribute in attributes:
            monkeypatch.setattr(module, attribute, Watched(getattr(module, attribute)))
    assert parse_body(BODIES[name]).values
    assert 0 < Watched.longest < ROOM


@pytest.mark.parametrize("unit", ["QUJD", "QUJD\r\n", "Q\nU\nJ\nD\n", "QU \t JD"])
def test_no_step_of_base64_takes_much(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    longest, decode = 0, binascii.a2b_base64

    def watched(text: str, *, strict_mode: bool) -> bytes:
        nonlocal longest
        longest = max(longest, len(text))
        return decode(text, strict_mode=strict_mode)

    monkeypatch.setattr(long_texts.binascii, "a2b_base64", watched)
    count = MEGABYTE // len(unit)
    assert RequestFields({"x": unit * count}).octets("x").startswith(b"ABC")
    assert 0 < longest <= long_texts.PIECE


@pytest.mark.parametrize("blank", [" ", "\n", " \n", "\t "])
def test_a_megabyte_of_blanks_is_nothing(blank: str) -> None:
    text = "QUJD" + blank * (MEGABYTE + 1) + "QUJD"
    assert RequestFields({"x": text}).octets("x") == b"ABCABC"


def test_a_long_document_arrives() -> None:
    text = base64.b64encode(bytes(range(256)) * 4000).decode()
    body = json.dumps({"tbs": text, "tbsEncoding": "base64"})
    assert parse_body(body.encode()).octets("tbs") == bytes(range(256)) * 4000
