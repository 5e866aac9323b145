"""Tokens that show their certificates after a login alone: nobody logs in unasked."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.cards.pkcs11.cryptoki_types import KeyType
from agent.cards.pkcs11.module_client import TokenModule, TokenRefusalError
from agent.cards.pkcs11.token_source import TokenSource
from agent.cards.pkcs11.token_wire import (
    CloseToken,
    Loaded,
    OpenToken,
    ReadToken,
    Reason,
    SignWithToken,
    TokenContents,
    TokenSignatures,
)
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow
from agent.consent.questions import CardFacts, ChooseCard, EnterPin, Prompt
from agent.errors import ErrorCode
from agent.history.store import History
from agent.history.store import read as history_read
from agent.origin import LOCAL_USER
from agent.pki.reading import read_certificate
from agent.secret import SecretBytes
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.signing.prompt_support import SITE, Citizen, refuses, says, types
from tests.token.token_service import (
    HELLO,
    ONE,
    STUB_READER,
    calls,
    code_of,
    service_with,
    softhsm_service,
)
from tests.token.token_support import HOLDER, SOFTHSM, HeldKey, module_of, only_token, secret

Stub = Callable[[str], Path]
MakeModule = Callable[..., TokenModule]
SoftHsm = Callable[..., list[HeldKey]]
TWO = SignatureRequest((HELLO, Document(data=b"more")))


async def test_the_pin_of_the_window_is_enough(softhsm: SoftHsm) -> None:
    (held,) = softhsm("rsa2048!", private=True)
    citizen = Citizen([types("654321")])
    async with service_with(SOFTHSM, "SoftHSM", citizen) as service:
        assert (await code_of(service.certificates(SITE)))[0] is ErrorCode.PIN_REQUIRED
        made = await service.sign(SITE, TWO, None)
        assert [verify(each).certificate for each in made.signatures] == [held.certificate] * 2
        # Nothing of it is remembered.
        assert (await code_of(service.certificates(SITE)))[0] is ErrorCode.PIN_REQUIRED
    (asked,) = citizen.asked
    assert isinstance(asked, EnterPin)
    assert (asked.card.holder, asked.card.hidden) == (None, True)


async def test_the_pin_is_sent_once(stub: Stub, stub_log: Path) -> None:
    async with service_with(stub("private")) as service:
        assert (await service.sign(LOCAL_USER, TWO, secret())).signatures
        assert calls(stub_log).count("login") == 1
        assert calls(stub_log).splitlines()[-1].startswith("close")


async def test_it_is_typed_once_on_a_keypad(stub: Stub, stub_log: Path) -> None:
    citizen = Citizen([says(SecretBytes(bytearray()))])
    async with service_with(stub("private protected"), citizen=citizen) as service:
        assert (await service.sign(SITE, ONE, None)).signatures
    assert calls(stub_log).count("login 0\n") == 1


async def test_a_wrong_pin_is_asked_for_again_and_never_sent_again(
    stub: Stub, stub_log: Path
) -> None:
    citizen = Citizen([types("000000"), types("654321")])
    async with service_with(stub("private"), citizen=citizen) as service:
        assert (await service.sign(SITE, ONE, None)).signatures
    assert [each.was_wrong for each in citizen.asked if isinstance(each, EnterPin)] == [False, True]
    assert calls(stub_log).count("login") == 2


async def test_a_pin_of_a_page_is_not_sent_unasked(
    stub: Stub, stub_file: Path, stub_log: Path
) -> None:
    citizen = Citizen([refuses()])
    known = read_certificate(stub_file.with_name("stub.cer").read_bytes()).thumbprint
    async with service_with(stub("private"), citizen=citizen) as service:
        request = SignatureRequest((HELLO,), certificate=known)
        code, _ = await code_of(service.sign(SITE, request, secret()))
    assert code is ErrorCode.USER_CANCELLED
    assert isinstance(citizen.asked[0], EnterPin)
    assert "login" not in calls(stub_log)


async def test_one_that_came_in_the_place_of_another_is_sent_nothing(
    stub: Stub, stub_file: Path, stub_log: Path
) -> None:
    """The certificate was seen, so what hides its certificates is another token."""
    seen = read_certificate(stub_file.with_name("stub.cer").read_bytes()).thumbprint
    request = SignatureRequest((HELLO,), certificate=seen, found_here=True)
    async with service_with(stub("private")) as service:
        code, _ = await code_of(service.sign(LOCAL_USER, request, secret()))
    assert code is ErrorCode.PIN_REQUIRED
    assert "login" not in calls(stub_log)


async def test_of_several_keys_one_has_to_be_named(softhsm: SoftHsm) -> None:
    _, second = softhsm("rsa2048", "p256", private=True)
    async with softhsm_service() as service:
        code, _ = await code_of(service.sign(LOCAL_USER, ONE, secret()))
        assert code is ErrorCode.KEY_NOT_FOUND
        wanted = read_certificate(second.certificate).thumbprint
        named = SignatureRequest((HELLO,), certificate=wanted)
        made = await service.sign(LOCAL_USER, named, secret())
        assert verify(made.signatures[0]).certificate == second.certificate


def second_card(asked: Prompt[Any]) -> CardFacts:
    assert isinstance(asked, ChooseCard)
    return asked.cards[1]


async def test_it_can_be_chosen_beside_a_card(
    stub: Stub, make_card: Callable[..., VirtualCard]
) -> None:
    provider = VirtualProvider(readers=1)
    provider.insert(READER_NAME.format(0), make_card())
    citizen = Citizen([second_card, types("654321")])
    async with service_with(stub("private"), citizen=citizen, provider=provider) as service:
        made = await service.sign(SITE, ONE, None)
        assert made.certificate.reader == STUB_READER
    choice = citizen.asked[0]
    assert isinstance(choice, ChooseCard)
    assert [each.hidden for each in choice.cards] == [False, True]


async def test_a_wrong_pin_has_its_line_in_the_history(stub: Stub, tmp_path: Path) -> None:
    history = await asyncio.to_thread(History, tmp_path / "history.sqlite")
    source = TokenSource([module_of(stub("private"))])
    provider = VirtualProvider(readers=0)
    service = SigningService(provider, AlwaysAllow(), history=history, tokens=source)
    await service.start()
    code, _ = await code_of(service.sign(LOCAL_USER, ONE, secret(b"000000")))
    assert code is ErrorCode.PIN_INCORRECT
    await service.sign(LOCAL_USER, ONE, secret())
    await service.close()
    await asyncio.to_thread(history.close)
    good, wrong = (line.entry for line in history_read(tmp_path / "history.sqlite"))
    assert (wrong.outcome, wrong.card_serial, wrong.holder) == ("pin_incorrect", "1", None)
    assert (good.outcome, good.card_serial, good.holder) == ("done", "1", HOLDER)


# The module's process.


def opening(module: TokenModule) -> OpenToken:
    token = only_token(module)
    return OpenToken(token.slot, token.identity)


def signing(module: TokenModule) -> SignWithToken:
    token = only_token(module)
    info = HashAlgorithm.SHA256.digest_info(HashAlgorithm.SHA256.digest(b"hello"))
    return SignWithToken(token.slot, token.identity, b"\1", KeyType.RSA, (info,))


def test_a_login_lasts_until_the_signature_and_no_longer(
    stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module("private")
    for logins in (1, 2):
        opened = module.ask(opening(module), TokenContents, secret())
        assert len(opened.certificates) == 1
        only_token(module)  # somebody looks meanwhile
        assert module.ask(signing(module), TokenSignatures, secret()).signatures
        assert calls(stub_log).count("login") == logins


def test_a_login_ends_when_it_is_not_needed(stub_module: MakeModule, stub_log: Path) -> None:
    module = stub_module("private")
    assert module.ask(CloseToken(), Loaded)
    token = only_token(module)
    for end, kind in ((CloseToken(), Loaded), (ReadToken(token.slot, token.identity), None)):
        module.ask(opening(module), TokenContents, secret())
        answer = module.ask(end, kind or TokenContents)
        assert kind is Loaded or answer == TokenContents(token, ())
        assert calls(stub_log).splitlines()[-1].startswith("close")
    assert module.ask(signing(module), TokenSignatures, secret()).signatures
    assert calls(stub_log).count("login") == 3


def test_a_token_that_cannot_be_read_after_the_login_is_closed(
    stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module("lie-objects")
    with pytest.raises(TokenRefusalError) as caught:
        module.ask(opening(module), TokenContents, secret())
    assert (caught.value.refusal.reason, caught.value.refusal.secret_used) == (Reason.FAILED, True)
    assert calls(stub_log).splitlines()[-2:] == ["login 6", "close 0"]


def test_a_process_that_ends_takes_its_login_along(stub_module: MakeModule, stub_log: Path) -> None:
    module = stub_module("private")
    module.ask(opening(module), TokenContents, secret())
    process = module._process
    assert process is not None
    process.kill()
    process.wait()
    assert module.ask(signing(module), TokenSignatures, secret()).signatures
    assert calls(stub_log).count("login") == 2
