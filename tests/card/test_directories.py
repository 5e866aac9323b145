"""The directory files are PKCS#15, as somebody else's parser reads them (asn1crypto's).

They hold what is known of real cards and nothing else: each file is also taken apart without any
schema, because a parser that knows optional elements would not notice one too many.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from asn1crypto import core

from agent.virtualcard.model import ID_CA, ID_KEYX, ID_ROOT, ID_SIGN
from tests.card.wire import SUCCESS, Gen1Wire, Gen2Wire

AnyWire = Gen1Wire | Gen2Wire


def sequence(*fields: tuple[Any, ...]) -> type[core.Sequence]:
    """Describe one SEQUENCE of ISO/IEC 7816-15 to asn1crypto."""
    return type("Sequence", (core.Sequence,), {"_fields": list(fields)})


OPTIONAL = {"optional": True}
COMMON = sequence(
    ("label", core.UTF8String),
    ("flags", core.BitString),
    ("auth_id", core.OctetString, OPTIONAL),
)
PATH = sequence(
    ("path", core.OctetString),
    ("index", core.Integer, OPTIONAL),
    ("length", core.Integer, {"implicit": 0, "optional": True}),
)
CERTIFICATE = sequence(
    ("common", COMMON),
    ("class", sequence(("id", core.OctetString))),
    ("type", sequence(("value", PATH)), {"explicit": 1}),
)
KEY = sequence(
    ("common", COMMON),
    (
        "class",
        sequence(
            ("id", core.OctetString),
            ("usage", core.BitString),
            ("key_reference", core.Integer),
        ),
    ),
    ("type", sequence(("value", PATH), ("modulus_length", core.Integer)), {"explicit": 1}),
)
PIN = sequence(
    ("common", COMMON),
    ("class", sequence(("auth_id", core.OctetString))),
    (
        "type",
        sequence(
            ("flags", core.BitString),
            ("type", type("PinType", (core.Enumerated,), {"_map": {1: "ascii-numeric"}})),
            ("min_length", core.Integer),
            ("stored_length", core.Integer),
            ("max_length", core.Integer),
            ("reference", core.Integer, {"implicit": 0}),
            ("pad", core.OctetString),
            ("path", PATH),
        ),
        {"explicit": 1},
    ),
)
TOKEN_INFO = sequence(
    ("version", core.Integer),
    ("serial", core.OctetString),
    ("manufacturer", core.UTF8String),
    ("label", core.UTF8String, {"implicit": 0}),
    ("flags", core.BitString),
)


def read(wire: AnyWire, *path: str, le: int = 200) -> bytes:
    if isinstance(wire, Gen2Wire):
        wire.select_applet()
        return wire.read(*path, le=le, cla="00")
    return wire.read("3F00", *path, le=le)


def entries(wire: AnyWire, fid: str, kind: type[core.Sequence]) -> Iterator[core.Sequence]:
    raw = read(wire, "5030", fid)
    length = int.from_bytes(raw[-2:], "little")
    content, padding = raw[:length], raw[length:-2]
    assert not padding.strip(b"\x00")
    while content:
        entry = kind.load(content)
        entry.native  # noqa: B018  # reads all of it, and refuses elements that are not listed
        assert entry.dump(force=True) == content[: len(entry.dump())]  # and it was DER
        yield entry
        content = content[len(entry.dump()) :]


@pytest.fixture
def card(request: pytest.FixtureRequest, generation: str) -> AnyWire:
    wire: AnyWire = request.getfixturevalue(generation)
    return wire


def root(wire: AnyWire) -> bytes:
    return b"\x7f\xff" if isinstance(wire, Gen2Wire) else b"\x3f\x00"


def test_certificates_are_where_their_directory_says(card: AnyWire) -> None:
    found = list(entries(card, "4104", CERTIFICATE))
    content = read(card, "5030", "08F2")
    assert [entry["class"]["id"].native for entry in found] == [ID_SIGN, ID_ROOT, ID_CA, ID_KEYX]
    by_id = {certificate.id: certificate for certificate in card.card.data.certificates}
    for entry in found:
        value = entry["type"]["value"].native
        certificate = by_id[entry["class"]["id"].native]
        assert value["path"] == root(card) + bytes.fromhex("503008F2")
        assert content[value["index"] :][: value["length"]] == certificate.der
        assert entry["common"]["label"].native == certificate.label
        assert entry["common"]["auth_id"].native is None


def test_they_start_where_they_do_on_real_cards(card: AnyWire) -> None:
    found = entries(card, "4104", CERTIFICATE)
    places = {
        entry["class"]["id"].native: entry["type"]["value"]["index"].native for entry in found
    }
    assert places == {ID_ROOT: 0, ID_CA: 0x700, ID_SIGN: 0xE00, ID_KEYX: 0x1500}


def test_one_short_read_finds_the_signing_certificate(card: AnyWire) -> None:
    first = read(card, "5030", "4104")[:200]
    entry = CERTIFICATE.load(first)
    assert entry["class"]["id"].native == ID_SIGN
    assert len(entry.dump()) <= 200


def test_the_recorded_path_is_coded_as_it_was_recorded() -> None:
    recorded = bytes.fromhex("300F04063F00503008F2020100") + bytes.fromhex("80020608")
    assert PATH.load(recorded).native == {
        "path": bytes.fromhex("3F00503008F2"),
        "index": 0,
        "length": 0x608,
    }


@pytest.mark.parametrize("fid", ["4100", "4101"])
def test_keys_have_reference_and_usage(card: AnyWire, fid: str) -> None:
    sign, keyx = entries(card, fid, KEY)
    assert (sign["class"]["id"].native, sign["class"]["key_reference"].native) == (ID_SIGN, 1)
    assert (keyx["class"]["id"].native, keyx["class"]["key_reference"].native) == (ID_KEYX, 5)
    expected = {"4100": [{2}, {1, 5}], "4101": [{6}, {0, 4}]}[fid]
    for entry, usage in zip((sign, keyx), expected, strict=True):
        bits = entry["class"]["usage"].native
        assert {position for position, bit in enumerate(bits) if bit} == usage
        assert entry["type"]["modulus_length"].native == 2048
        assert entry["type"]["value"]["path"].native == root(card) + b"\x50\x30\x08\x10\x08\x11"
        assert entry["common"]["auth_id"].native == (b"\x01" if fid == "4100" else None)


def test_the_pin_is_described(card: AnyWire) -> None:
    (entry,) = entries(card, "4108", PIN)
    assert entry["class"]["auth_id"].native == b"\x01"
    pin = entry["type"].native
    assert (pin["min_length"], pin["stored_length"], pin["max_length"]) == (6, 10, 8)
    assert (pin["reference"], pin["pad"]) == (1, b"\xff")
    assert pin["path"]["path"] == root(card) + bytes.fromhex("50300810")


def test_there_are_no_data_objects(card: AnyWire) -> None:
    assert list(entries(card, "4107", core.Sequence)) == []
    assert not read(card, "5030", "0870").strip(b"\x00")


def test_the_token_says_what_it_is(card: AnyWire) -> None:
    info = TOKEN_INFO.load(read(card, "5030", "5032")).native
    assert info["label"] == "HiCOS PKI Smart Card"
    assert info["serial"].decode() == card.card.data.serial
    assert info["manufacturer"]
    assert info["flags"] == (0, 1)  # loginRequired


CERTIFICATE_SHAPE = "30(30(0C 03) 30(04) A1(30(30(04 02 80))))"
PRIVATE_KEY_SHAPE = "30(30(0C 03 04) 30(04 03 02) A1(30(30(04) 02)))"
PUBLIC_KEY_SHAPE = "30(30(0C 03) 30(04 03 02) A1(30(30(04) 02)))"
PIN_SHAPE = "30(30(0C 03) 30(04) A1(30(03 0A 02 02 02 80 04 30(04))))"


def shape(der: bytes) -> str:
    """Name the tags in DER as "30(02 04)", with a walker that knows no schema and no leniency."""
    tags = []
    while der:
        tag, first, *_ = der
        assert tag & 0x1F != 0x1F, "a tag of one byte"
        head = 2 + (first & 0x7F if first & 0x80 else 0)
        length = int.from_bytes(der[2:head], "big") if head > 2 else first
        assert head == 2 or length >= 1 << max(7, 8 * (head - 3)), "the shortest form of a length"
        value, der = der[head : head + length], der[head + length :]
        assert len(value) == length, "nothing is cut"
        if tag in (0x02, 0x80):
            assert value[0] < 0x80, "no number is negative"
            assert len(value) == 1 or value[:2] >= b"\x00\x80", "the shortest form of a number"
        if tag == 0x03:
            unused, bits = value[0], value[1:]
            assert bits[-1] & -bits[-1] == 1 << unused, "no trailing zero bits (X.690 11.2.2)"
        tags.append(f"{tag:02X}({shape(value)})" if tag & 0x20 else f"{tag:02X}")
    return " ".join(tags)


@pytest.mark.parametrize(
    ("fid", "expected"),
    [
        ("4100", [PRIVATE_KEY_SHAPE] * 2),
        ("4101", [PUBLIC_KEY_SHAPE] * 2),
        ("4104", [CERTIFICATE_SHAPE] * 4),
        ("4107", []),
        ("4108", [PIN_SHAPE]),
    ],
)
def test_a_directory_has_these_elements_and_no_others(
    card: AnyWire, fid: str, expected: list[str]
) -> None:
    raw = read(card, "5030", fid)
    length = int.from_bytes(raw[-2:], "little")
    assert length <= len(raw) - 2
    assert raw[length:-2].count(0) == len(raw) - 2 - length
    assert shape(raw[:length]) == " ".join(expected)


def test_the_token_information_has_these_elements_and_no_others(card: AnyWire) -> None:
    assert shape(read(card, "5030", "5032")) == "30(02 04 0C 80 03)"


@pytest.mark.parametrize("path", [["5015"], ["5031"], ["5030", "5015"], ["5030", "5031"]])
def test_there_is_no_standard_directory(card: AnyWire, path: list[str]) -> None:
    if isinstance(card, Gen2Wire):
        card.select_applet()
    else:
        card.send("80A40000023F00")
    head, tail = ("00A4000402", "00") if isinstance(card, Gen2Wire) else ("80A4000002", "")
    answers = [card.send(f"{head}{fid}{tail}") for fid in path]
    assert answers == [(b"", SUCCESS)] * (len(path) - 1) + [(b"", 0x6A82)]


def test_serial_number_and_version(card: AnyWire) -> None:
    assert read(card, "0900", "0903").decode() == card.card.data.serial
    assert len(card.card.data.serial) == 16
    if isinstance(card, Gen1Wire):
        assert b"CHT V32N" in read(card, "0900", "0905")
