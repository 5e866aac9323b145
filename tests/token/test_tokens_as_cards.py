"""Tokens in the use cases: what a person or a page has of them is what they have of a card."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.cards.pkcs11.cryptoki_types import TokenFlag
from agent.cards.pkcs11.token_source import TokenSlot
from agent.cards.pkcs11.token_wire import TokenState
from agent.cms.document import Document
from agent.cms.verify import verify
from agent.consent.questions import AllowSite, EnterPin, LastAttempt, Locked, SiteAnswer
from agent.errors import ErrorCode
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing import token_watch
from agent.signing.card_watch import while_cards_stay
from agent.signing.model import (
    CardPresence,
    DecryptFormat,
    DecryptionRequest,
    SignatureFormat,
    SignatureRequest,
)
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.signing.prompt_support import OTHER, SITE, Citizen, refuses, says, types
from tests.token.token_service import (
    HELLO,
    ONE,
    STUB_READER,
    calls,
    code_of,
    service_with,
    softhsm_service,
)
from tests.token.token_support import HOLDER, SOFTHSM, HeldKey, secret

Stub = Callable[[str], Path]
SoftHsm = Callable[..., list[HeldKey]]
CardFactory = Callable[..., VirtualCard]


@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "p256", "p384", "rsa2048!"])
async def test_a_token_signs_as_a_card_does(kind: str, softhsm: SoftHsm) -> None:
    (held,) = softhsm(kind)
    async with softhsm_service() as service:
        (shown,) = (await service.certificates(LOCAL_USER)).certificates
        assert (shown.id, shown.facts.der, shown.label) == ("SIGN", held.certificate, "Key 01")
        (view,) = service.snapshot().readers
        assert (view.state, view.generation) == (CardPresence.CARD, "pkcs11")
        typed = secret()
        many = SignatureRequest((HELLO, Document(data=b"more")))
        made = await service.sign(LOCAL_USER, many, typed)
        assert typed.wiped
        assert made.certificate.facts.subject_cn == HOLDER
        assert verify(made.signatures[0]).certificate == held.certificate
        bare = SignatureFormat.PKCS1 if kind.startswith("rsa") else SignatureFormat.ECDSA
        request = SignatureRequest((HELLO,), format=bare)
        assert (await service.sign(LOCAL_USER, request, secret())).signatures[0]


async def test_of_several_keys_one_has_to_be_named(softhsm: SoftHsm) -> None:
    first, second = softhsm("rsa2048", "p256")
    async with softhsm_service() as service:
        found = {
            each.facts.der: each for each in (await service.certificates(LOCAL_USER)).certificates
        }
        assert {each.id for each in found.values()} == {"01", "02"}
        assert await code_of(service.sign(LOCAL_USER, ONE, secret())) == (
            ErrorCode.KEY_NOT_FOUND,
            None,
        )
        for held in (first, second):
            wanted = found[held.certificate].facts.thumbprint
            request = SignatureRequest((HELLO,), certificate=wanted)
            made = await service.sign(LOCAL_USER, request, secret())
            assert verify(made.signatures[0]).certificate == held.certificate


async def test_nothing_is_decrypted_and_no_pin_sent_for_it(stub: Stub, stub_log: Path) -> None:
    async with service_with(stub("")) as service:
        request = DecryptionRequest(bytes(256), DecryptFormat.PKCS1)
        code, _ = await code_of(service.decrypt(LOCAL_USER, request, secret()))
    assert code is ErrorCode.KEY_NOT_FOUND
    assert "login" not in calls(stub_log)


async def test_a_wrong_pin_is_asked_for_again_and_the_token_says_how_it_stands(
    softhsm: SoftHsm,
) -> None:
    softhsm("p256")
    citizen = Citizen([types("000000"), types("654321")])
    async with service_with(SOFTHSM, "SoftHSM", citizen) as service:
        await service.sign(SITE, ONE, None)
    first, second = citizen.asked
    assert isinstance(first, EnterPin)
    assert isinstance(second, EnterPin)
    assert (first.attempts_left, first.few_left, first.was_wrong) == (None, False, False)
    assert (second.attempts_left, second.few_left, second.was_wrong) == (None, True, True)
    assert (first.min_length, first.max_length) == (4, 64)
    assert first.card.generation == "pkcs11"


async def named(service: SigningService) -> SignatureRequest:
    """Return what names the token's certificate."""
    (found, *_) = (await service.certificates(SITE)).certificates
    return replace(ONE, certificate=found.facts.thumbprint)


