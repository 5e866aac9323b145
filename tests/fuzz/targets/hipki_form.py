"""Requests of pages of the old component: JSON, forms and percent escapes, in any mixture."""

import json
from collections.abc import Iterator
from contextlib import suppress

from agent.web.hipki.errors import HipkiError
from agent.web.hipki.fields import parse_body
from agent.web.recorder.shape import shape_of

REFUSALS = (HipkiError,)
WORDS = (
    b"%7B",
    b"%22",
    b"tbsPackage=",
    b'"func":"',
    b'"pin":"',
    b"%E7%8E%8B",
    b"\\ud83d\\ude00",
    b"\\ud800",
    b"+",
)
LONGEST = 200_000


def one(data: bytes) -> int:
    fields = parse_body(data)
    json.dumps(shape_of("hipki", fields.values), allow_nan=False)
    assert repr(fields)
    assert fields.length >= 0
    for name in fields.values:
        assert isinstance(fields.text(name), str)
        fields.flag(name)
        with suppress(HipkiError):
            fields.octets(name)
    assert fields.slot != ""
    assert fields.card_number != ""
    return len(fields.values)


def seeds() -> Iterator[tuple[bytes, int]]:
    yield b'tbsPackage={"func":"MakeSignature","tbs":"QUJD","pin":"123456","cardid":" 1 "}', 4
    yield b"tbsPackage=%7B%22func%22%3A%22GetUserCert%22%7D&x=y", 1
    yield b'{"tbs":"%E7%8E%8B","slotDescription":"\\ud83d\\ude00"}', 2
    yield b"", 0
