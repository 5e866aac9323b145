"""The messy encodings: whatever a page does to its text, the same text arrives."""

import asyncio
import base64
import json
import threading
import time
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.json_texts import MAX_BESIDE
from agent.web.front.request_parser import LONG, RequestParser
from agent.web.hipki.errors import HipkiError, Major
from agent.web.hipki.fields import RequestFields, parse_body, parse_text

# What JavaScript strings hold, without the halves of surrogate pairs, which have no encoding.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NASTY = st.text(st.sampled_from("+%&=%2B%41 2b{}\"\\'中文🎴\r\n\t7Bu"))
# One text stands for no text.
ANY_TEXT = (TEXT | NASTY).filter(lambda text: text != "__NotExistedTag__")


def component(text: str) -> str:
    """JavaScript's encodeURIComponent."""
    return quote(text, safe="-_.!~*'()")


def as_json(text: str, *, ascii_only: bool) -> str:
    return json.dumps({"func": "MakeSignature", "tbs": text}, ensure_ascii=ascii_only)


@given(ANY_TEXT, st.booleans(), st.booleans())
def test_a_component_encoded_value_arrives(text: str, prefix: bool, ascii_only: bool) -> None:
    body = "tbsPackage=" * prefix + as_json(component(text), ascii_only=ascii_only)
    assert parse_body(body.encode()).text("tbs") == text


@given(ANY_TEXT, st.booleans())
def test_plus_signs_escaped_in_the_whole_json_arrive(text: str, ascii_only: bool) -> None:
    text = text.replace("%", "")  # such pages escape nothing else: a % of theirs is ambiguous
    body = "tbsPackage=" + as_json(text, ascii_only=ascii_only).replace("+", "%2B")
    assert parse_body(body.encode()).text("tbs") == text


@given(ANY_TEXT, st.booleans())
def test_a_page_that_escapes_nothing_is_understood(text: str, ascii_only: bool) -> None:
    text = text.replace("%", "% ")  # a percent sign that begins no escape
    assert parse_body(as_json(text, ascii_only=ascii_only).encode()).text("tbs") == text


@given(ANY_TEXT)
def test_a_true_form_arrives_and_is_decoded_once_only(text: str) -> None:
    body = urlencode({"tbsPackage": as_json(text, ascii_only=False), "other": "1"})
    assert parse_body(body.encode()).text("tbs") == text


@given(ANY_TEXT)
def test_a_popup_s_message_gets_the_same_single_decoding(text: str) -> None:
    assert parse_text(as_json(component(text), ascii_only=True)).text("tbs") == text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a+b", "a+b"),
        ("a%2Bb", "a+b"),
        ("100%", "100%"),
        ("100%zz", "100%zz"),
        ("%", "%"),
        ("%4", "%4"),
        ("%A4%A4", "%A4%A4"),  # not UTF-8: left alone, not spoilt
        ("%E4%B8%AD文", "中文"),
        ("a&b=c", "a&b=c"),
        ("%22%5C", '"\\'),
        ("%2541", "%41"),
        ("", ""),
    ],
)
def test_each_odd_text(written: str, meant: str) -> None:
    body = 'tbsPackage={"func":"x","tbs":"' + written + '"}'
    assert parse_body(body.encode()).text("tbs") == meant


def test_json_that_is_escaped_as_a_whole_but_for_its_brace_is_decoded_first() -> None:
    assert parse_body(b"tbsPackage={%22tbs%22:%22a+b%22}").text("tbs") == "a+b"


def test_a_megabyte_is_read() -> None:
    text = "中文+%&" * 100_000
    assert parse_body(as_json(component(text), ascii_only=False).encode()).text("tbs") == text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("\\ud83d\\ude00", "\U0001f600"),
        ("\\uD83D\\uDE00", "\U0001f600"),
        ("a\\ud83db", "a\ufffdb"),
        ("\\ude00", "\ufffd"),
        ("\\ude00\\ud83d", "\ufffd\ufffd"),
        ("\\ud83d\\ud83d\\ude00", "\ufffd\U0001f600"),
        ("\\ud83d\\n", "\ufffd\n"),
        ("\\\\ud83d", "\\ud83d"),
        ("\\\\\\ud83d", "\\\ufffd"),
        ("\\u4e2d\\ud83d", "中\ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_what_browsers_encode_it_as(written: str, meant: str) -> None:
    # JSON.stringify escapes it; TextEncoder writes U+FFFD for it
    assert parse_body(f'{{"tbs":"{written}","{written}":1}}'.encode()).values == {
        "tbs": meant,
        meant: 1,
    }


def test_numbers_are_read_as_far_as_they_are_of_use() -> None:
    fields = parse_text('{"a":-0,"b":123456789012345678901234567890,"c":1e999,"d":1.0}')
    assert [fields.text(name) for name in "abcd"] == ["0", "123456789012345678901234567890", "", ""]


@given(st.binary())
def test_any_bytes_are_fields_or_a_number(raw: bytes) -> None:
    majors: list[Major] = []
    try:
        parse_body(raw)
    except HipkiError as error:
        majors.append(error.major)
    assert majors in ([], [Major.BAD_JSON])


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b'"x"', b"1", b"null", b"{", b"\xff", b"tbsPackage=%7B"),
        *(b"{'a':1}", b'{"a":1,}', b'{"a":1}x', b'{"a":01}', b'{"a":"\n"}', b'{"a":"\\x"}'),
        *(b'{"a":NaN}', b'{"a":-Infinity}'),  # which JSON.parse refuses too
        *(b"[" * 100_000, b'{"a":' * 100_000),
    ],
    ids=range(17),
)
def test_what_is_no_object_is_refused_with_its_number(body: bytes) -> None:
    with pytest.raises(HipkiError) as error:
        parse_body(body)
    assert error.value.major is Major.BAD_JSON


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":[' + b"[]," * 100_000 + b"0]}",
        b"%7b%22a%22:[" + b"[]," * 100_000 + b"0]}",
        b"{" + b",".join(b'"%d":0' % number for number in range(20_000)) + b"}",
        b'{"a":"' + b'\\"' * 1_000_000,
        b'{"a":' + b'""' * 1_000_000,
        b'{"a":' + b" " * 1_000_000 + b"0}",
    ],
    ids=["lists", "escaped lists", "names", "no end", "texts", "spaces"],
)
def test_a_long_request_is_one_of_long_texts(body: bytes) -> None:
    # anything else would become many times its length in objects
    with pytest.raises(HipkiError) as error:
        parse_body(body)
    assert error.value.major is Major.BAD_JSON


