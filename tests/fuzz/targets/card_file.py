"""The file of a virtual card, and its card's answers to commands."""

from collections.abc import Iterator

from agent.errors import AgentError
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.cardfile import dump, parse
from agent.virtualcard.files import CardFilesError
from agent.virtualcard.status import CardPulledError
from tests.fuzz.examples import card

REFUSALS = (AgentError, CardFilesError, CardPulledError)
LONGEST = 40_000


def one(data: bytes) -> str:
    found = parse(data)
    made = VirtualCard(found)
    made.power_on()
    for command in ("00A4040000", "00A40000023F00", "00B0000000", "80500000080000000000000000"):
        assert len(made.process(bytes.fromhex(command))) >= 2
    assert dump(parse(dump(found))) == dump(found)
    return str(found.generation)


def seeds() -> Iterator[tuple[bytes, str]]:
    for generation in ("gen1", "gen2", "piv"):
        yield dump(card(generation).data), generation
