"""The panel's self-test spends a PIN attempt as every other door does: asked for, and once."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from agent.consent.consent import Ask
from agent.consent.local_user import LocalUserConsent
from agent.consent.process import ProcessPrompter
from agent.consent.questions import EnterPin, Locked, Prompter
from agent.errors import ErrorCode
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import VirtualProvider
from agent.web.panel.selftest import Outcome, SelfTest, SelfTestStep
from agent.words.catalogue import load
from agent.words.language import SOURCE
from tests.signing.attempts_support import READER, RIGHT, WRONG, verifies
from tests.signing.permission_support import MemoryPermissions
from tests.signing.prompt_support import Citizen, refuses, says, types


async def run(card: VirtualCard, citizen: Prompter) -> SelfTestStep:
    """Run it; return its last step, the signature."""
    card.trace.recording = True
    provider = VirtualProvider(readers=1)
    provider.insert(READER, card)
    consent = LocalUserConsent(Ask(MemoryPermissions(), citizen))
    service = SigningService(provider, consent, prompter=citizen)
    await service.start()
    try:
        component = SelfTestStep("component", Outcome.GOOD)
        test = SelfTest(service, component, lambda: datetime.now(UTC), None)
        return (await test.run(signature=True))[-1]
    finally:
        await service.close()


@pytest.mark.parametrize("real", [3, 2, 1])
async def test_a_right_pin_is_sent_once(make_card: Callable[..., VirtualCard], real: int) -> None:
    card, citizen = make_card(attempts_left=real), Citizen([types(RIGHT)])
    assert (await run(card, citizen)).outcome is Outcome.GOOD
    assert [type(each) for each in citizen.asked] == [EnterPin]
    assert (verifies(card), card.data.attempts_left) == (1, 3)


@pytest.mark.parametrize("real", [1, 0])
async def test_a_wrong_pin_says_that_the_card_is_locked(
    make_card: Callable[..., VirtualCard], real: int
) -> None:
    card, citizen = make_card(attempts_left=real), Citizen([types(WRONG), says(None)])
    step = await run(card, citizen)
    assert (step.outcome, step.code) == (Outcome.BAD, ErrorCode.PIN_LOCKED)
    assert [type(each) for each in citizen.asked] == [EnterPin, Locked]
    assert (verifies(card), card.data.attempts_left) == (1, 0)


async def test_who_closes_the_window_spends_nothing(make_card: Callable[..., VirtualCard]) -> None:
    card, citizen = make_card(), Citizen([refuses()])
    step = await run(card, citizen)
    assert (step.outcome, step.code) == (Outcome.BAD, ErrorCode.USER_CANCELLED)
    assert (verifies(card), card.data.attempts_left) == (0, 3)


async def test_where_no_window_opens_it_says_so_and_that_the_rest_was_tested(
    make_card: Callable[..., VirtualCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.consent.process.has_display", lambda: False)
    card = make_card()
    step = await run(card, ProcessPrompter(("no-such-program",)))
    assert (step.outcome, step.code) == (Outcome.BAD, ErrorCode.WINDOW_UNAVAILABLE)
    assert "all else was tested" in str(load(SOURCE)[f"panel.selftest.signature_{step.code}"])
    assert verifies(card) == 0
