"""A PIN that the citizen types in our own window, from the request to the signature."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow, Ask
from agent.consent.joining import JoiningPrompter
from agent.consent.permissions import Permission
from agent.consent.questions import (
    MAX_NAME,
    Act,
    CardFacts,
    EnterPin,
    LastAttempt,
    Locked,
    Prompter,
)
from agent.consent.queue import PromptQueue
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes
from agent.signing.model import (
    DecryptFormat,
    DecryptionRequest,
    SignatureFormat,
    SignatureRequest,
)
from agent.signing.service import SigningService
from agent.signing.sign_task import signing_purpose
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import Validity
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.hipki.popup_prompter import PopupPrompter
from tests.conftest import TEST_NAME
from tests.signing.permission_support import MemoryPermissions
from tests.signing.prompt_support import SITE, Answer, Citizen, refuses, says, types

CardFactory = Callable[..., VirtualCard]
READER = READER_NAME.format(0)
RIGHT = "123456"
WRONG = "654321"
ONE = SignatureRequest((Document(data=b"hello", name="hello.txt"),))


@asynccontextmanager
async def desk(
    card: VirtualCard, prompter: Prompter, *, last_try: bool = True
) -> AsyncIterator[tuple[SigningService, VirtualProvider]]:
    """Run a service for which ``prompter`` asks, with one card in its one reader."""
    provider = VirtualProvider(readers=1)
    provider.insert(READER, card)
    permissions = MemoryPermissions()
    permissions.remember(SITE, Permission.ALLOWED)
    consent = Ask(permissions, prompter)
    service = SigningService(provider, consent, prompter=prompter, last_try=last_try)
    await service.start()
    try:
        yield service, provider
    finally:
        await service.close()


async def code_of(awaitable: object) -> tuple[ErrorCode, int | None]:
    with pytest.raises(AgentError) as error:
        await awaitable  # type: ignore[misc]
    return error.value.code, error.value.attempts_left


def kinds(citizen: Citizen) -> list[str]:
    return [type(prompt).__name__ for prompt in citizen.asked]


async def test_the_citizen_is_told_who_asks_for_what_with_which_card(
    make_card: CardFactory, generation: str
) -> None:
    card = make_card(generation)
    citizen = Citizen([types(RIGHT)])
    async with desk(card, citizen) as (service, _):
        result = await service.sign(SITE, ONE, None)
    assert verify(result.signatures[0]).content == b"hello"
    (asked,) = citizen.asked
    assert isinstance(asked, EnterPin)
    assert asked.site == SITE
    assert asked.purpose.act is Act.SIGN
    assert asked.purpose.count == 1
    (document,) = asked.purpose.documents
    assert document.name == "hello.txt"
    assert document.digest == HashAlgorithm.SHA256.digest(b"hello")
    assert asked.card == CardFacts(READER, generation, card.data.serial, TEST_NAME, virtual=True)
    assert (asked.attempts_left, asked.was_wrong) == (None, False)
    assert [secret.buffer for secret in citizen.typed] == [bytes(6)]


@pytest.mark.parametrize("gives", ["page", "window"])
async def test_who_is_forbidden_while_the_citizen_is_asked_gets_no_signature(
    make_card: CardFactory, gives: str
) -> None:
    """By a policy that is read again, or by the citizen in the panel: no attempt is spent."""
    card = make_card()
    provider = VirtualProvider(readers=1)
    provider.insert(READER, card)
    permissions = MemoryPermissions()
    permissions.remember(SITE, Permission.ALLOWED)

    def block(answer: object) -> Answer:
        def say(_: object) -> object:
            permissions.remember(SITE, Permission.BLOCKED)
            return answer

        return say

    pin = SecretBytes.from_text(WRONG)
    citizen = Citizen([block(True if gives == "page" else pin)])
    service = SigningService(provider, Ask(permissions, citizen), prompter=citizen)
    await service.start()
    try:
        given = pin if gives == "page" else None
        assert (await code_of(service.sign(SITE, ONE, given)))[0] is ErrorCode.ORIGIN_BLOCKED
    finally:
        await service.close()
    assert kinds(citizen) == ["LastAttempt" if gives == "page" else "EnterPin"]
    assert card.data.attempts_left == 3
    assert pin.buffer == bytes(6)


async def test_of_many_documents_each_is_listed_and_all_are_counted(make_card: CardFactory) -> None:
    digests = [bytes((number,)) * 32 for number in range(5)]
    documents = tuple(Document(digest=digest) for digest in digests)
    citizen = Citizen([types(RIGHT)])
    async with desk(make_card(), citizen) as (service, _):
        request = SignatureRequest(documents, format=SignatureFormat.CMS_DETACHED)
        assert len((await service.sign(SITE, request, None)).signatures) == 5
    (asked,) = citizen.asked
    assert isinstance(asked, EnterPin)
    assert [document.digest for document in asked.purpose.documents] == digests
    assert asked.purpose.count == 5


def test_a_name_too_long_for_a_window_keeps_its_ends() -> None:
    names = ("x" * 255, "合約" * 200 + ".pdf.exe", None)
    request = SignatureRequest(tuple(Document(data=b"", name=name) for name in names))
    whole, cut, none = (document.name for document in signing_purpose(request).documents)
    assert (whole, none) == (names[0], None)
    assert cut is not None
    assert len(cut) == MAX_NAME
    assert cut.startswith("合約合約")
    assert cut.endswith("合約.pdf.exe")


async def test_decrypting_is_named_so(make_card: CardFactory, generation: str) -> None:
    citizen = Citizen([types(RIGHT)])
    async with desk(make_card(generation), citizen) as (service, _):
        (keyx,) = (c for c in (await service.certificates(SITE)).certificates if c.id == "KEYX")
        key = keyx.facts.public_key
        assert isinstance(key, RSAPublicKey)
        sealed = key.encrypt(b"a secret", PKCS1v15())
        request = DecryptionRequest(sealed, DecryptFormat.PKCS1)
        assert await service.decrypt(SITE, request, None) == b"a secret"
    (asked,) = citizen.asked
    assert isinstance(asked, EnterPin)
    assert asked.purpose.act is Act.DECRYPT


async def test_a_wrong_pin_is_asked_for_again_and_never_sent_twice(make_card: CardFactory) -> None:
    card = make_card()
    citizen = Citizen([types(WRONG), types(RIGHT)])
    async with desk(card, citizen) as (service, _):
        assert (await service.sign(SITE, ONE, None)).signatures
    shown = [(p.attempts_left, p.was_wrong) for p in citizen.asked if isinstance(p, EnterPin)]
    assert shown == [(None, False), (2, True)]
    assert card.data.attempts_left == 3
    assert all(secret.buffer == bytes(6) for secret in citizen.typed)


async def test_the_last_attempt_has_a_window_of_its_own(make_card: CardFactory) -> None:
    card = make_card()
    citizen = Citizen([types(WRONG), types(WRONG), says(True), types(RIGHT)])
    async with desk(card, citizen) as (service, _):
        assert (await service.sign(SITE, ONE, None)).signatures
    assert kinds(citizen) == ["EnterPin", "EnterPin", "LastAttempt", "EnterPin"]
    last = citizen.asked[2]
    assert isinstance(last, LastAttempt)
    assert (last.attempts_left, last.pin_given) == (1, False)
    assert last.card.holder == TEST_NAME


async def test_who_declines_the_last_attempt_keeps_it(make_card: CardFactory) -> None:
    card = make_card(attempts_left=2)
    citizen = Citizen([types(WRONG), says(False)])
    async with desk(card, citizen) as (service, _):
        asked = service.sign(SITE, ONE, None)
        assert await code_of(asked) == (ErrorCode.PIN_LAST_ATTEMPT, 1)
    assert kinds(citizen) == ["EnterPin", "LastAttempt"]
    assert card.data.attempts_left == 1


async def test_a_policy_can_forbid_the_last_attempt(make_card: CardFactory) -> None:
    card = make_card(attempts_left=2)
    citizen = Citizen([types(WRONG)])
    async with desk(card, citizen, last_try=False) as (service, _):
        for pin in (None, SecretBytes.from_text(RIGHT)):
            asked = service.sign(SITE, ONE, pin)
            assert await code_of(asked) == (ErrorCode.PIN_LAST_ATTEMPT, 1)
    assert kinds(citizen) == ["EnterPin"]
    assert card.data.attempts_left == 1


@pytest.mark.parametrize("seen", [says(None), refuses(ErrorCode.TIMEOUT)])
async def test_a_locked_card_says_what_to_do_now(make_card: CardFactory, seen: Answer) -> None:
    card = make_card(attempts_left=1)
    citizen = Citizen([types(WRONG), seen])
    async with desk(card, citizen) as (service, _):
        assert await code_of(service.sign(SITE, ONE, None)) == (ErrorCode.PIN_LOCKED, 0)
        told = citizen.asked[-1]
        assert isinstance(told, Locked)
        assert told.card.serial == card.data.serial


async def test_a_page_s_pin_for_the_last_attempt_is_confirmed_with_the_card_shown(
    make_card: CardFactory,
) -> None:
    card = make_card()
    citizen = Citizen([says(True), says(True), says(True)])
    async with desk(card, citizen) as (service, _):
        for left in (2, 1):
            asked = service.sign(SITE, ONE, SecretBytes.from_text(WRONG))
            assert await code_of(asked) == (ErrorCode.PIN_INCORRECT, left)
        assert (await service.sign(SITE, ONE, SecretBytes.from_text(RIGHT))).signatures
    assert [window.attempts_left for window in citizen.asked] == [None, 2, 1]
    for window in citizen.asked:
        assert isinstance(window, LastAttempt)
        assert window.pin_given
        assert window.card.serial == card.data.serial


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.USER_CANCELLED,
        ErrorCode.TIMEOUT,
        ErrorCode.PIN_REQUIRED,
        ErrorCode.ORIGIN_BLOCKED,
    ],
)
async def test_a_window_without_an_answer_ends_the_request(
    make_card: CardFactory, code: ErrorCode
) -> None:
    card = make_card()
    async with desk(card, Citizen([refuses(code)])) as (service, _):
        assert (await code_of(service.sign(SITE, ONE, None)))[0] is code
    assert card.data.attempts_left == 3


async def test_nobody_is_asked_what_the_card_cannot_do(make_card: CardFactory) -> None:
    citizen = Citizen()
    async with desk(make_card(validity=Validity.EXPIRED), citizen) as (service, _):
        asked = service.sign(SITE, ONE, None)
        assert (await code_of(asked))[0] is ErrorCode.CERTIFICATE_EXPIRED
        other = SignatureRequest(ONE.documents, certificate=bytes(32))
        assert (await code_of(service.sign(SITE, other, None)))[0] is ErrorCode.KEY_NOT_FOUND
    assert citizen.asked == []


async def test_while_the_citizen_types_the_card_is_free_for_others(make_card: CardFactory) -> None:
    citizen = Citizen()
    async with desk(make_card(), citizen) as (service, provider):
        asking = asyncio.create_task(service.sign(SITE, ONE, None))
        await citizen.shown()
        connection = await asyncio.to_thread(provider.open, READER)
        await asyncio.to_thread(connection.begin)
        connection.end(reset=True)
        connection.close()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert citizen.cancelled == 1


async def test_pulling_the_card_closes_the_window(make_card: CardFactory) -> None:
    citizen = Citizen()
    async with desk(make_card(), citizen) as (service, provider):
        asking = asyncio.create_task(service.sign(SITE, ONE, None))
        await citizen.shown()
        provider.remove(READER)
        assert (await code_of(asking))[0] is ErrorCode.CARD_REMOVED
        assert citizen.cancelled == 1


async def test_a_site_does_not_wait_because_cards_were_pulled(make_card: CardFactory) -> None:
    card, citizen = make_card(), Citizen()
    permissions = MemoryPermissions()
    turns = PromptQueue(citizen, lambda _: None)
    prompter = PopupPrompter(JoiningPrompter(turns, permissions))
    async with desk(card, prompter) as (service, provider), service.subscribe() as events:
        for _ in range(4):
            citizen.is_asked.clear()
            asking = asyncio.create_task(service.sign(SITE, ONE, None))
            await citizen.shown()
            provider.remove(READER)
            assert (await code_of(asking))[0] is ErrorCode.CARD_REMOVED
            provider.insert(READER, card)
            while (await events.get()).name != "card_inserted":
                pass
        citizen.answers = [types(RIGHT)]
        assert await service.sign(SITE, ONE, None)


async def test_taking_the_reader_away_closes_the_window(make_card: CardFactory) -> None:
    citizen = Citizen()
    async with desk(make_card(), citizen) as (service, provider):
        asking = asyncio.create_task(service.sign(SITE, ONE, None))
        await citizen.shown()
        provider.remove_reader(READER)
        assert (await code_of(asking))[0] is ErrorCode.CARD_REMOVED


async def test_another_card_than_the_one_shown_gets_no_pin(make_card: CardFactory) -> None:
    first, second = make_card(), make_card()
    provider: list[VirtualProvider] = []

    def swap_and_type(_: object) -> SecretBytes:
        provider[0].remove(READER)
        provider[0].insert(READER, second)
        return SecretBytes.from_text(WRONG)

    answers: list[Answer] = [swap_and_type]
    async with desk(first, Citizen(answers)) as (service, given):
        provider.append(given)
        assert (await code_of(service.sign(SITE, ONE, None)))[0] is ErrorCode.CARD_REMOVED
    assert (first.data.attempts_left, second.data.attempts_left) == (3, 3)


async def test_without_a_window_a_page_has_to_bring_the_pin(make_card: CardFactory) -> None:
    card = make_card()
    provider = VirtualProvider(readers=1)
    provider.insert(READER, card)
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        asked = service.sign(SITE, ONE, None)
        assert await code_of(asked) == (ErrorCode.PIN_REQUIRED, None)
        assert card.trace.commands == 0
    finally:
        await service.close()
