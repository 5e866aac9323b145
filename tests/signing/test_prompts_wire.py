"""What goes through a prompt process's pipes: every request whole, every answer judged."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.consent.questions import (
    MAX_SHOWN,
    Act,
    AllowSite,
    CardFacts,
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
    SYSTEM,
    AnyPrompt,
    decode_answer,
    decode_request,
    encode_request,
)
from agent.errors import AgentError, BadRequestError, ErrorCode
from agent.origin import LOCAL_USER, Origin
from agent.secret import SecretBytes
from tests.signing.prompt_support import ALL, ALLOW, LAST, LOCKED, PIN

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
documents = st.builds(DocumentFacts, st.none() | texts, st.binary(min_size=20, max_size=64))
purposes = st.builds(
    Purpose,
    st.sampled_from(list(Act)),
    st.sampled_from(["", "SHA-1", "SHA-512"]),
    st.lists(documents, max_size=MAX_SHOWN).map(tuple),
    st.integers(0, 256),
)
requests = st.one_of(
    st.builds(AllowSite, sites),
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
)


@given(requests, st.sampled_from([SYSTEM, "zh-Hant", "en"]))
def test_a_request_arrives_as_it_was_sent(request: AnyPrompt, language: str) -> None:
    line = encode_request(request, language)
    assert decode_request(line) == (request, language)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert len(line) <= MAX_REQUEST


def test_only_the_first_documents_travel() -> None:
    many = (PIN.purpose.documents[0],) * 256
    purpose = Purpose(Act.SIGN, "SHA-256", many, 256)
    whole = EnterPin(PIN.site, purpose, PIN.card, 3, was_wrong=False, min_length=6, max_length=8)
    arrived, _ = decode_request(encode_request(whole))
    assert isinstance(arrived, EnterPin)
    assert len(arrived.purpose.documents) == MAX_SHOWN
    assert arrived.purpose.count == 256


@given(st.binary(max_size=200))
def test_garbage_is_no_request(line: bytes) -> None:
    with pytest.raises(BadRequestError):
        decode_request(line)


@pytest.mark.parametrize("whole", ALL, ids=lambda prompt: type(prompt).__name__)
@pytest.mark.parametrize("value", [None, 1, "x", [], {}, True], ids=repr)
def test_no_field_may_be_missing_or_of_another_kind(whole: AnyPrompt, value: object) -> None:
    body = json.loads(encode_request(whole))
    for name in body:
        without = {k: v for k, v in body.items() if k != name}
        with pytest.raises(BadRequestError):
            decode_request(json.dumps(without).encode())
        other = {**body, name: value}
        if type(value) is not type(body[name]) and not (name == "attempts_left" and not value):
            with pytest.raises(BadRequestError):
                decode_request(json.dumps(other).encode())


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


def test_an_unknown_question_is_not_sent() -> None:
    with pytest.raises(AgentError):
        encode_request(Prompt())
