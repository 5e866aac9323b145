"""The card's number is what its attempts are remembered by."""

from dataclasses import replace
from random import Random

import pytest

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow, Refuse
from agent.consent.questions import LastAttempt
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.model import CITIZEN_GENERATIONS, Generation
from tests.faults.card import FaultyCard
from tests.faults.cell import SITE, card_data
from tests.faults.doors import VirtualDoor

READS_NUMBER = 4  # the command after the root and two files were selected


class NoLastAttempt(AlwaysAllow):
    async def allow_last_attempt(self, question: LastAttempt) -> None:
        await Refuse("not now").allow_last_attempt(question)


def _another_number(card: FaultyCard, command: bytes, _random: Random) -> bytes:
    answer = bytearray(card.carry_out(command))
    answer[15] ^= 1
    return bytes(answer)


@pytest.mark.parametrize("generation", CITIZEN_GENERATIONS)
async def test_a_misread_number_does_not_spend_the_last_attempt_unasked(
    generation: Generation,
) -> None:
    door = VirtualDoor()
    card = door.lay(replace(card_data(generation), attempts_left=2))
    service = SigningService(door.provider(), NoLastAttempt())
    await service.start()
    try:
        codes = []
        for _ in range(2):
            asked = service.sign(
                SITE, SignatureRequest((Document(data=b"x"),)), SecretBytes.from_text("654321")
            )
            with pytest.raises(AgentError) as error:
                await asked
            codes.append((error.value.code, error.value.attempts_left))
            card.arm(_another_number, READS_NUMBER, "")
        assert codes == [(ErrorCode.PIN_INCORRECT, 1), (ErrorCode.PIN_LAST_ATTEMPT, 1)]
        assert card.data.attempts_left == 1
    finally:
        await service.close()
