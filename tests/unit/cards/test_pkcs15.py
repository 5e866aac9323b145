"""Directory files: nothing without end, nothing cut silently, no entry that points nowhere."""

from collections.abc import Callable

import pytest

from agent.cards.citizen.pkcs15 import (
    parse_certificate_entry,
    parse_key_entry,
    read_directory,
)
from agent.errors import UnsupportedCardError
from agent.iso7816.tlv import Tlv, encode, read_one

PATH = bytes.fromhex("3F00503008F2")
ENTRY = encode(0x30, encode(0x0C, b"some entry"))


class Source:
    """A file that is read in pieces, and a count of the reads."""

    def __init__(self, content: bytes, piece: int = 200) -> None:
        self.content = content
        self.piece = piece
        self.reads = 0

    def __call__(self, offset: int) -> bytes:
        self.reads += 1
        return self.content[offset : offset + self.piece]


def entries(content: bytes, piece: int = 200) -> list[Tlv]:
    return list(read_directory(Source(content, piece)))


@pytest.mark.parametrize("piece", [1, 2, 16, 200])
@pytest.mark.parametrize(
    "end",
    [
        b"",
        b"\x18\x00",
        b"\x00\x00",
        b"\xff\xff",
        b"\x00" * 50 + b"\x18\x00",
        b"\xff" * 50 + b"\x18\x00",
        b"\x18",  # a reader that loses the last byte
        b"\x30\x82",  # a content length that looks like the beginning of an entry
        b"\x30\x80",  # ... and one that looks like no data object at all
    ],
)
def test_every_entry_before_the_end_is_read(end: bytes, piece: int) -> None:
    found = entries(ENTRY * 2 + end, piece)
    assert [encode(item.tag, item.value) for item in found] == [ENTRY, ENTRY]


@pytest.mark.parametrize("piece", [1, 16, 200])
@pytest.mark.parametrize("left", range(3, len(ENTRY)))
def test_an_entry_that_is_cut_is_not_the_end_of_the_directory(left: int, piece: int) -> None:
    with pytest.raises(UnsupportedCardError):
        entries(ENTRY + ENTRY[:left], piece)


@pytest.mark.parametrize("nonsense", ["308000", "3085FFFFFFFFFF", "1FFFFFFF01"])
@pytest.mark.parametrize("piece", [1, 200])
def test_nonsense_between_the_entries_is_not_the_end_of_the_directory(
    nonsense: str, piece: int
) -> None:
    with pytest.raises(UnsupportedCardError):
        entries(ENTRY + bytes.fromhex(nonsense) + ENTRY, piece)


def test_a_file_without_a_byte_is_no_directory() -> None:
    with pytest.raises(UnsupportedCardError, match="without content"):
        entries(b"")


@pytest.mark.parametrize("filling", [b"\x00", b"\xff", b"\x00\x00", b"\xff" * 300])
def test_a_directory_of_filling_alone_is_empty(filling: bytes) -> None:
    assert entries(filling) == []


def test_only_what_is_wanted_is_read() -> None:
    source = Source(ENTRY * 100, piece=len(ENTRY))
    directory = read_directory(source)
    next(directory)
    assert source.reads == 1
    next(directory)
    assert source.reads == 2


@pytest.mark.parametrize("length", [0x2000, 0xFFFF])
def test_an_entry_longer_than_any_directory_is_refused_before_it_is_read(length: int) -> None:
    source = Source(b"\x30\x82" + length.to_bytes(2, "big") + bytes(200))
    with pytest.raises(UnsupportedCardError, match="without end"):
        list(read_directory(source))
    assert source.reads == 1


def test_a_directory_as_long_as_one_may_be_is_read() -> None:
    whole = encode(0x30, b"\x04" * (0x2000 - 4))
    with pytest.raises(UnsupportedCardError, match="without end"):
        list(read_directory(Source(whole + ENTRY, piece=0x800)))
    source = Source(whole + b"\x00", piece=0x2001)
    assert [item.size for item in read_directory(source)] == [0x2000]


def test_a_directory_that_goes_on_for_ever_is_given_up() -> None:
    for content in (lambda _: ENTRY, lambda _: b"\x30\x00", lambda _: b"\x04"):
        reads = 0

        def read(offset: int, content: Callable[[int], bytes] = content) -> bytes:
            nonlocal reads
            reads += 1
            return content(offset)

        with pytest.raises(UnsupportedCardError):
            list(read_directory(read))
        assert reads <= 0x2000


def test_more_entries_than_any_card_has_are_refused() -> None:
    assert len(entries(b"\x04\x01\x07" * 255)) == 255
    with pytest.raises(UnsupportedCardError, match="too many"):
        entries(b"\x04\x01\x07" * 257)
    with pytest.raises(UnsupportedCardError, match="too many"):
        entries(b"\x04\x00" * 257)  # empty ones count, or a card could send them for ever


# One entry.