async def test_a_pin_of_a_page_is_not_sent_to_a_token_that_it_does_not_name(
    stub: Stub, stub_log: Path
) -> None:
    citizen = Citizen([refuses(), refuses()])
    async with service_with(stub(""), citizen=citizen) as service:
        for where in (None, STUB_READER):
            await code_of(service.sign(SITE, replace(ONE, reader=where), secret()))
    assert [type(each) for each in citizen.asked] == [EnterPin, EnterPin]
    assert "login" not in calls(stub_log)


async def test_a_pin_of_a_page_is_not_sent_unasked(stub: Stub, stub_log: Path) -> None:
    citizen = Citizen([says(False)])
    async with service_with(stub(""), citizen=citizen) as service:
        code, _ = await code_of(service.sign(SITE, await named(service), secret()))
    assert code is ErrorCode.PIN_LAST_ATTEMPT
    (asked,) = citizen.asked
    assert isinstance(asked, LastAttempt)
    assert asked.attempts_left is None
    assert "login" not in calls(stub_log)


async def test_a_leave_for_a_page_is_none_where_attempts_were_used_up(
    stub: Stub, stub_log: Path
) -> None:
    citizen = Citizen([says(SiteAnswer.ALWAYS), says(False)])
    async with service_with(stub("count-low"), citizen=citizen) as service:
        code, _ = await code_of(service.sign(OTHER, await named(service), secret()))
    assert code is ErrorCode.PIN_LAST_ATTEMPT
    allow, last = citizen.asked
    assert isinstance(allow, AllowSite)
    assert allow.attempts_unknown
    assert isinstance(last, LastAttempt)
    assert "login" not in calls(stub_log)


async def test_a_token_that_takes_another_ones_place_ends_the_question(stub: Stub) -> None:
    async with service_with(stub("")) as service:
        readers = service._readers
        await service.look_at_tokens()
        asked = asyncio.Event()

        async def ask() -> None:
            asked.set()
            await asyncio.Event().wait()

        asking = asyncio.ensure_future(while_cards_stay(readers, [STUB_READER], ask))
        await asked.wait()
        slot = readers._seats[STUB_READER].token
        assert slot is not None
        readers._take_tokens((replace(slot, state=replace(slot.state, identity=bytes(96))),))
        assert await code_of(asyncio.wait_for(asking, 20)) == (ErrorCode.CARD_REMOVED, None)


async def test_the_final_try_is_a_question_of_its_own(stub: Stub, stub_log: Path) -> None:
    citizen = Citizen([says(False)])
    async with service_with(stub("final-try"), citizen=citizen) as service:
        assert await code_of(service.sign(SITE, ONE, None)) == (ErrorCode.PIN_LAST_ATTEMPT, 1)
    assert isinstance(citizen.asked[0], LastAttempt)
    assert "login" not in calls(stub_log)


async def test_a_locked_token_is_told_of_and_asks_for_no_pin(stub: Stub, stub_log: Path) -> None:
    citizen = Citizen([says(None)])
    async with service_with(stub("locked"), citizen=citizen) as service:
        assert await code_of(service.sign(SITE, ONE, None)) == (ErrorCode.PIN_LOCKED, 0)
    assert isinstance(citizen.asked[0], Locked)
    assert "login" not in calls(stub_log)


async def test_a_pin_is_typed_on_the_keypad_where_there_is_one(stub: Stub, stub_log: Path) -> None:
    citizen = Citizen([lambda _: SecretBytes(bytearray())] * 2)
    async with service_with(stub("protected"), citizen=citizen) as service:
        for given in (None, secret()):  # a page's own PIN is of no use there
            assert (await service.sign(SITE, ONE, given)).signatures
        (view,) = service.snapshot().readers
        assert view.keypad
    assert all(isinstance(each, EnterPin) and each.keypad for each in citizen.asked)
    assert len(citizen.asked) == 2
    assert calls(stub_log).count("login 0\n") == 2


async def test_a_person_without_windows_is_told_of_the_keypad(stub: Stub) -> None:
    async with service_with(stub("protected")) as service:
        assert await code_of(service.sign(LOCAL_USER, ONE, secret())) == (
            ErrorCode.PIN_REQUIRED,
            None,
        )
        nothing = SecretBytes(bytearray())
        assert (await service.sign(LOCAL_USER, ONE, nothing)).signatures


async def test_a_token_that_shows_nothing_is_never_logged_in_unasked(
    stub: Stub, stub_log: Path
) -> None:
    async with service_with(stub("private")) as service:
        code, _ = await code_of(service.certificates(LOCAL_USER))
        assert code is ErrorCode.PIN_REQUIRED
        assert service.snapshot().readers[0].state is CardPresence.CARD
    assert "login" not in calls(stub_log)


