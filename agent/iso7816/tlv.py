"""BER-TLV data objects (ISO/IEC 8825-1 §8.1), as directory files carry them; definite lengths.

The decoder is for hostile bytes: every length is checked against the bytes present, it does not
recurse, and a truncated object raises another error than a malformed one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MAX_LENGTH = 0xFFFF  # no file of these cards is longer
MAX_TAG_BYTES = 3


class TlvError(ValueError):
    """The bytes are malformed, whatever may follow them."""


class TlvIncompleteError(TlvError):
    """The data object is truncated; at least ``missing`` more bytes are needed (1 or more)."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing} more bytes are needed")
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Tlv:
    """One data object.

    Attributes:
        tag: all tag bytes as one big-endian number: 0x30, 0xA1, 0x7F49.
        value: its content, 0 to 65535 bytes.
        size: number of bytes of tag, length and value, as they were encoded.

    """

    tag: int
    value: bytes
    size: int

    @property
    def constructed(self) -> bool:
        """Whether the value is a sequence of data objects (bit 6 of the first tag byte)."""
        first = self.tag
        while first > 0xFF:
            first >>= 8
        return bool(first & 0x20)


def encode(tag: int, value: bytes) -> bytes:
    """Encode one data object with the shortest form of its length.

    Raises:
        TlvError: the value is longer than 65535 bytes.

    """
    if len(value) > MAX_LENGTH:
        raise TlvError("value too long")
    tag_bytes = tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big")
    return tag_bytes + _encode_length(len(value)) + value


def _encode_length(length: int) -> bytes:
    if length < 0x80:
        return bytes((length,))
    if length <= 0xFF:
        return bytes((0x81, length))
    return b"\x82" + length.to_bytes(2, "big")


def read_one(raw: bytes, offset: int = 0) -> Tlv:
    """Read the data object that starts at ``offset``.

    Raises:
        TlvIncompleteError: it continues after the end of ``raw``.
        TlvError: a tag or length that is indefinite or too long.

    """
    tag, position = _read_tag(raw, offset)
    length, position = _read_length(raw, position)
    missing = position + length - len(raw)
    if missing > 0:
        raise TlvIncompleteError(missing)
    return Tlv(tag, raw[position : position + length], position + length - offset)


def _byte(raw: bytes, position: int) -> int:
    if position >= len(raw):
        raise TlvIncompleteError(position + 1 - len(raw))
    return raw[position]


def _read_tag(raw: bytes, position: int) -> tuple[int, int]:
    tag = _byte(raw, position)
    position += 1
    if tag & 0x1F != 0x1F:
        return tag, position
    for _ in range(MAX_TAG_BYTES - 1):
        byte = _byte(raw, position)
        position += 1
        tag = tag << 8 | byte
        if not byte & 0x80:
            return tag, position
    raise TlvError("tag longer than three bytes")


def _read_length(raw: bytes, position: int) -> tuple[int, int]:
    first = _byte(raw, position)
    position += 1
    if first < 0x80:
        return first, position
    count = first & 0x7F
    if not 1 <= count <= 4:
        raise TlvError("indefinite or absurd length")
    length = 0
    for index in range(count):
        length = length << 8 | _byte(raw, position + index)
    if length > MAX_LENGTH:
        raise TlvError("length beyond any file of a card")
    return length, position + count


def read_head(raw: bytes, offset: int = 0) -> tuple[int, int, int]:
    """Read tag and length at ``offset``; return both, and where the value begins.

    Raises:
        TlvIncompleteError, TlvError: as :func:`read_one`; the value need not be there.

    """
    tag, position = _read_tag(raw, offset)
    length, position = _read_length(raw, position)
    return tag, length, position


def read_all(raw: bytes) -> Iterator[Tlv]:
    """Yield the data objects until the end of ``raw``.

    Raises:
        TlvError: as :func:`read_one`, when the malformed object is reached.

    """
    offset = 0
    while offset < len(raw):
        item = read_one(raw, offset)
        yield item
        offset += item.size
