"""What lies on a PIV card, as it should be and as a hostile card may have it."""

import gzip
import tracemalloc
import zlib

import pytest

from agent.cards.piv.objects import (
    MAX_CERTIFICATE,
    PIN_OF_APPLICATION,
    PIN_OF_CARD,
    PinPolicy,
    card_number,
    certificate_of,
    is_application,
    is_contactless,
    pin_policy,
)
from agent.errors import UnsupportedCardError
from agent.iso7816.tlv import encode

CERTIFICATE = bytes.fromhex("3003020101")
GUID = bytes(range(1, 17))
FASC_N = bytes(range(1, 26))


def stored(content: bytes, information: bytes = b"\x00") -> bytes:
    return encode(0x53, encode(0x70, content) + encode(0x71, information) + encode(0xFE, b""))


def chuid(guid: bytes, fasc_n: bytes = FASC_N) -> bytes:
    items = encode(0x30, fasc_n) + encode(0x34, guid) + encode(0x35, b"20991231")
    return encode(0x53, items + encode(0x3E, bytes(2000)) + encode(0xFE, b""))


@pytest.mark.parametrize(
    "answer",
    [
        "611B 4F06000010000100 7907 4F05A000000308 5008 4162636465666768",
        "6111 4F06000010000100 79074F05A000000308",
        "610D 4F0BA000000308000010000100",
        "610A 7908 4F06 A00000030800",
    ],
)
def test_the_application_says_who_it_is(answer: str) -> None:
    assert is_application(bytes.fromhex(answer))


@pytest.mark.parametrize(
    "answer",
    ["", "6F00", "61", "6105 4F03 D27600", "6180", "610279", "6F0D 4F0BA000000308000010000100"],
)
def test_a_card_that_says_yes_to_every_name_is_none(answer: str) -> None:
    assert not is_application(bytes.fromhex(answer))


def test_the_number_is_the_guid_and_else_the_fasc_n() -> None:
    assert card_number(chuid(GUID)) == GUID.hex().upper()
    assert card_number(chuid(bytes(16))) == FASC_N.hex().upper()
    assert card_number(chuid(GUID[:15])) == FASC_N.hex().upper()
    buffered = encode(0x53, encode(0xEE, b"\x00\x99") + encode(0x34, GUID))
    assert card_number(buffered) == GUID.hex().upper()


def test_a_number_is_read_of_the_first_piece_alone() -> None:
    whole = chuid(GUID)
    assert {card_number(whole[:length]) for length in (60, 128, 256)} == {GUID.hex().upper()}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x53",
        b"\x53\x00",
        chuid(GUID)[:10],
        chuid(bytes(16), bytes(25)),
        encode(0x54, encode(0x34, GUID)),
        bytes.fromhex("5380"),
        bytes.fromhex("5384FFFFFFFF"),
        b"\x53\x03\x34\x84\xff",
    ],
)
def test_a_card_without_a_number_is_refused(raw: bytes) -> None:
    with pytest.raises(UnsupportedCardError):
        card_number(raw)


def test_a_certificate_is_read_plain_and_compressed() -> None:
    assert certificate_of(stored(CERTIFICATE)) == CERTIFICATE
    for flag in (b"\x01", b"\x80", b"\x81"):
        assert certificate_of(stored(gzip.compress(CERTIFICATE), flag)) == CERTIFICATE
    assert certificate_of(encode(0x53, encode(0x70, CERTIFICATE))) == CERTIFICATE
    assert certificate_of(stored(bytes(MAX_CERTIFICATE))) == bytes(MAX_CERTIFICATE)
    largest = gzip.compress(bytes(MAX_CERTIFICATE))
    assert certificate_of(stored(largest, b"\x01")) == bytes(MAX_CERTIFICATE)


def test_an_empty_object_is_no_certificate() -> None:
    assert certificate_of(b"\x53\x00") is None
    assert certificate_of(stored(b"")) is None
    assert certificate_of(encode(0x53, encode(0x71, b"\x00"))) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        stored(CERTIFICATE)[:-1],
        stored(CERTIFICATE) + b"\x00",
        b"\x54" + stored(CERTIFICATE)[1:],
        encode(0x53, b"\x70\x05\x30"),
        encode(0x53, bytes.fromhex("7084FFFFFFFF")),
        bytes.fromhex("5384FFFFFFFF70"),
        bytes.fromhex("5380700530030201010000"),
        stored(bytes(MAX_CERTIFICATE + 1)),
        stored(CERTIFICATE, b"\x01"),
        stored(gzip.compress(CERTIFICATE)[:-9], b"\x01"),
        stored(gzip.compress(CERTIFICATE)[:-1] + b"\xff", b"\x01"),
        stored(gzip.compress(bytes(MAX_CERTIFICATE + 1)), b"\x01"),
        stored(zlib.compress(CERTIFICATE), b"\x01"),
        stored(gzip.compress(b""), b"\x01"),
    ],
    ids=range(15),
)
def test_a_lie_about_a_certificate_is_refused(raw: bytes) -> None:
    with pytest.raises(UnsupportedCardError):
        certificate_of(raw)


def test_a_bomb_is_inflated_no_further_than_a_certificate_may_be_long() -> None:
    packing = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    zeros = bytes(1 << 20)
    bomb = b"".join(packing.compress(zeros) for _ in range(56)) + packing.flush()
    raw = stored(bomb, b"\x01")  # as much as an answer of a card can hold
    assert len(raw) > 55_000
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedCardError):
            certificate_of(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500_000


def discovery(policy: str, aid: str = "A000000308000010000100") -> bytes:
    items = encode(0x4F, bytes.fromhex(aid)) + encode(0x5F2F, bytes.fromhex(policy))
    return encode(0x7E, items)


@pytest.mark.parametrize(
    ("raw", "policy"),
    [
        (discovery("4000"), PinPolicy()),
        (discovery("6010"), PinPolicy(PIN_OF_APPLICATION)),
        (discovery("6020"), PinPolicy(PIN_OF_CARD)),
        (discovery("4020"), PinPolicy(PIN_OF_APPLICATION)),
        (discovery("4800"), PinPolicy(PIN_OF_APPLICATION, secure_contactless=True)),
        (discovery("6820"), PinPolicy(PIN_OF_CARD, secure_contactless=True)),
        (discovery("602000"), PinPolicy()),
        (discovery("6020", "D27600012401"), PinPolicy()),
        (discovery("6020")[:-1], PinPolicy()),
        (b"\x53" + discovery("6020")[1:], PinPolicy()),
        (b"", PinPolicy()),
        (b"\x7e\x00", PinPolicy()),
    ],
)
def test_the_discovery_object_names_the_pin(raw: bytes, policy: PinPolicy) -> None:
    assert pin_policy(raw) == policy


def test_a_contactless_card_is_known_by_its_atr() -> None:
    assert is_contactless(bytes.fromhex("3B8D80018073C021C057597562694B657940"))
    assert is_contactless(bytes.fromhex("3B80800101"))
    for atr in ("", "3B80", "3B8C018073C0018056414E4B50495662", "3F8080010101"):
        assert not is_contactless(bytes.fromhex(atr))
