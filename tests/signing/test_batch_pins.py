"""How often a batch sends the PIN: once for each use of the key, and not after a refusal."""

from collections.abc import Callable

import pytest

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.errors import ErrorCode, PinError
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import MAX_ATTEMPTS
from agent.virtualcard.operating_system import INS_VERIFY
from agent.virtualcard.provider import VirtualProvider

CardFactory = Callable[..., VirtualCard]
BATCH = SignatureRequest(tuple(Document(data=bytes((n,))) for n in range(3)))


async def pins_sent(card: VirtualCard, pin: str) -> int:
    """Sign a batch; return how often the card was sent the PIN.

    Raises:
        PinError: it was refused.

    """
    provider = VirtualProvider()
    provider.insert(provider.readers()[0].name, card)
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    card.trace.recording = True
    try:
        await service.sign(LOCAL_USER, BATCH, SecretBytes.from_text(pin))
    finally:
        await service.close()
    return _verifies(card)


def _verifies(card: VirtualCard) -> int:
    return sum(command[1] == INS_VERIFY for command, _ in card.trace.exchanges)


async def test_each_document_takes_the_pin_once(make_card: CardFactory, generation: str) -> None:
    card = make_card(generation)
    assert await pins_sent(card, "123456") == len(BATCH.documents)
    assert card.data.attempts_left == MAX_ATTEMPTS


async def test_a_wrong_pin_costs_a_batch_one_attempt(
    make_card: CardFactory, generation: str
) -> None:
    card = make_card(generation)
    with pytest.raises(PinError) as error:
        await pins_sent(card, "654321")
    assert error.value.code is ErrorCode.PIN_INCORRECT
    assert _verifies(card) == 1
    assert card.data.attempts_left == MAX_ATTEMPTS - 1