@pytest.mark.parametrize("fault", ["wrong-sign", "lie-sign", "empty-sign"])
async def test_what_is_no_signature_is_no_answer(fault: str, stub: Stub) -> None:
    async with service_with(stub(fault)) as service:
        assert (await code_of(service.sign(LOCAL_USER, ONE, secret())))[0] is ErrorCode.CARD_ERROR


async def test_a_module_that_dies_is_named_and_the_next_request_works(stub: Stub) -> None:
    async with service_with(stub("")) as service:
        await service.sign(LOCAL_USER, ONE, secret())
        service._readers._source._modules[0].close()
        stub("crash-sign")
        service._readers._source._modules[0]._closed = False
        code, _ = await code_of(service.sign(LOCAL_USER, ONE, secret()))
        assert code is ErrorCode.TOKEN_MODULE_FAILED
        stub("")
        assert (await service.sign(LOCAL_USER, ONE, secret())).signatures


async def test_a_module_that_cannot_begin_harms_no_card(stub: Stub, make_card: CardFactory) -> None:
    provider = VirtualProvider(readers=1)
    provider.insert(READER_NAME.format(0), make_card())
    async with service_with(stub("crash-initialize"), provider=provider) as service:
        assert (await service.sign(LOCAL_USER, ONE, secret(b"123456"))).signatures
        assert "Stub" in service._readers.tokens.problems


async def test_a_card_that_a_module_sees_too_is_there_once(
    stub: Stub, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = READER_NAME.format(0)
    monkeypatch.setenv("STUB_SLOT", f"{reader} [slot 1]")
    provider = VirtualProvider(readers=1)
    provider.insert(reader, make_card())
    async with service_with(stub(""), provider=provider) as service:
        await service.look_at_tokens()
        assert [view.name for view in service.snapshot().readers] == [reader]
        twin = SignatureRequest((HELLO,), reader=f"{reader} [slot 1] (Stub)")
        assert twin.reader in service._readers._seats
        code, _ = await code_of(service.sign(LOCAL_USER, twin, secret()))
        assert code is ErrorCode.NO_READER
        async with service.subscribe() as changes:
            provider.remove(reader)
            while len(service.snapshot().readers) != 1 or (
                service.snapshot().readers[0].name == reader
            ):
                await asyncio.wait_for(changes.get(), 20)
        assert service.snapshot().readers[0].generation == "pkcs11"


@pytest.mark.parametrize(
    ("description", "reader", "same"),
    [
        ("ACME 1", "ACME 1", True),
        ("ACME 1 [slot 0]", "ACME 1", True),
        ("ACME 10", "ACME 1", False),
        ("ACME 1", "ACME 10", False),
        ("A" * 64, "A" * 70, True),
    ],
)
def test_a_slot_is_told_by_the_whole_name_of_its_reader(
    description: str, reader: str, same: bool
) -> None:
    filled = description.encode().ljust(64)
    state = TokenState(7, filled, bytes(96), TokenFlag(0), 4, 8)
    assert TokenSlot("", 0, state).is_in(reader) is same


async def test_tokens_come_and_go_while_somebody_looks(stub: Stub) -> None:
    async with service_with(stub("pulled")) as service:
        async with service.subscribe() as changes:
            module = service._readers._source._modules[0]
            await service.look_at_tokens()
            assert service.snapshot().readers == ()
            stub("")
            process = module._process
            assert process is not None
            process.kill()
            while not service.snapshot().readers:
                await asyncio.wait_for(changes.get(), 20)
        assert service.snapshot().readers[0].name == STUB_READER
    assert module.process_id is None


async def test_nobody_asks_a_module_while_nobody_looks(stub: Stub) -> None:
    async with service_with(stub("")) as service:
        module = service._readers._source._modules[0]
        with service.watch(lambda: None):
            await asyncio.sleep(0.05)
        assert module.process_id is None


async def test_in_the_back_no_module_keeps_a_card_between_requests(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_watch, "PAUSE", 0.01)
    async with service_with(stub("")) as service:
        module, watch = service._readers._source._modules[0], service._readers.tokens
        async with service.subscribe():
            await service.look_at_tokens()
            assert module.process_id is not None
            for _ in range(3):
                service.leave_cards(True)
            assert watch._ending is not None
            async with asyncio.timeout(20):
                await watch._ending
                while module.process_id is not None:  # a look that had begun
                    service.leave_cards(True)
                    await asyncio.sleep(0.01)
            service.leave_cards(False)
            async with asyncio.timeout(20):
                while module.process_id is None:  # noqa: ASYNC110  # its own thread starts it
                    await asyncio.sleep(0.01)
            service.leave_cards(True)
            assert (await service.certificates(SITE)).certificates  # who asks is still served
