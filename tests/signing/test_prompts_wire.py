"""What goes through a prompt process's pipes: every request whole, every answer judged."""

import json
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import getitem
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import to_builtins
from msgspec.structs import replace

from agent.cms.login import LoginPurpose
from agent.consent.questions import (
    MAX_CARDS,
    MAX_NAME,
    MAX_SHOWN,
    MAX_TEXT,
    Act,
    AllowBlind,
    AllowSite,
    CardFacts,
    ChooseCard,
    DocumentFacts,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
    Purpose,
    SiteAnswer,
)
from agent.consent.wire import (
    MAX_REQUEST,
    AnyPrompt,
    WindowRequest,
    decode_answer,
    decode_request,
    encode_request,
)
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import LOCAL_USER, Origin
from agent.secret import SecretBytes
from agent.web.native.messages import MAX_ITEMS
from agent.words.language import SYSTEM
from tests.signing.prompt_support import (
    ALL,
    ALLOW,
    CARD,
    CHOOSE,
    LAST,
    LOCKED,
    OTHER_CARD,
    PIN,
    SITE,
)

texts = st.text(max_size=255)
sites = st.sampled_from(
    [Origin.parse("https://a.example"), Origin.parse_any("http://[::1]:8080"), LOCAL_USER]
)
cards = st.builds(
    CardFacts,
    texts,
    st.sampled_from(["gen1", "gen2"]),
    texts,
    st.none() | texts,
    st.booleans(),
)
documents = st.builds(
    DocumentFacts,
    st.none() | texts,
    st.binary(min_size=20, max_size=64),
    st.none() | st.text(max_size=MAX_TEXT),
)
purposes = st.builds(
    Purpose,
    st.sampled_from(list(Act)),
    st.sampled_from(["", "SHA-1", "SHA-512"]),
    st.lists(documents, max_size=5).map(tuple),
    st.integers(0, 256),
    st.none() | st.sampled_from(LoginPurpose),
)
requests = st.one_of(
    st.builds(AllowSite, sites, st.booleans()),
    st.builds(AllowBlind, sites),
    st.builds(
        EnterPin,
        sites,
        purposes,
        cards,
        st.none() | st.integers(1, 15),
        st.booleans(),
        st.just(6),
        st.just(8),
        st.booleans(),
    ),
    st.builds(LastAttempt, sites, st.integers(1, 2), cards, st.booleans()),
    st.builds(Locked, sites, cards),
    st.builds(ChooseCard, sites, st.lists(cards, min_size=1, max_size=MAX_CARDS).map(tuple)),
)


@given(
    requests,
    st.sampled_from([SYSTEM, "zh-Hant", "en"]),
    st.booleans(),
    st.sampled_from(["", "分機 1234", "x" * 80]),
)
def test_a_request_arrives_as_it_was_sent(
    request: AnyPrompt, language: str, as_page: bool, administrator: str
) -> None:
    line = encode_request(request, language, administrator, as_page=as_page)
    assert decode_request(line) == WindowRequest(request, language, as_page, administrator)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert len(line) <= MAX_REQUEST


def test_the_largest_batch_with_the_longest_names_fits() -> None:
    assert MAX_SHOWN >= MAX_ITEMS
    for character in ("\x01", '"', "\U00020000", "\udc80"):
        document = DocumentFacts(character * MAX_NAME, bytes(64))
        purpose = Purpose(Act.SIGN, "SHA-512", (document,) * MAX_SHOWN, MAX_SHOWN)
        line = encode_request(replace(PIN, purpose=purpose))
        assert len(line) <= MAX_REQUEST
        prompt = decode_request(line).prompt
        assert isinstance(prompt, EnterPin)
        assert len(prompt.purpose.documents) == MAX_SHOWN


@pytest.mark.parametrize("name", ["R\udc80", "\ud83d", "\u2028\r\n\0"], ids=ascii)
def test_a_name_that_is_no_unicode_has_a_window_all_the_same(name: str) -> None:
    # as Python reads the names of files and readers whose bytes are no UTF-8
    sent = Locked(SITE, CardFacts(name, "gen2", "1", name))
    arrived = decode_request(encode_request(sent)).prompt
    assert isinstance(arrived, Locked)
    assert arrived.card.reader == name.encode("utf-8", "replace").decode()


