"""Commands to a card, short and with extended length."""

from collections.abc import Iterator

from agent.iso7816 import CommandApdu, CommandFormatError, ExtendedApdu
from agent.iso7816.historical_bytes import takes_extended_length

REFUSALS = (CommandFormatError,)
LONGEST = 70_000


def one(data: bytes) -> tuple[int, int | None]:
    takes_extended_length(data[:33])
    kind = ExtendedApdu if ExtendedApdu.is_form_of(data) else CommandApdu
    command = kind.parse(data)
    assert command.encode() == data  # nobody downstream can read the same bytes differently
    assert repr(command)
    return len(command.data), command.le


def seeds() -> Iterator[tuple[bytes, tuple[int, int | None]]]:
    yield CommandApdu(0, 0xA4, 4, 0, b"\xa0\x00\x00", 256).encode(), (3, 256)
    yield CommandApdu(0, 0xB0, 0, 0, le=231).encode(), (0, 231)
    yield ExtendedApdu(0, 0x87, 7, 0x9C, bytes(300), 65536).encode(), (300, 65536)