def certificate_entry(
    *,
    tag: int = 0x30,
    common: bytes = encode(0x0C, "簽章".encode()),
    classes: bytes = encode(0x04, b"SIGN"),
    path: bytes = PATH,
    numbers: bytes = bytes.fromhex("020207008002 0608"),
    typed_tag: int = 0xA1,
    depth: int = 2,
) -> Tlv:
    typed = encode(0x04, path) + numbers
    for _ in range(depth):
        typed = encode(0x30, typed)
    parts = encode(0x30, common) + encode(0x30, classes) + encode(typed_tag, typed)
    return read_one(encode(tag, parts))


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_certificate_s_entry_says_where_it_is(depth: int) -> None:
    entry = parse_certificate_entry(certificate_entry(depth=depth))
    assert (entry.id, entry.label, entry.path) == (b"SIGN", "簽章", PATH)
    assert (entry.offset, entry.length) == (0x0700, 0x0608)


def test_a_label_is_read_as_it_is() -> None:
    common = encode(0x03, b"\x06\x40") + encode(0x0C, b"A\x00\x1b[31m\xffB")
    entry = parse_certificate_entry(certificate_entry(common=common))
    assert entry.label == "A\0\x1b[31m�B"
    assert parse_certificate_entry(certificate_entry(common=b"")).label == ""


def test_an_entry_without_an_offset_begins_at_the_file_s_beginning() -> None:
    entry = parse_certificate_entry(certificate_entry(numbers=bytes.fromhex("80020608")))
    assert (entry.offset, entry.length) == (0, 0x0608)


def number(tag: int, value: int) -> bytes:
    return encode(tag, value.to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 1), (0, 0x1000), (0x7000, 0x1000), (0x7FFF, 1), (0x7000, 0x0FFF)]
)
def test_the_last_byte_that_can_be_addressed_may_be_a_certificate_s(
    offset: int, length: int
) -> None:
    numbers = number(0x02, offset) + number(0x80, length)
    entry = parse_certificate_entry(certificate_entry(numbers=numbers))
    assert (entry.offset, entry.length) == (offset, length)


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 0), (0, 0x1001), (0x7001, 0x1000), (0x8000, 1), (0x7FFFFFFF, 1)]
)
def test_an_entry_that_points_nowhere_is_refused(offset: int, length: int) -> None:
    numbers = number(0x02, offset) + number(0x80, length)
    with pytest.raises(UnsupportedCardError, match="points nowhere"):
        parse_certificate_entry(certificate_entry(numbers=numbers))


@pytest.mark.parametrize(
    "item",
    [
        certificate_entry(tag=0x31),
        certificate_entry(tag=0xA0),  # an entry of another kind (ISO/IEC 7816-15 §8.7)
        certificate_entry(typed_tag=0xA0),
        certificate_entry(classes=b""),
        certificate_entry(classes=encode(0x04, b"")),
        certificate_entry(path=b""),
        certificate_entry(path=b"\x3f"),
        certificate_entry(path=PATH[:-1]),
        certificate_entry(numbers=b""),
        certificate_entry(numbers=b"\x02"),
        certificate_entry(common=b"\x0c\x7f"),
        certificate_entry(depth=5),
        read_one(encode(0x30, b"")),
        read_one(encode(0x30, encode(0x30, b"") + encode(0xA1, b""))),
        read_one(encode(0x30, encode(0x30, b"") + encode(0x30, b"\x04\x01A") + encode(0xA1, b""))),
        read_one(encode(0x30, b"\x30\x00\x30\x03\x04\x01A\xa1\x06\x16\x04http")),  # a URL value
    ],
)
def test_an_entry_that_lacks_something_is_refused(item: Tlv) -> None:
    with pytest.raises(UnsupportedCardError):
        parse_certificate_entry(item)


def key_entry(
    *,
    tag: int = 0x30,
    identifier: bytes = encode(0x04, b"SIGN"),
    reference: bytes = b"\x02\x01\x11",
) -> Tlv:
    classes = identifier + bytes.fromhex("03020640 010101") + reference
    return read_one(encode(tag, encode(0x30, b"") + encode(0x30, classes) + encode(0xA1, b"")))


@pytest.mark.parametrize(
    ("reference", "value"), [("020111", 0x11), ("020200FF", 0xFF), ("020100", 0)]
)
def test_a_key_s_entry_says_how_commands_name_it(reference: str, value: int) -> None:
    entry = parse_key_entry(key_entry(reference=bytes.fromhex(reference)))
    assert (entry.id, entry.reference) == (b"SIGN", value)


@pytest.mark.parametrize(
    "item",
    [
        key_entry(tag=0x31),
        key_entry(identifier=encode(0x02, b"\x01")),
        key_entry(identifier=encode(0x04, b"")),
        key_entry(reference=b""),
        key_entry(reference=bytes.fromhex("02020100")),
        key_entry(reference=b"\x02"),
        read_one(encode(0x30, b"")),
        read_one(encode(0x30, encode(0x30, b""))),
        read_one(encode(0x30, encode(0x30, b"") + encode(0x30, b""))),
    ],
)
def test_a_key_s_entry_that_lacks_something_is_refused(item: Tlv) -> None:
    with pytest.raises(UnsupportedCardError):
        parse_key_entry(item)