@settings(deadline=None)  # on a busy machine it may take its time
@given(ANY_TEXT, st.booleans())
def test_long_texts_are_nothing_else(text: str, ascii_only: bool) -> None:
    long = "x" * MAX_BESIDE + text * 100
    body = as_json(component(long), ascii_only=ascii_only)
    assert parse_body(body.encode()).text("tbs") == long


async def test_long_requests_are_worked_on_in_a_thread_one_at_a_time() -> None:
    parsing, here, inside = RequestParser(), threading.get_ident(), 0

    def work(source: bytes) -> RequestFields:
        nonlocal inside
        inside += 1
        assert inside == 1
        time.sleep(0.01)
        inside -= 1
        return RequestFields({"long": len(source) > LONG, "thread": threading.get_ident()})

    bodies = [b"{}", *[b" " * (LONG + 1)] * 3]
    found = await asyncio.gather(*(parsing.run(len(body), work, body) for body in bodies))
    for fields in found:
        assert fields.values["long"] is (fields.values["thread"] != here)


def test_nothing_has_no_fields() -> None:
    for body in (b"", b"tbsPackage=", b" \r\n"):
        assert parse_body(body).values == {}


@pytest.mark.parametrize("value", ["", "0", 0, "undefined", None, "null"])
def test_these_slots_mean_the_first_one(value: object) -> None:
    assert RequestFields({"slotDescription": value}).slot is None
    assert RequestFields({}).slot is None
    assert RequestFields({"slotDescription": "A reader 0"}).slot == "A reader 0"


@pytest.mark.parametrize(
    ("value", "flag"),
    [("true", True), ("TRUE", True), (True, True), ("false", False), (False, False), ("", None)],
)
def test_flags_are_words(value: object, flag: bool | None) -> None:
    for default in (True, False):
        expected = default if flag is None else flag
        assert RequestFields({"withCardSN": value}).flag("withCardSN", default=default) is expected
        assert RequestFields({"withCardSN": "__NotExistedTag__"}).flag(
            "withCardSN", default=default
        ) is (default)


def test_prototype_names_are_fields_like_any_other() -> None:
    fields = parse_text('{"__proto__":{"pin":"x"},"constructor":"y","toString":1}')
    assert fields.text("pin") == ""
    assert fields.text("__proto__") == ""


def test_a_field_of_the_wrong_type_is_not_there() -> None:
    fields = RequestFields({"tbs": ["a"], "pin": {"a": 1}, "nonce": None, "x": True, "y": 1.5})
    assert [fields.text(name) for name in fields.values] == [""] * 5


@given(st.binary())
def test_base64_survives_what_forms_do_to_it(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    for spoilt in (text, text.replace("+", " "), text.rstrip("="), f"{text[:7]}\r\n{text[7:]}"):
        assert RequestFields({"x": spoilt}).octets("x") == data


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (" SGVsbG8=", b"Hello"),
        ("SGVs bG8=", b"Hello"),
        ("SGVsbG8= ", b"Hello"),
        ("\n    SGVs\n    bG8=\n", b"Hello"),
        (" /8=", b"\xfb\xff"),
        (" /8A", b"\xfb\xff\x00"),
        ("+/ /", b"\xfb\xff\xbf"),
    ],
)
def test_a_space_is_a_plus_only_where_the_length_says_so(text: str, meant: bytes) -> None:
    assert RequestFields({"x": text}).octets("x") == meant


@pytest.mark.parametrize("text", ["a", "中文", "ab*d", "=====", "SGVsbG8===", "SGVs=bG8"])
def test_what_is_no_base64_has_a_number(text: str) -> None:
    with pytest.raises(HipkiError) as error:
        RequestFields({"x": text}).octets("x")
    assert error.value.major is Major.BASE64_DECODING


def test_the_pin_is_in_no_text_of_the_fields() -> None:
    assert "123456" not in repr(RequestFields({"pin": "123456"}))