@given(st.binary(max_size=200))
def test_garbage_is_no_request(line: bytes) -> None:
    with pytest.raises(BadRequestError):
        decode_request(line)


def places(value: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    """Name each place in a JSON text, by the names and indexes that lead to it."""
    children = value.items() if isinstance(value, dict) else ()
    children = enumerate(value) if isinstance(value, list) else children
    for name, child in children:
        yield (*path, name)
        yield from places(child, *path, name)


def changed(whole: AnyPrompt, place: Sequence[Any], value: Any = None) -> bytes:
    """Write a request with another value in one place; without that place for None."""
    body = json.loads(encode_request(whole))
    inner = reduce(getitem, place[:-1], body)
    if value is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return json.dumps(body).encode()


EVERY_PLACE = [
    pytest.param(whole, place, id=f"{type(whole).__name__}-{'.'.join(map(str, place))}")
    for whole in ALL
    for place in places(json.loads(encode_request(whole)))
]
OPTIONAL = {
    *("port", "documents", "hash", "count", "virtual", "may_block", "attempts_unknown", "login"),
    *("text", "blind", "keypad", "few_left", "pages", "view", "hidden", "mark", 0, 1),
}


@pytest.mark.parametrize(("whole", "place"), EVERY_PLACE)
def test_no_field_may_be_missing_or_of_another_kind(
    whole: AnyPrompt, place: tuple[Any, ...]
) -> None:
    own = reduce(getitem, place, json.loads(encode_request(whole)))
    if place[-1] not in OPTIONAL:
        with pytest.raises(BadRequestError):
            decode_request(changed(whole, place))
    for value in (-1, 1.5, "x", [1], {"x": 1}, True):
        if type(value) is not type(own) and not (place[-1] in ("holder", "text") and value == "x"):
            with pytest.raises(BadRequestError):
                decode_request(changed(whole, place, value))


@pytest.mark.parametrize(
    ("whole", "place", "value"),
    [
        (PIN, ("prompt", "attempts_left"), 0),
        (PIN, ("prompt", "attempts_left"), 16),
        (PIN, ("prompt", "attempts_left"), 10**30),
        (PIN, ("prompt", "min_length"), 0),
        (PIN, ("prompt", "max_length"), 65),
        (PIN, ("prompt", "purpose", "count"), -1),
        (PIN, ("prompt", "purpose", "act"), "decipher"),
        (PIN, ("prompt", "purpose", "documents", 0, "digest"), "AAAA"),
        (PIN, ("prompt", "purpose", "documents", 0, "digest"), "A" * 88),
        (PIN, ("prompt", "purpose", "documents", 0, "digest"), "?" * 44),
        (PIN, ("prompt", "purpose", "documents"), [{"name": "x", "digest": "A" * 28}] * 257),
        (PIN, ("prompt", "purpose", "documents", 0, "name"), "x" * 256),
        (PIN, ("prompt", "purpose", "documents", 0, "text"), "x" * 201),
        (PIN, ("prompt", "x"), 1),
        (PIN, ("prompt", "card", "x"), 1),
        (PIN, ("prompt", "purpose", "x"), 1),
        (PIN, ("prompt", "purpose", "documents", 0, "x"), 1),
        (LAST, ("prompt", "attempts_left"), 0),
        (LAST, ("prompt", "attempts_left"), 16),
        (LAST, ("prompt", "kind"), "enter_pin"),
        (LOCKED, ("prompt", "kind"), "unlock"),
        (CHOOSE, ("prompt", "cards"), []),
        (CHOOSE, ("prompt", "cards"), [to_builtins(CARD)] * (MAX_CARDS + 1)),
        (LOCKED, ("x",), 1),
        (ALLOW, ("prompt", "site", "x"), 1),
        (ALLOW, ("prompt", "site", "scheme"), "javascript"),
        (ALLOW, ("prompt", "site", "scheme"), "local"),
        (ALLOW, ("prompt", "site", "host"), "Portal.example"),
        (ALLOW, ("prompt", "site", "host"), "a.example:8443"),
        (ALLOW, ("prompt", "site", "host"), "a.example/x"),
        (ALLOW, ("prompt", "site", "host"), "a" * 300),
        (ALLOW, ("prompt", "site", "port"), 443),
        (ALLOW, ("prompt", "site", "port"), 65536),
    ],
    ids=repr,
)
def test_nothing_out_of_its_bounds_is_a_request(
    whole: AnyPrompt, place: tuple[Any, ...], value: object
) -> None:
    with pytest.raises(BadRequestError):
        decode_request(changed(whole, place, value))


def test_a_request_that_says_something_twice_is_none() -> None:
    line = encode_request(LAST)
    twice = line.replace(b'"attempts_left": 1', b'"attempts_left": 3, "attempts_left": 1')
    assert twice != line
    with pytest.raises(BadRequestError):
        decode_request(twice)


def test_a_request_longer_than_the_pipe_allows_is_none() -> None:
    line = encode_request(ALLOW)
    decode_request(line + b" " * (MAX_REQUEST - len(line)))
    with pytest.raises(BadRequestError):
        decode_request(line + b" " * (MAX_REQUEST - len(line) + 1))


def test_a_nest_too_deep_is_no_request() -> None:
    with pytest.raises(BadRequestError):
        decode_request(b"[" * 60_000)


@pytest.mark.parametrize(
    ("prompt", "raw", "answer"),
    [
        (ALLOW, b"this_time", SiteAnswer.THIS_TIME),
        (ALLOW, b"always", SiteAnswer.ALWAYS),
        (ALLOW, b"never", SiteAnswer.NEVER),
        (ALLOW, b"cancel", SiteAnswer.CANCEL),
        (PIN, b"pin:246813", SecretBytes(bytearray(b"246813"))),
        (PIN, b"pin:pin:\xff~", SecretBytes(bytearray(b"pin:\xff~"))),
        (LAST, b"yes", True),
        (LAST, b"no", False),
        (LOCKED, b"seen", None),
    ],
)
def test_answers(prompt: Prompt[Any], raw: bytes, answer: object) -> None:
    given = bytearray(raw)
    assert decode_answer(prompt, given) == answer
    assert given == bytes(len(raw))


@pytest.mark.parametrize(
    ("prompt", "raw", "code"),
    [
        (PIN, b"cancel", ErrorCode.USER_CANCELLED),
        (PIN, b"block", ErrorCode.ORIGIN_BLOCKED),
        (PIN, b"pin:12345", ErrorCode.INTERNAL),
        (PIN, b"pin:123456789", ErrorCode.INTERNAL),
        (PIN, b"246813", ErrorCode.INTERNAL),
        (PIN, b"always", ErrorCode.INTERNAL),
        (ALLOW, b"pin:246813", ErrorCode.INTERNAL),
        (ALLOW, b"ALWAYS", ErrorCode.INTERNAL),
        (LAST, b"", ErrorCode.INTERNAL),
        (LAST, b"yes ", ErrorCode.INTERNAL),
        (LOCKED, b"yes", ErrorCode.INTERNAL),
    ],
)
def test_what_is_no_answer_is_an_error_and_wiped(
    prompt: Prompt[Any], raw: bytes, code: ErrorCode
) -> None:
    given = bytearray(raw)
    with pytest.raises(AgentError) as error:
        decode_answer(prompt, given)
    assert error.value.code is code
    assert given == bytes(len(raw))
    assert "246813" not in str(error.value)


def test_the_chosen_card_is_told_by_its_place() -> None:
    assert decode_answer(CHOOSE, bytearray(b"card:0")) == CARD
    assert decode_answer(CHOOSE, bytearray(b"card:1")) == OTHER_CARD


@pytest.mark.parametrize(
    "raw", [b"card:2", b"card:-1", b"card:", b"card:00", b"card:1 ", b"yes", b""]
)
def test_no_other_place_is_an_answer(raw: bytes) -> None:
    with pytest.raises(AgentError) as error:
        decode_answer(CHOOSE, bytearray(raw))
    assert error.value.code is ErrorCode.INTERNAL
