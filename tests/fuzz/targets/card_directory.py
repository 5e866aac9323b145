"""A citizen card's directories (PKCS#15), read in pieces of any length."""

from collections.abc import Iterator
from contextlib import suppress

from agent.cards.citizen.pkcs15 import parse_certificate_entry, parse_key_entry, read_directory
from agent.errors import UnsupportedCardError
from agent.virtualcard.directory import certificate_directory
from tests.fuzz.examples import card

REFUSALS = (UnsupportedCardError,)
LONGEST = 70_000


def one(data: bytes) -> int:
    """Read a directory of which the first octet says how much a read brings."""
    piece, content = max(1, data[0] if data else 1), data[1:]
    reads = 0

    def read(offset: int) -> bytes:
        nonlocal reads
        reads += 1
        assert reads <= len(content) + 1  # each read brings at least a byte, or is the last
        return content[offset : offset + piece]

    entries = 0
    for item in read_directory(read):
        with suppress(UnsupportedCardError):
            assert parse_key_entry(item) is not None
        with suppress(UnsupportedCardError):
            entry = parse_certificate_entry(item)
            assert 1 <= entry.length <= 0x1000
            assert len(entry.path) % 2 == 0
            assert entry.shown_id.isprintable()
            entries += 1
    return entries


def seeds() -> Iterator[tuple[bytes, int]]:
    directory = certificate_directory(b"\x3f\x00", card("gen2").data.certificates)
    yield b"\xe7" + directory, 4
    yield b"\x10" + directory, 4
