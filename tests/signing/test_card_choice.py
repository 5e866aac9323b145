"""Several cards at once: what a request names decides, or else the citizen, never chance."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.consent.questions import CardFacts, ChooseCard, EnterPin, Prompter
from agent.errors import AgentError, ErrorCode, OtherCardError
from agent.secret import SecretBytes
from agent.signing.model import DecryptFormat, DecryptionRequest, SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import Validity
from agent.virtualcard.model import ID_SIGN
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.conftest import TEST_NAME
from tests.signing.prompt_support import SITE, Citizen, refuses, types

CardFactory = Callable[..., VirtualCard]
FIRST, SECOND = (READER_NAME.format(number) for number in range(2))
ONE = SignatureRequest((Document(data=b"hello"),))


def pin(text: str = "123456") -> SecretBytes:
    return SecretBytes.from_text(text)


def choosing(reader: str) -> Callable[[Any], CardFacts]:
    """Answer with the card in a reader."""
    return lambda prompt: next(card for card in prompt.cards if card.reader == reader)


@asynccontextmanager
async def desk(
    *cards: VirtualCard, prompter: Prompter | None
) -> AsyncIterator[tuple[SigningService, VirtualProvider]]:
    provider = VirtualProvider(readers=len(cards))
    for number, card in enumerate(cards):
        provider.insert(READER_NAME.format(number), card)
    service = SigningService(provider, AlwaysAllow(), prompter=prompter)
    await service.start()
    try:
        yield service, provider
    finally:
        await service.close()


async def error_of(awaitable: Any) -> AgentError:
    with pytest.raises(AgentError) as error:
        await awaitable
    return error.value


@pytest.mark.parametrize("reader", [FIRST, SECOND])
async def test_the_citizen_chooses_and_is_told_whose_card_is_where(
    make_card: CardFactory, reader: str
) -> None:
    cards = make_card("gen1"), make_card("gen2", name="陳另人", pin="888888")
    right = {FIRST: "123456", SECOND: "888888"}[reader]
    citizen = Citizen([choosing(reader)])
    async with desk(*cards, prompter=citizen) as (service, _):
        result = await service.sign(SITE, ONE, pin(right))
    (asked,) = citizen.asked
    facts = (
        CardFacts(FIRST, "gen1", cards[0].data.serial, TEST_NAME, virtual=True),
        CardFacts(SECOND, "gen2", cards[1].data.serial, "陳另人", virtual=True),
    )
    assert asked == ChooseCard(SITE, facts)
    assert result.certificate.reader == reader
    assert [card.data.attempts_left for card in cards] == [3, 3]


async def test_the_card_that_was_chosen_is_the_one_whose_pin_is_typed(
    make_card: CardFactory,
) -> None:
    cards = make_card("gen1"), make_card("gen2")
    citizen = Citizen([choosing(SECOND), types("123456")])
    async with desk(*cards, prompter=citizen) as (service, _):
        await service.sign(SITE, ONE, None)
    typed = citizen.asked[1]
    assert isinstance(typed, EnterPin)
    assert typed.card.serial == cards[1].data.serial


@pytest.mark.parametrize("prompter", [None, Citizen([refuses()])], ids=["nobody", "cancelled"])
async def test_where_nobody_chooses_no_pin_is_sent(
    make_card: CardFactory, prompter: Citizen | None
) -> None:
    cards = make_card("gen1", pin="888888"), make_card("gen2", pin="888888")
    async with desk(*cards, prompter=prompter) as (service, _):
        error = await error_of(service.sign(SITE, ONE, pin()))
    assert error.code is (ErrorCode.USER_CANCELLED if prompter else ErrorCode.BAD_REQUEST)
    assert [card.data.attempts_left for card in cards] == [3, 3]


@pytest.mark.parametrize("pulled", [FIRST, SECOND])
@pytest.mark.parametrize("exchanged", [False, True], ids=["pulled", "exchanged"])
async def test_a_card_that_leaves_while_the_window_is_open_ends_the_question(
    make_card: CardFactory, pulled: str, exchanged: bool
) -> None:
    cards = make_card("gen1", pin="888888"), make_card("gen2", pin="888888")
    citizen = Citizen()
    async with desk(*cards, prompter=citizen) as (service, provider):
        signing = asyncio.create_task(service.sign(SITE, ONE, pin()))
        await citizen.shown()
        provider.remove(pulled)
        if exchanged:
            provider.insert(pulled, make_card("gen1", pin="888888"))
        assert (await error_of(signing)).code is ErrorCode.CARD_REMOVED
    assert citizen.cancelled == 1
    assert [card.data.attempts_left for card in cards] == [3, 3]


async def test_a_card_exchanged_after_the_choice_gets_no_pin(make_card: CardFactory) -> None:
    cards = make_card("gen1"), make_card("gen2")
    other = make_card("gen1", pin="888888")

    async with desk(*cards, prompter=(citizen := Citizen())) as (service, provider):

        def exchange_and_choose(prompt: ChooseCard) -> CardFacts:
            provider.remove(FIRST)
            provider.insert(FIRST, other)
            return prompt.cards[0]

        citizen.answers = [exchange_and_choose]
        assert (await error_of(service.sign(SITE, ONE, pin()))).code is ErrorCode.CARD_REMOVED
    assert other.data.attempts_left == 3


async def test_a_card_without_the_key_is_not_offered(make_card: CardFactory) -> None:
    data = make_card("gen2", pin="888888").data
    without = tuple(each for each in data.certificates if each.id != ID_SIGN)
    cards = make_card("gen1"), VirtualCard(replace(data, certificates=without))
    async with desk(*cards, prompter=Citizen([])) as (service, _):
        result = await service.sign(SITE, ONE, pin())
    assert result.certificate.reader == FIRST


async def test_an_expired_card_is_offered_because_it_may_be_the_one_that_is_meant(
    make_card: CardFactory,
) -> None:
    cards = make_card("gen1", validity=Validity.EXPIRED), make_card("gen2", pin="888888")
    async with desk(*cards, prompter=Citizen([choosing(FIRST)])) as (service, _):
        error = await error_of(service.sign(SITE, ONE, pin()))
    assert error.code is ErrorCode.CERTIFICATE_EXPIRED
    assert cards[1].data.attempts_left == 3


async def test_a_card_that_cannot_be_read_leaves_the_choice_to_the_citizen(
    make_card: CardFactory,
) -> None:
    data = make_card("gen1").data
    garbage = tuple(replace(each, der=b"\x30\x03abc") for each in data.certificates)
    cards = (
        VirtualCard(replace(data, certificates=garbage)),
        make_card("gen2", pin="888888"),
    )
    citizen = Citizen([refuses()])
    async with desk(*cards, prompter=citizen) as (service, _):
        assert (await error_of(service.sign(SITE, ONE, pin()))).code is ErrorCode.USER_CANCELLED
    (asked,) = citizen.asked
    assert isinstance(asked, ChooseCard)
    assert [card.reader for card in asked.cards] == [SECOND]


# A card that the request names by its number.


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("change", [str.upper, str.lower])
async def test_the_card_that_is_named_is_used(
    make_card: CardFactory, number: int, change: Callable[[str], str]
) -> None:
    cards = make_card("gen1"), make_card("gen2")
    named = replace(ONE, card_number=change(cards[number].data.serial))
    async with desk(*cards, prompter=Citizen()) as (service, _):
        for _ in range(2):  # its number is not known at first
            result = await service.sign(SITE, named, pin())
            assert result.certificate.card_serial == cards[number].data.serial


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("reader", [None, FIRST])
async def test_no_other_card_than_the_named_one_gets_a_pin(
    make_card: CardFactory, count: int, reader: str | None
) -> None:
    cards = [make_card(generation, pin="888888") for generation in ("gen1", "gen2")[:count]]
    absent = make_card("gen1").data.serial
    async with desk(*cards, prompter=Citizen()) as (service, _):
        signing = replace(ONE, card_number=absent, reader=reader)
        assert isinstance(await error_of(service.sign(SITE, signing, pin())), OtherCardError)
        decrypting = DecryptionRequest(bytes(256), DecryptFormat.PKCS1, reader, card_number=absent)
        assert isinstance(await error_of(service.decrypt(SITE, decrypting, pin())), OtherCardError)
    assert {card.data.attempts_left for card in cards} == {3}


async def test_a_reader_and_a_number_have_to_agree(make_card: CardFactory) -> None:
    cards = make_card("gen1", pin="888888"), make_card("gen2", pin="888888")
    both = replace(ONE, card_number=cards[0].data.serial, reader=SECOND)
    async with desk(*cards, prompter=Citizen()) as (service, _):
        assert isinstance(await error_of(service.sign(SITE, both, pin())), OtherCardError)
    assert cards[1].data.attempts_left == 3
