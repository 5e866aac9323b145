"""Each check before and after a key is used, by what goes wrong where it is not made."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cards.card import ID_SIGN, StoredCertificate
from agent.cards.known_attempts import KnownAttempts, MemoryAttempts
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.errors import CmsError
from agent.consent.consent import Ask
from agent.consent.permissions import Permission
from agent.consent.questions import EnterPin, LastAttempt, Prompt
from agent.errors import (
    AgentError,
    BadRequestError,
    ErrorCode,
    KeyNotFoundError,
    SpoiltCertificateError,
)
from agent.secret import SecretBytes
from agent.signing.authenticate_task import AuthenticateTask
from agent.signing.card_certificates import card_certificate
from agent.signing.decrypt_task import DecryptTask
from agent.signing.message import prepare_message
from agent.signing.model import (
    AuthenticationRequest,
    CardCertificate,
    DecryptFormat,
    DecryptionRequest,
    SignatureFormat,
    SignatureRequest,
)
from agent.signing.service import SigningService
from agent.signing.sign_task import SignTask
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import TestIssuer
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.virtualcard.rsa_key import RsaKey
from tests.signing import pki_support as pki
from tests.signing.permission_support import MemoryPermissions
from tests.signing.prompt_support import SITE, Answer, Citizen, says, types

A = TypeVar("A")
CardFactory = Callable[..., VirtualCard]
READER = READER_NAME.format(0)
RIGHT, WRONG = "123456", "654321"
RSA_FORMATS = (SignatureFormat.CMS, SignatureFormat.CMS_DETACHED, SignatureFormat.PKCS1)
ONE = SignatureRequest((Document(data=b"hello"),))
VERBS: dict[str, Callable[[SigningService, SecretBytes], Coroutine[Any, Any, object]]] = {
    "sign": lambda service, given: service.sign(SITE, ONE, given),
    "authenticate": lambda service, given: service.authenticate(
        SITE, AuthenticationRequest(bytes(32)), given
    ),
    "decrypt": lambda service, given: service.decrypt(
        SITE, DecryptionRequest(bytes(255) + b"\1", DecryptFormat.PKCS1), given
    ),
}
WAIT = 10.0  # seconds for what a fault would keep from happening
INS_VERIFY = 0x20


@asynccontextmanager
async def desk(
    card: VirtualCard, citizen: Citizen | None = None, known: KnownAttempts | None = None
) -> AsyncIterator[tuple[SigningService, VirtualProvider]]:
    """Run a service with one card in its one reader; ``citizen`` answers its windows.

    Unless ``known`` says otherwise, it is known how many attempts the card has left.
    """
    provider = VirtualProvider(readers=1)
    provider.insert(READER, card)
    permissions = MemoryPermissions()
    permissions.remember(SITE, Permission.ALLOWED)
    prompter = citizen or Citizen()
    service = SigningService(
        provider,
        Ask(permissions, prompter),
        prompter=prompter,
        attempts=known or knowing(card),
    )
    await service.start()
    try:
        yield service, provider
    finally:
        await service.close()


def knowing(card: VirtualCard) -> MemoryAttempts:
    """Return a memory that knows how many attempts a card has left."""
    known = MemoryAttempts()
    known.write(card.data.serial, card.data.attempts_left)
    return known


def pin(text: str) -> SecretBytes:
    return SecretBytes.from_text(text)


async def code_of(awaitable: object) -> tuple[ErrorCode, int | None]:
    with pytest.raises(AgentError) as error:
        await awaitable  # type: ignore[misc]
    return error.value.code, error.value.attempts_left


def verifies(card: VirtualCard) -> int:
    """Count the PINs that a card was sent."""
    return sum(command[1] == INS_VERIFY for command, _ in card.trace.exchanges)


class Waiting(Citizen):
    """Answers when the test lets them."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        super().__init__(answers)
        self.go_on = asyncio.Event()

    async def ask(self, prompt: Prompt[A]) -> A:
        """Wait, and then answer."""
        self.is_asked.set()
        async with asyncio.timeout(WAIT):
            await self.go_on.wait()
        return await super().ask(prompt)


# Cancelled while the card is read: no PIN is sent any more.


