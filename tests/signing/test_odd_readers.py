"""Readers and cards that give less than they are asked for, or refuse to give so much at a time."""

from collections.abc import Callable

import pytest

from agent.cards.session import READ_SIZES
from agent.virtualcard.card import VirtualCard
from tests.signing.odd_support import (
    SITE,
    OddCard,
    Rewrite,
    agent_at,
    agent_with,
    as_it_is,
    code_of,
    contents,
    exchange,
    is_read,
    le_of,
    list_all,
    once,
    provider_of,
    reads_cut_to,
    reads_refused_above,
    require_lists,
    require_signs,
    sign,
    truth,
)

CardFactory = Callable[..., VirtualCard]

HABITS: dict[str, tuple[int, Rewrite]] = {
    "128 with 9000": (0, reads_cut_to(128, 0x9000)),
    "128 with 6282": (0, reads_cut_to(128, 0x6282)),
    "16 with 9000": (0, reads_cut_to(16, 0x9000)),
    "7 with 6282": (0, reads_cut_to(7, 0x6282)),
    "6C80": (128, reads_refused_above(128, b"\x6c\x80")),
    "6CC8": (200, reads_refused_above(200, b"\x6c\xc8")),
    "6C10": (16, reads_refused_above(16, b"\x6c\x10")),
    "6700 above 200": (200, reads_refused_above(200, b"\x67\x00")),
    "6700 above 128": (128, reads_refused_above(128, b"\x67\x00")),
    "6700 above 100": (100, reads_refused_above(100, b"\x67\x00")),
    "6700 above 16": (16, reads_refused_above(16, b"\x67\x00")),
    "6987 above 128": (128, reads_refused_above(128, b"\x69\x87")),
    "6987 above 16": (16, reads_refused_above(16, b"\x69\x87")),
    "nothing above 128, with 9000": (128, reads_refused_above(128, b"\x90\x00")),
    "nothing above 128, with 6282": (128, reads_refused_above(128, b"\x62\x82")),
    "nothing above 16, with 9000": (16, reads_refused_above(16, b"\x90\x00")),
}
"""What the reader does, and the longest read that it does not refuse; 0 where it refuses none."""


@pytest.fixture(params=HABITS)
def habit(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_everything_is_read(make_card: CardFactory, generation: str, habit: str) -> None:
    card = OddCard(make_card(generation).data, HABITS[habit][1])
    async with agent_with(card) as service:
        await require_lists(service, card)
        await require_signs(service, card)
        await require_lists(service, card)


async def test_a_signature_comes_first(make_card: CardFactory, generation: str, habit: str) -> None:
    card = OddCard(make_card(generation).data, HABITS[habit][1])
    async with agent_with(card) as service:
        await require_signs(service, card)
        await require_signs(service, card)
        await require_lists(service, card)


async def test_the_size_that_worked_is_kept_for_the_reader(
    make_card: CardFactory, generation: str, habit: str
) -> None:
    most, rewrite = HABITS[habit]
    cards = [OddCard(make_card(generation).data, rewrite) for _ in range(3)]
    provider = provider_of(cards[0])
    second = provider.add_reader()
    async with agent_at(provider) as service:
        await require_lists(service, cards[0])
        for card in cards[1:]:  # one refusal may be a fault that does not come again
            await exchange(service, provider, card)
            await require_lists(service, card)
        fits = max(size for size in READ_SIZES if size <= (most or 256))
        assert max(reads_of(cards[2])) == fits
        other = OddCard(make_card(generation).data)
        await exchange(service, provider, other, second)
        assert contents(await list_all(service, second)) == truth(other)
        assert max(reads_of(other)) == 256


def reads_of(card: OddCard) -> list[int]:
    """Return how many bytes each READ BINARY asked for."""
    return [le_of(command) for command, _ in card.commands if is_read(command)]


@pytest.mark.parametrize(
    "answer", [b"\x6c\x80", b"\x67\x00", b"\x69\x87", b"\x90\x00", b"\x62\x82"]
)
async def test_one_refusal_does_not_brand_the_reader(
    make_card: CardFactory, generation: str, answer: bytes
) -> None:
    def long_read(command: bytes) -> bool:
        return is_read(command) and le_of(command) == 256

    first = OddCard(make_card(generation).data, once(long_read, lambda _: answer))
    second = OddCard(make_card(generation).data)
    provider = provider_of(first)
    async with agent_at(provider) as service:
        await require_lists(service, first)
        await exchange(service, provider, second)
        await require_lists(service, second)
        assert 256 in reads_of(second)


async def test_a_reader_that_gives_nothing_at_all_is_an_error(
    make_card: CardFactory, generation: str
) -> None:
    for answer in (b"\x90\x00", b"\x62\x82", b"\x6b\x00", b"\x6c\x00", b"\x6c\xff"):
        card = OddCard(make_card(generation).data, reads_refused_above(0, answer))
        async with agent_with(card) as service:
            assert await code_of(service.certificates(SITE)) is not None
            assert await code_of(sign(service)) is not None
            assert card.verifies == 0
            card.rewrite = as_it_is
            await require_lists(service, card)
            await require_signs(service, card)
