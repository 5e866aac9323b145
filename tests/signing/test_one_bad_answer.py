"""One bad answer: its request or at the latest the next is right, and nobody pulls the card."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow
from agent.consent.questions import LastAttempt
from agent.errors import AgentError
from agent.signing.model import SignatureResult
from agent.signing.readers import Readers
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from tests.signing.odd_support import (
    READER,
    SELECT,
    SITE,
    VERIFY,
    OddCard,
    agent_at,
    agent_with,
    as_it_is,
    code_of,
    contents,
    exchange,
    is_read,
    list_all,
    noise_of,
    once,
    own,
    provider_of,
    require_lists,
    require_signs,
    sign,
    truth,
)

CardFactory = Callable[..., VirtualCard]
GET_DATA, INITIALIZE_UPDATE, EXTERNAL_AUTHENTICATE = 0xCA, 0x50, 0x82
Change = Callable[[bytes], bytes]


def flipped(position: int, bit: int) -> Change:
    """Return what flips one bit of an answer's data; positions beyond it count from its start."""

    def change(answer: bytes) -> bytes:
        data = bytearray(answer[:-2])
        if data:
            data[position % len(data)] ^= 1 << bit
        return bytes(data) + answer[-2:]

    return change


def answered(answer: bytes) -> Change:
    """Return what puts another answer in the place of any."""
    return lambda _: answer


class MisreadError(AssertionError):
    """A signature is the key's, but not all beside it is the card's."""


async def fails_or_is_right(service: SigningService, card: OddCard, verb: str) -> bool:
    """Ask once; return whether it succeeded. An answer that is wrong fails the test.

    Raises:
        MisreadError: see there.

    """
    before = card.verifies
    try:
        if verb == "list":
            assert contents(await list_all(service)) == truth(card)
        else:
            require_verifies(await sign(service), card)
    except AgentError:
        return False
    finally:
        assert card.verifies <= before + 1
        assert card.data.attempts_left == 3
    return True


def require_verifies(result: SignatureResult, card: OddCard) -> None:
    """Require a good signature beside the right certificate.

    Raises:
        MisreadError: the certificate is for the same key, but not the one on the card.

    """
    verified = verify(result.signatures[0])
    assert verified.content == b"hello"
    assert verified.certificate == result.certificate.facts.der
    if (verified.certificate, result.certificate.card_serial) != (own(card).der, card.serial):
        raise MisreadError


async def count_of(card: VirtualCard, verb: str, wanted: Callable[[bytes], bool]) -> int:
    """Return how many such commands a verb takes on a card that was not seen before."""
    odd = OddCard(card.data)
    async with agent_with(odd) as service:
        assert await fails_or_is_right(service, odd, verb)
    return sum(wanted(command) for command, _ in odd.commands)


async def require_recovery(
    card: OddCard, verb: str, seen_before: bool, change: Callable[[], None]
) -> None:
    """Disturb one request; require that the next one of each kind is right.

    A first signature has no time to read a certificate or number twice. Where nobody but a second
    reading would see that it was misread, the next listing has to.
    """
    async with agent_with(card) as service:
        if seen_before:
            await require_lists(service, card)
            await require_signs(service, card)
        change()
        try:
            await fails_or_is_right(service, card, verb)
        except MisreadError:
            assert not seen_before
            verb = "list"
        card.rewrite = as_it_is
        assert await fails_or_is_right(service, card, verb)
        await require_lists(service, card)
        await require_signs(service, card)


