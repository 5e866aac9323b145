"""Commands that a host sends to a virtual card, one after the other."""

from collections.abc import Iterator

from agent.virtualcard.card import VirtualCard
from tests.card.wire import AID
from tests.fuzz.examples import card_data

REFUSALS = ()
CARDS = ("gen1", "gen2", "piv")
LONGEST = 2048
GEN1 = "80A40000023F00"
PIV = "00A4040009A0000003080000100000"


def one(data: bytes) -> int:
    """Send commands: the first octet chooses the card, an octet before each says its length."""
    made = VirtualCard(card_data(CARDS[data[0] % len(CARDS) if data else 0]))
    made.power_on()
    at, sent, good = 1, 0, 0
    while at < len(data) and sent < 40:
        command = data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
        answer = made.process(command)
        assert 2 <= len(answer) <= 258
        good += answer[-2:] == b"\x90\x00"
        sent += 1
    return good


def seeds() -> Iterator[tuple[bytes, int]]:
    applet = bytes.fromhex(f"00A4040C10{AID}00")
    for place, command in enumerate((bytes.fromhex(GEN1), applet, bytes.fromhex(PIV))):
        yield bytes((place, len(command))) + command, 1