@pytest.fixture
def halted(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Halt each task between the reading of the certificate and the PIN.

    The first event says that one is there; the second lets it go on.
    """
    there, go_on = threading.Event(), threading.Event()
    for task in (SignTask, AuthenticateTask, DecryptTask):

        def halt(
            self: object,
            certificate: CardCertificate,
            prepare: Callable[..., object] = task.prepare,
        ) -> object:
            there.set()
            assert go_on.wait(WAIT)
            return prepare(self, certificate)

        monkeypatch.setattr(task, "prepare", halt)
    yield there, go_on
    go_on.set()


class Kept(SecretBytes):
    """A PIN that is not wiped when its request ends, which would keep it from being sent too."""

    __slots__ = ()

    def wipe(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("verb", VERBS)
async def test_a_request_that_was_cancelled_sends_no_pin(
    make_card: CardFactory,
    generation: str,
    verb: str,
    halted: tuple[threading.Event, threading.Event],
) -> None:
    there, go_on = halted
    card = make_card(generation)
    card.trace.recording = True
    async with desk(card) as (service, _):
        asked = asyncio.create_task(VERBS[verb](service, Kept.from_text(WRONG)))
        assert await asyncio.to_thread(there.wait, WAIT)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        go_on.set()
        # The next request waits in the reader's queue until the cancelled one has ended.
        assert (await asyncio.wait_for(service.sign(SITE, ONE, pin(RIGHT)), WAIT)).signatures
    assert verifies(card) == 1


# Attempts that were spent while somebody was asked.


def spend(card: VirtualCard, known: KnownAttempts, attempts: int) -> None:
    """Let another program of ours, such as ``ankong sign``, send wrong PINs."""
    card.data.attempts_left -= attempts
    known.write(card.data.serial, card.data.attempts_left)


async def test_a_typed_pin_does_not_spend_the_last_attempt_unasked(make_card: CardFactory) -> None:
    card = make_card()
    citizen, known = Waiting([types(WRONG), says(False)]), knowing(card)
    async with desk(card, citizen, known) as (service, _):
        asked = asyncio.create_task(service.sign(SITE, ONE, None))
        await citizen.shown()
        spend(card, known, 2)
        citizen.go_on.set()
        assert await code_of(asked) == (ErrorCode.PIN_LAST_ATTEMPT, 1)
    assert [type(window) for window in citizen.asked] == [EnterPin, LastAttempt]
    assert card.data.attempts_left == 1


async def test_leave_for_the_last_attempt_but_one_is_none_for_the_last(
    make_card: CardFactory,
) -> None:
    card = make_card()
    citizen, known = Waiting([says(True)]), knowing(card)
    async with desk(card, citizen, known) as (service, _):
        spend(card, known, 1)
        asked = asyncio.create_task(service.sign(SITE, ONE, pin(WRONG)))
        await citizen.shown()
        spend(card, known, 1)
        citizen.go_on.set()
        assert await code_of(asked) == (ErrorCode.PIN_LAST_ATTEMPT, 1)
    (window,) = citizen.asked
    assert isinstance(window, LastAttempt)
    assert window.attempts_left == 2
    assert card.data.attempts_left == 1


@pytest.mark.parametrize("verb", VERBS)
async def test_a_page_s_pin_after_a_wrong_one_is_confirmed(
    make_card: CardFactory, verb: str
) -> None:
    card = make_card()
    citizen = Citizen([says(False)])
    async with desk(card, citizen) as (service, _):
        assert await code_of(service.sign(SITE, ONE, pin(WRONG))) == (ErrorCode.PIN_INCORRECT, 2)
        asked = VERBS[verb](service, pin(WRONG))
        assert await code_of(asked) == (ErrorCode.PIN_LAST_ATTEMPT, 2)
    assert card.data.attempts_left == 2


async def test_leave_for_one_card_is_none_for_another(make_card: CardFactory) -> None:
    first, second = make_card(attempts_left=2), make_card(attempts_left=2)
    second.trace.recording = True

    def swap_and_agree(_: object) -> bool:
        provider.remove(READER)
        provider.insert(READER, second)
        return True

    async with desk(first, Citizen([swap_and_agree])) as (service, provider):
        asked = service.sign(SITE, ONE, pin(WRONG))
        assert (await code_of(asked))[0] is ErrorCode.CARD_REMOVED
    assert verifies(second) == 0


async def test_no_window_opens_for_a_card_that_is_gone(
    make_card: CardFactory, halted: tuple[threading.Event, threading.Event]
) -> None:
    there, go_on = halted
    citizen = Citizen([types(RIGHT)])
    async with desk(make_card(), citizen) as (service, provider), service.subscribe() as events:
        asked = asyncio.create_task(service.sign(SITE, ONE, None))
        assert await asyncio.to_thread(there.wait, WAIT)
        provider.remove(READER)
        async with asyncio.timeout(WAIT):
            while (await events.get()).name != "card_removed":
                pass
        go_on.set()
        assert (await code_of(asked))[0] is ErrorCode.CARD_REMOVED
    assert citizen.asked == []


async def test_what_happens_elsewhere_closes_no_window(make_card: CardFactory) -> None:
    citizen = Waiting([types(RIGHT)])
    async with desk(make_card(), citizen) as (service, _):
        asked = asyncio.create_task(service.sign(SITE, ONE, None))
        await citizen.shown()
        (view,) = service.snapshot().readers
        service._readers._announce("card_removed", replace(view, name="another"))
        service._readers._announce("card_inserted", view)
        service._readers._announce("service_changed", None)
        done, _pending = await asyncio.wait((asked,), timeout=0.1)
        assert not done
        citizen.go_on.set()
        assert (await asked).signatures


async def test_a_card_that_is_pulled_and_put_back_at_once_is_asked_for_anew(
    make_card: CardFactory,
) -> None:
    """Nobody saw the reader empty, and it may be another card."""
    card = make_card()
    card.trace.recording = True
    citizen = Waiting([types(RIGHT)])
    async with desk(card, citizen) as (service, provider):
        asked = asyncio.create_task(service.sign(SITE, ONE, None))
        await citizen.shown()
        with provider._changed:  # whoever watches sees both at once
            provider.remove(READER)
            provider.insert(READER, card)
        assert (await code_of(asked))[0] is ErrorCode.CARD_REMOVED
    assert verifies(card) == 0


async def test_a_card_that_is_known_to_be_locked_says_so_and_nobody_is_asked(
    make_card: CardFactory,
) -> None:
    citizen = Citizen([says(True)])
    async with desk(make_card(attempts_left=0), citizen) as (service, _):
        for _attempt in range(2):
            asked = service.sign(SITE, ONE, pin(WRONG))
            assert await code_of(asked) == (ErrorCode.PIN_LOCKED, 0)
    assert citizen.asked == []


async def test_a_pin_that_no_card_can_have_is_said_before_anything_is_read(
    make_card: CardFactory,
) -> None:
    other = replace(ONE, certificate=bytes(32))
    async with desk(make_card()) as (service, _):
        asked = service.sign(SITE, other, pin("12345"))
        assert await code_of(asked) == (ErrorCode.PIN_LENGTH, None)


# What the card's key made.


@pytest.fixture(scope="module")
def other_keys() -> tuple[RsaKey, RsaKey]:
    return RsaKey.generate(), RsaKey.generate()


@pytest.fixture
def namesake(
    test_issuer: TestIssuer, other_keys: tuple[RsaKey, RsaKey]
) -> Callable[[VirtualCard], VirtualCard]:
    """Make a card with other keys and certificates, and the number of a given card."""

    def make(card: VirtualCard) -> VirtualCard:
        order = Order(card.data.generation, "王測試", "A123456789", RIGHT.encode())
        data = personalise(order, test_issuer, other_keys)
        known = card.data
        return VirtualCard(replace(data, serial=known.serial, channel_id=known.channel_id))

    return make


@pytest.mark.parametrize("format_", RSA_FORMATS)
async def test_a_signature_that_is_not_the_certificate_s_is_not_given_and_raises_doubt(
    make_card: CardFactory,
    namesake: Callable[[VirtualCard], VirtualCard],
    generation: str,
    format_: SignatureFormat,
) -> None:
    """Two cards of one number: what is remembered of the first does not outlive the doubt."""
    first = make_card(generation)
    second = namesake(first)
    request = replace(ONE, format=format_)
    async with desk(first) as (service, provider):
        # Its issuer vouches for what is listed: that outlives the removal of the card.
        assert await service.certificates(SITE)
        assert (await service.sign(SITE, request, pin(RIGHT))).signatures
        provider.remove(READER)
        provider.insert(READER, second)
        code, _ = await code_of(service.sign(SITE, request, pin(RIGHT)))
        assert code in ("internal", "card_error")
        result = await service.sign(SITE, request, pin(RIGHT))
    (own,) = (each.der for each in second.data.certificates if each.id == ID_SIGN)
    assert result.certificate.facts.der == own


async def test_a_certificate_that_the_key_does_not_belong_to_is_not_tried_again(
    make_card: CardFactory, namesake: Callable[[VirtualCard], VirtualCard], generation: str
) -> None:
    """An old certificate is left beside the renewed one, and nothing but the key tells."""
    card = make_card(generation)
    root, ca, sign, keyx = card.data.certificates
    old = next(each for each in namesake(card).data.certificates if each.id == ID_SIGN)
    both = VirtualCard(replace(card.data, certificates=(root, ca, old, sign, keyx)))
    async with desk(both) as (service, _):
        code, _attempts = await code_of(service.sign(SITE, ONE, pin(RIGHT)))
        assert code in ("internal", "card_error")
        for _again in range(2):
            result = await service.sign(SITE, ONE, pin(RIGHT))
            assert result.certificate.facts.der == sign.der


@pytest.mark.parametrize("kind", ["curve", "short"])
def test_a_key_that_is_not_rsa_of_2048_bits_neither_signs_nor_decrypts(kind: str) -> None:
    is_short = kind == "short"
    key = pki.rsa_key(kind, 1024) if is_short else ec.generate_private_key(ec.SECP256R1())
    issued = pki.issuing().issue(pki.citizen_name(), key)
    stored = StoredCertificate(ID_SIGN, "", issued.public_bytes(Encoding.DER))
    certificate = card_certificate(READER, "TP00000000000001", stored)
    request = replace(ONE, format=SignatureFormat.PKCS1)
    with pytest.raises(SpoiltCertificateError if is_short else BadRequestError, match=r"RSA|ecdsa"):
        prepare_message(request, request.documents[0], certificate, pki.NOW)
    task = DecryptTask(DecryptionRequest(bytes(256 // 8), DecryptFormat.PKCS1))
    with pytest.raises(BadRequestError if is_short else KeyNotFoundError):
        task.prepare(certificate)


def citizen_certificate() -> CardCertificate:
    stored = StoredCertificate(ID_SIGN, "", pki.citizen())
    return card_certificate(READER, "TP00000000000001", stored)


@pytest.mark.parametrize("format_", RSA_FORMATS)
def test_no_format_takes_a_signature_that_does_not_verify(format_: SignatureFormat) -> None:
    request = replace(ONE, format=format_)
    message = prepare_message(request, request.documents[0], citizen_certificate(), pki.NOW)
    good = pki.sign(message.digest)
    assert good in message.finish(good)
    other = pki.sign(HashAlgorithm.SHA256.digest(b"something else"))
    spoilt = good[:-1] + bytes((good[-1] ^ 1,))
    for bad in (other, spoilt, bytes(256), good[:-1], good + b"\0", b""):
        with pytest.raises(CmsError, match="does not match"):
            message.finish(bad)


def test_each_document_of_a_batch_gets_a_signature_or_none_does() -> None:
    request = SignatureRequest((Document(data=b"1"), Document(data=b"2")))
    task = SignTask(request, lambda: pki.NOW)
    certificate = citizen_certificate()
    messages = task.prepare(certificate)
    signatures = [pki.sign(message.digest) for message in messages]
    assert len(task.finish(certificate, messages, signatures).signatures) == 2
    with pytest.raises(AgentError):
        task.finish(certificate, messages, signatures[::-1])
    for wrong in (signatures[:1], [*signatures, signatures[0]]):
        with pytest.raises(ValueError, match="zip"):
            task.finish(certificate, messages, wrong)