READ_CHANGES: dict[str, Change] = {
    "first byte": flipped(0, 0),
    "second byte": flipped(1, 4),
    "an early byte": flipped(9, 6),
    "a byte inside": flipped(101, 2),
    "last byte": flipped(-1, 7),
    "nothing, 9000": answered(b"\x90\x00"),
    "nothing, 6282": answered(b"\x62\x82"),
    "end of file": answered(b"\x6b\x00"),
    "cut, 9000": lambda answer: answer[:5] + b"\x90\x00",
    "cut, 6282": lambda answer: answer[: len(answer) // 2] + b"\x62\x82",
    "not found": answered(b"\x6a\x82"),
    "memory failure": answered(b"\x65\x81"),
    "noise": lambda answer: noise_of(len(answer) - 2) + answer[-2:],
    "one byte more": lambda answer: answer[:-2] + b"\x30" + answer[-2:],
    "twice": lambda answer: answer[:-2] + answer,
    "too long": answered(b"\x67\x00"),
    "another length": answered(b"\x6c\x10"),
    "protection": answered(b"\x69\x88"),
}


EVERY = 3
"""A list meets every flipped bit at every read; of the other changes a read meets a third."""


@pytest.mark.parametrize("verb", ["list", "sign"])
@pytest.mark.parametrize("name", READ_CHANGES)
async def test_each_read_once(
    make_card: CardFactory, generation: str, verb: str, name: str
) -> None:
    plain = make_card(generation)
    reads = await count_of(plain, verb, is_read)
    is_flip = verb == "list" and "byte" in name
    step = 1 if is_flip else EVERY
    first = 0 if is_flip else list(READ_CHANGES).index(name) % EVERY
    for seen_before, indexes in ((False, range(first, reads, step)), (True, range(1))):
        for index in indexes:
            card = OddCard(plain.data)

            def disturb(card: OddCard = card, index: int = index) -> None:
                card.rewrite = once(is_read, READ_CHANGES[name], index)

            await require_recovery(card, verb, seen_before, disturb)


@pytest.mark.parametrize("verb", ["list", "sign"])
@pytest.mark.parametrize("sw", [0x6A82, 0x6F00, 0x6982, 0x6E00, 0x6D00])
async def test_each_select_once(
    make_card: CardFactory, generation: str, verb: str, sw: int
) -> None:
    plain = make_card(generation)

    def is_select(command: bytes) -> bool:
        return command[1] == SELECT

    for index in range(await count_of(plain, verb, is_select)):
        card = OddCard(plain.data)

        def disturb(card: OddCard = card, index: int = index) -> None:
            card.rewrite = once(is_select, answered(sw.to_bytes(2, "big")), index)

        await require_recovery(card, verb, False, disturb)


@pytest.mark.parametrize("position", [2, 5, 11])
@pytest.mark.parametrize("seen_before", [False, True])
async def test_a_channel_identifier_that_was_misread(
    make_card: CardFactory, position: int, seen_before: bool
) -> None:
    card = OddCard(make_card("gen2").data)

    def is_identifier(command: bytes) -> bool:
        return command[:4] == b"\x80\xca\x00\x45"

    def disturb() -> None:
        card.rewrite = once(is_identifier, flipped(position, 3))

    await require_recovery(card, "sign", seen_before, disturb)


@pytest.mark.parametrize("ins", [GET_DATA, INITIALIZE_UPDATE, EXTERNAL_AUTHENTICATE])
@pytest.mark.parametrize("answer", [b"\x6f\x00", b"\x69\x82", b"\x90\x00", bytes(28) + b"\x90\x00"])
async def test_a_channel_that_failed_once(make_card: CardFactory, ins: int, answer: bytes) -> None:
    for seen_before in (False, True):
        card = OddCard(make_card("gen2").data)

        def disturb(card: OddCard = card) -> None:
            card.rewrite = once(lambda command: command[1] == ins, answered(answer))

        await require_recovery(card, "sign", seen_before, disturb)


async def test_a_certificate_that_is_misread_again_and_again_is_forgotten(
    make_card: CardFactory, generation: str
) -> None:
    """Whatever was misread of it: the first listing that reads it right is right."""
    plain = make_card(generation)
    der = own(plain).der
    for offset in range(0, len(der), 97):
        card = OddCard(plain.data)

        def misread(command: bytes, answer: bytes, offset: int = offset) -> bytes:
            start = int.from_bytes(command[2:4], "big")
            at = 0xE00 + offset - start
            if not is_read(command) or start < 0xE00 or not 0 <= at < len(answer) - 2:
                return answer
            return flipped(at, 1)(answer)

        async with agent_with(card) as service:
            card.rewrite = misread
            for _ in range(2):
                with suppress(MisreadError):
                    assert not await fails_or_is_right(service, card, "sign")
            card.rewrite = as_it_is
            await require_lists(service, card)
            await require_signs(service, card)


class NeverAsked(AlwaysAllow):
    """A citizen who must not be asked about a last attempt."""

    async def allow_last_attempt(self, question: LastAttempt) -> None:
        raise AssertionError(question)


async def test_pulls_before_verify_cost_no_attempt(make_card: CardFactory, generation: str) -> None:
    plain = make_card(generation)
    card = OddCard(plain.data)
    provider = provider_of(card)
    async with agent_at(provider, consent=NeverAsked()) as service:
        await require_signs(service, card)
        verify_at = verify_index(card)
        card.commands.clear()
        await require_signs(service, card)
        verify_at = verify_index(card)
        before = card.verifies
        for index in range(1, verify_at + 1):
            card.faults = replace(Faults(), remove_at=card.trace.commands + index)
            assert await code_of(sign(service)) is not None
            await exchange(service, provider, card)
        assert card.verifies == before
        card.faults = Faults()
        await require_signs(service, card)
        (view,) = service.snapshot().readers
        assert view.attempts_left == 3


def verify_index(card: OddCard) -> int:
    """Return how many commands came before and with the first VERIFY."""
    return next(n for n, (command, _) in enumerate(card.commands, 1) if command[1] == VERIFY)


async def test_pulls_of_a_card_not_seen_before_cost_no_attempt(
    make_card: CardFactory, generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The commands of the signatures are counted, and none are to come between.
    monkeypatch.setattr(Readers, "_identify_later", lambda *_: None)
    plain = make_card(generation)
    reference = OddCard(plain.data)
    async with agent_with(reference) as service:
        await require_signs(service, reference)
    card = OddCard(plain.data)
    provider = provider_of(card)
    async with agent_at(provider, consent=NeverAsked()) as service:
        for index in range(1, verify_index(reference) + 1):
            card.faults = replace(Faults(), remove_at=card.trace.commands + index)
            await code_of(sign(service))
            await exchange(service, provider, card)
            assert card.data.attempts_left == 3
        card.faults = Faults()
        await require_signs(service, card)
        assert service.snapshot().readers[0].attempts_left == 3
        assert await code_of(service.certificates(SITE, READER)) is None
