"""Data objects of cards: ISO/IEC 8825-1 as far as their files use it."""

from collections.abc import Iterator

from agent.iso7816.tlv import Tlv, TlvError, encode, read_all

REFUSALS = (TlvError,)
WORDS = (b"\x30\x80", b"\x30\x81\xff", b"\x1f\x81\x00", b"\x04\x84\xff\xff\xff\xff", b"\x7f\x49")
LONGEST = 70_000


def one(data: bytes) -> int:
    position = count = 0
    for item in read_all(data):  # to its end: what is only begun reads nothing
        assert item.size >= 2
        assert data[position : position + item.size].endswith(item.value)
        assert isinstance(item.constructed, bool)
        position += item.size
        count += 1
    assert position == len(data)
    return count


def seeds() -> Iterator[tuple[bytes, int]]:
    yield encode(0x30, encode(0x04, b"abc")) + encode(0x7F49, bytes(300)), 2
    assert next(read_all(encode(0x5F2F, b"\x40\x10"))) == Tlv(0x5F2F, b"\x40\x10", 5)
