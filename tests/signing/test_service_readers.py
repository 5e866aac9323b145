"""The readers and what they hold, as the use cases see them: told, chosen, and never overloaded."""

import asyncio
from collections.abc import Callable

import pytest

from agent.errors import (
    AgentError,
    ErrorCode,
    MuteCardError,
)
from agent.signing.model import (
    CardPresence,
    SignatureRequest,
)
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.signing.test_service import (
    FIRST,
    ONE,
    SECOND,
    SITE,
    code_of,
    first_is,
    pin,
    running,
    until,
    with_cards,
)

CardFactory = Callable[..., VirtualCard]


async def test_readers_tell_what_they_hold(make_card: CardFactory) -> None:
    provider = VirtualProvider(readers=2)
    provider.insert(FIRST, make_card(faults=Faults(foreign=0x6D00)))
    async with running(provider) as service:
        assert (await code_of(service.sign(SITE, ONE, pin())))[0] is ErrorCode.UNSUPPORTED_CARD
        assert service.snapshot().readers[0].state is CardPresence.UNSUPPORTED
        provider.remove(FIRST)
        await until(service, first_is(CardPresence.EMPTY))
        assert (await code_of(service.sign(SITE, ONE, pin())))[0] is ErrorCode.NO_CARD
        provider.remove_reader(FIRST)
        provider.remove_reader(SECOND)
        await until(service, lambda readers: not readers)
        assert (await code_of(service.sign(SITE, ONE, pin())))[0] is ErrorCode.NO_READER


async def test_a_mute_card_is_not_called_none(make_card: CardFactory) -> None:
    mute, empty = Faults(mute=True), VirtualProvider(readers=2)
    empty.insert(FIRST, make_card(faults=mute))
    async with running(empty) as service:
        for reader in (None, FIRST):
            asked = SignatureRequest(ONE.documents, reader=reader)
            for asking in (service.certificates(SITE, reader), service.sign(SITE, asked, pin())):
                with pytest.raises(MuteCardError) as refused:
                    await asking
                assert (refused.value.code, refused.value.retriable) == ("card_mute", True)


async def test_a_card_that_comes_and_goes_is_told(make_card: CardFactory) -> None:
    provider = VirtualProvider()
    async with running(provider) as service, service.subscribe() as events:
        provider.insert(FIRST, make_card())
        inserted = await asyncio.wait_for(events.get(), 10)
        provider.remove(FIRST)
        removed = await asyncio.wait_for(events.get(), 10)
    assert inserted.name == "card_inserted"
    assert inserted.reader is not None
    assert (inserted.reader.state, inserted.reader.generation) == (CardPresence.CARD, "gen1")
    assert removed.name == "card_removed"
    assert removed.reader is not None
    assert removed.reader.state is CardPresence.EMPTY


async def test_of_two_cards_one_has_to_be_named(make_card: CardFactory) -> None:
    cards = make_card("gen1"), make_card("gen2")
    async with running(with_cards(*cards)) as service:
        assert (await code_of(service.sign(SITE, ONE, pin())))[0] is ErrorCode.BAD_REQUEST
        certificates = (await service.certificates(SITE)).certificates
        for card, name in zip(cards, (FIRST, SECOND), strict=True):
            named = await service.sign(SITE, SignatureRequest(ONE.documents, reader=name), pin())
            assert named.certificate.card_serial == card.data.serial
            (wanted,) = (c for c in certificates if c.reader == name and c.id == "SIGN")
            request = SignatureRequest(ONE.documents, certificate=wanted.facts.thumbprint)
            chosen = await service.sign(SITE, request, pin())
            assert chosen.certificate.card_serial == card.data.serial


async def test_a_keypad_is_seen_by_the_way_and_belongs_to_the_reader(
    make_card: CardFactory,
) -> None:
    provider = VirtualProvider(readers=1)
    pad = provider.add_reader("Pad", features=bytes.fromhex("060442330006"))
    provider.insert(READER_NAME.format(0), make_card())
    card = make_card("gen1")
    provider.insert(pad, card)

    def keypads(service: SigningService) -> dict[str, bool]:
        return {view.name: view.keypad for view in service.snapshot().readers}

    async with running(provider) as service, service.subscribe() as events:

        async def until(name: str) -> None:
            async with asyncio.timeout(10):
                while (await events.get()).name != name:
                    pass

        assert keypads(service) == {READER_NAME.format(0): False, pad: False}
        await service.certificates(SITE)
        await asyncio.sleep(0)
        assert keypads(service) == {READER_NAME.format(0): False, pad: True}
        provider.remove(pad)
        await until("card_removed")
        provider.insert(pad, card)
        await until("card_inserted")
        assert keypads(service)[pad]
        provider.remove_reader(pad)
        await until("reader_removed")
        provider.add_reader(pad)
        await until("reader_added")
        assert not keypads(service)[pad]


async def test_a_reader_s_queue_is_bounded(make_card: CardFactory) -> None:
    card = make_card(faults=Faults(rsa_delay_ms=50))
    async with running(with_cards(card)) as service:
        asked = [service.sign(SITE, ONE, pin()) for _ in range(20)]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
    busy = [o for o in outcomes if isinstance(o, AgentError)]
    assert busy
    assert all(error.code is ErrorCode.BUSY and error.retriable for error in busy)
    assert len(busy) < 20
