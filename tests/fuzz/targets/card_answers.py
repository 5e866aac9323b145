"""Answers of a card, or of what says that it is one, to whoever opens it."""

from collections.abc import Iterator

from agent.cards.registry import Registry
from agent.errors import AgentError
from tests.fuzz.examples import card
from tests.unit.cards.scripted import ScriptedConnection

REFUSALS = (AgentError,)
LONGEST = 20_000
DRIVERS = 3


def one(data: bytes) -> int:
    """Answer each command with the next piece, whose length the two octets before it say."""
    pieces = []
    at = 1
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big") % 259
        pieces.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    said = iter(pieces)
    connection = ScriptedConnection(lambda _: next(said, b"").rjust(2, b"\x6f"))
    first = data[0] if data else 0
    if first % (DRIVERS + 1) == DRIVERS:
        return Registry().probe(connection) is not None
    driver = Registry()._probing[first % (DRIVERS + 1)]
    try:
        with driver.open(connection) as card:
            return len(card.certificates())
    finally:
        assert len(connection.sent) < 2000
        assert "begin" not in connection.calls or any(
            each[:3] == "end" for each in connection.calls
        )


def seeds() -> Iterator[tuple[bytes, int]]:
    for place, generation in enumerate(("gen2", "piv", "gen1")):
        told = recorded(place, generation)
        yield bytes((place,)) + told[0], told[1]


def recorded(place: int, generation: str) -> tuple[bytes, int]:
    """Return what a good card answers, and how many certificates are read of it."""
    made = card(generation)
    made.power_on()
    answers: list[bytes] = []

    def answer(command: bytes) -> bytes:
        answers.append(made.process(command))
        return answers[-1]

    with Registry()._probing[place].open(ScriptedConnection(answer)) as opened:
        count = len(opened.certificates())
    return b"".join(len(each).to_bytes(2, "big") + each for each in answers), count
