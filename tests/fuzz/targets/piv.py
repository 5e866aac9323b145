"""Data objects of PIV cards, compressed certificates among them."""

import gzip
from collections.abc import Iterator
from contextlib import suppress

from agent.cards.piv.key_commands import PivKey
from agent.cards.piv.objects import (
    MAX_CERTIFICATE,
    card_number,
    certificate_of,
    is_application,
    pin_policy,
)
from agent.errors import CardError, UnsupportedCardError
from agent.iso7816.tlv import encode
from agent.virtualcard.piv import certificate_object

REFUSALS = (UnsupportedCardError,)
WORDS = (
    b"\x53\x82",
    b"\x70\x82",
    b"\x71\x01\x81",
    b"\xfe\x00",
    b"\x7e\x12",
    b"\x34\x10",
    b"\x1f\x8b\x08",
)
LONGEST = 70_000
KEYS = (PivKey(0x07, 256, is_rsa=True), PivKey(0x11, 32, is_rsa=False))


def one(data: bytes) -> int | None:
    pin_policy(data)
    is_application(data)
    with suppress(UnsupportedCardError):
        assert card_number(data).isalnum()
    for key in KEYS:
        for agrees in (True, False):
            with suppress(CardError):
                assert 0 < len(key.result(data, agrees=agrees)) <= 256
    found = certificate_of(data)
    assert found is None or 0 < len(found) <= MAX_CERTIFICATE
    return None if found is None else len(found)


def seeds() -> Iterator[tuple[bytes, int | None]]:
    yield certificate_object(b"\x30" * 700, compressed=False), 700
    yield certificate_object(b"\x30" * 700, compressed=True), 700
    yield encode(0x53, encode(0x70, gzip.compress(bytes(9))) + encode(0x71, b"\x01")), 9
