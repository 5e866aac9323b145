"""The shape of bytes is judged before any parser sees them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.cms.der import (
    INTEGER,
    SEQUENCE,
    SET,
    children,
    element,
    fields,
    require_ber,
    require_der,
)
from agent.cms.errors import CmsError

LIMIT = 1 << 20


def nested(depth: int) -> bytes:
    raw = b"\x05\x00"
    for _ in range(depth):
        length = len(raw)
        form = bytes((length,)) if length < 0x80 else b"\x81" + bytes((length,))
        raw = b"\x30" + form + raw
    return raw


GOOD_DER = {
    "null": "0500",
    "empty sequence": "3000",
    "sequence": "300602010504012a",
    "context tags": "a0058003010203",
    "long form": "0481800" + "0" * 255,
    "two-byte length": "04820100" + "00" * 256,
    "the longest object identifier": "0681802a" + "ff" * 126 + "01",
}
ONLY_BER = {
    "indefinite length": "30800500" + "0000",
    "nested indefinite": "3080308005000000" + "0000",
    "constructed octet string": "2403040100",
    "indefinite octet string": "2480040100" + "0000",
    "length in a longer form": "04810100",
    "length of four bytes": "048400000001" + "00",
    "length with a zero in front": "0482008000" + "00" * 127,
    "end-of-contents inside a definite one": "30020000",
}
NEVER = {
    "nothing": "",
    "one byte": "30",
    "cut in the length": "3082",
    "cut in the content": "3003020105"[:-2],
    "content beyond its parent": "30030204010203",
    "two elements": "05000500",
    "a byte behind": "050000",
    "high tag number": "1f810100",
    "length of five bytes": "30850000000000",
    "reserved length": "30ff",
    "indefinite without end": "30800500",
    "primitive indefinite": "0480010000",
    "indefinite beyond its parent": "3004308005000000",
    "an object identifier without end": "0681812a" + "ff" * 127 + "01",
}


@pytest.mark.parametrize("raw", GOOD_DER.values(), ids=GOOD_DER)
def test_der_is_welcome_in_both(raw: str) -> None:
    require_der(bytes.fromhex(raw), max_size=LIMIT)
    require_ber(bytes.fromhex(raw), max_size=LIMIT)


@pytest.mark.parametrize("raw", ONLY_BER.values(), ids=ONLY_BER)
def test_what_only_ber_allows_is_no_der(raw: str) -> None:
    require_ber(bytes.fromhex(raw), max_size=LIMIT)
    with pytest.raises(CmsError):
        require_der(bytes.fromhex(raw), max_size=LIMIT)


@pytest.mark.parametrize("raw", NEVER.values(), ids=NEVER)
def test_what_nobody_allows_is_refused(raw: str) -> None:
    for judge in (require_der, require_ber):
        with pytest.raises(CmsError):
            judge(bytes.fromhex(raw), max_size=LIMIT)


def test_a_primitive_sequence_is_refused_where_it_would_confuse() -> None:
    with pytest.raises(CmsError):
        require_der(b"\x10\x00", max_size=LIMIT)


def test_depth_elements_and_size_are_bounded() -> None:
    null = b"\x05\x00"
    for good, bad in (
        (nested(32), nested(33)),
        (element(SEQUENCE, null * 49_999), element(SEQUENCE, null * 50_000)),
        (element(4, bytes(LIMIT - 5)), element(4, bytes(LIMIT - 4))),
    ):
        for judge in (require_der, require_ber):
            judge(good, max_size=LIMIT)
            with pytest.raises(CmsError):
                judge(bad, max_size=LIMIT)


@given(raw=st.binary(max_size=64))
@example(raw=b"\x30\x80" * 32)
def test_whatever_is_der_is_ber(raw: bytes) -> None:
    try:
        require_der(raw, max_size=LIMIT)
    except CmsError:
        return
    require_ber(raw, max_size=LIMIT)


def test_a_structure_is_taken_apart_by_its_one_form() -> None:
    number, names, many = b"\x02\x01\x05", b"\xa0\x00", b"\x31\x00"
    form = (INTEGER, -0xA0, SET)
    assert fields(element(SEQUENCE, number, names, many), *form) == [number, names, many]
    assert fields(element(SEQUENCE, number, many), *form) == [number, b"", many]
    for parts in ((number,), (number, many, names), (number, names, names, many), (many, number)):
        with pytest.raises(CmsError, match="field"):
            fields(element(SEQUENCE, *parts), *form)
    for other in (element(SET, number, many), element(SEQUENCE, number, many) + b"\0", b""):
        with pytest.raises(CmsError):
            fields(other, *form)


@given(raw=st.binary(max_size=64))
def test_what_is_der_is_made_of_der(raw: bytes) -> None:
    try:
        require_der(raw, max_size=LIMIT)
    except CmsError:
        return
    if raw[0] & 0x20:
        assert b"".join(children(raw)) == raw[2:]  # too short for a longer length
        for each in children(raw):
            require_der(each, max_size=LIMIT)
