"""A page asks, a PIV card signs: formats, windows, named certificates, and cards that change."""

import hashlib
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

from agent.cards.known_attempts import MemoryAttempts
from agent.cms.digest import HashAlgorithm
from agent.cms.document import Document
from agent.cms.verify import verify
from agent.consent.consent import Ask
from agent.consent.permissions import Permission
from agent.consent.questions import EnterPin, LastAttempt, Locked, Prompt
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes
from agent.signing.model import SignatureFormat, SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.card.piv_wire import piv_card
from tests.signing.permission_support import MemoryPermissions
from tests.signing.prompt_support import SITE, Answer, Citizen, says, types

READER = READER_NAME.format(0)
RIGHT, WRONG = "123456", "654321"
TEXT = b"what is signed"
DOCUMENTS = (Document(data=TEXT),)


@asynccontextmanager
async def service_with(
    card: VirtualCard, answers: Iterable[Answer] = ()
) -> AsyncIterator[tuple[SigningService, VirtualProvider, Citizen]]:
    """Run a service with one card in its one reader, and a citizen who answers its windows."""
    provider = VirtualProvider(readers=1)
    provider.insert(READER, card)
    permissions, citizen = MemoryPermissions(), Citizen(answers)
    permissions.remember(SITE, Permission.ALLOWED)
    asks = Ask(permissions, citizen)
    service = SigningService(provider, asks, prompter=citizen, attempts=MemoryAttempts())
    await service.start()
    try:
        yield service, provider, citizen
    finally:
        await service.close()


def typed(text: str = RIGHT) -> SecretBytes:
    return SecretBytes.from_text(text)


def certificate_of(card: VirtualCard, slot: int) -> bytes:
    return next(each.certificate for each in card.data.slots if each.reference == slot)


def named(card: VirtualCard, slot: int = 0x9C) -> bytes:
    """Return what names a certificate of a card in a request."""
    return hashlib.sha256(certificate_of(card, slot)).digest()


def content_by_openssl(message: bytes, folder: Path) -> bytes:
    """Return the content of a message whose signature OpenSSL has verified."""
    (folder / "message").write_bytes(message)
    words = ["-inform", "DER", "-noverify", "-in", str(folder / "message")]
    command = ["openssl", "cms", "-verify", *words]
    return subprocess.run(command, capture_output=True, check=True).stdout


async def refusal(awaitable: object) -> AgentError:
    with pytest.raises(AgentError) as error:
        await awaitable  # type: ignore[misc]
    return error.value


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa3072"])
async def test_a_page_gets_a_message_that_verifies_here_and_by_openssl(
    kind: str, tmp_path: Path
) -> None:
    card = piv_card(kind)
    hash_ = HashAlgorithm.SHA384 if kind == "p384" else HashAlgorithm.SHA256
    async with service_with(card) as (service, _, _):
        made = await service.sign(
            SITE, SignatureRequest(DOCUMENTS, hash_, certificate=named(card)), typed()
        )
    (message,) = made.signatures
    assert verify(message).content == TEXT
    assert made.certificate.facts.der == certificate_of(card, 0x9C)
    assert made.certificate.card_serial == card.data.serial
    assert content_by_openssl(message, tmp_path) == TEXT


async def test_a_page_gets_the_bare_signature_of_a_curve() -> None:
    card = piv_card()
    async with service_with(card) as (service, _, _):
        request = SignatureRequest(DOCUMENTS, format=SignatureFormat.ECDSA, certificate=named(card))
        made = await service.sign(SITE, request, typed())
        refused = await refusal(
            service.sign(SITE, SignatureRequest(DOCUMENTS, format=SignatureFormat.PKCS1), typed())
        )
    key = load_der_x509_certificate(certificate_of(card, 0x9C)).public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    key.verify(made.signatures[0], TEXT, ECDSA(SHA256()))
    assert refused.code is ErrorCode.BAD_REQUEST
    assert card.tally.verifies == 1


async def test_the_window_says_the_tries_before_any_is_spent_and_a_wrong_pin_is_counted() -> None:
    card = piv_card()
    async with service_with(card, [types(WRONG), types(RIGHT)]) as (service, _, citizen):
        await service.sign(SITE, SignatureRequest(DOCUMENTS * 3), None)
    asked = [each for each in citizen.asked if isinstance(each, EnterPin)]
    assert [(each.attempts_left, each.was_wrong) for each in asked] == [(3, False), (2, True)]
    assert {each.card.generation for each in asked} == {"piv"}
    assert {each.card.serial for each in asked} == {card.data.serial}
    assert (card.tally.wrong_pins, card.tally.verifies, card.tally.signatures) == (1, 4, 3)


async def test_a_locked_card_says_so_and_no_pin_is_asked_for() -> None:
    card = piv_card(attempts_left=0)
    async with service_with(card, [says(None)] * 2) as (service, _, citizen):
        for given in (None, typed()):
            error = await refusal(service.sign(SITE, SignatureRequest(DOCUMENTS), given))
            assert error.code is ErrorCode.PIN_LOCKED
    assert {type(each) for each in citizen.asked} == {Locked}
    assert card.tally.verifies == 0


async def test_the_last_try_is_asked_for_though_nothing_was_remembered() -> None:
    card = piv_card(attempts_left=1)
    async with service_with(card, [says(False), says(False)]) as (service, _, citizen):
        for given in (None, typed(WRONG)):
            await refusal(
                service.sign(SITE, SignatureRequest(DOCUMENTS, certificate=named(card)), given)
            )
    assert {type(each) for each in citizen.asked} == {LastAttempt}
    assert card.tally.verifies == 0


async def test_the_certificate_for_authentication_signs_only_where_it_is_named() -> None:
    card = piv_card()
    login, own = named(card, 0x9A), named(card)
    async with service_with(card) as (service, _, _):
        made = await service.sign(SITE, SignatureRequest(DOCUMENTS, certificate=login), typed())
        assert made.certificate.id == "AUTH"
        made = await service.sign(SITE, SignatureRequest(DOCUMENTS, certificate=own), typed())
        assert made.certificate.id == "SIGN"
        verifies = card.tally.verifies
        for slot in (0x9D, 0x9E):
            other = named(card, slot)
            request = SignatureRequest(DOCUMENTS, certificate=other)
            assert (await refusal(service.sign(SITE, request, typed()))).code is (
                ErrorCode.KEY_NOT_FOUND
            )
    assert card.tally.verifies == verifies


async def test_a_card_without_a_signing_key_signs_with_the_named_one_alone() -> None:
    data = piv_card().data
    card = piv_card(slots=tuple(each for each in data.slots if each.reference != 0x9C))
    login = named(card, 0x9A)
    async with service_with(card) as (service, _, _):
        error = await refusal(service.sign(SITE, SignatureRequest(DOCUMENTS), typed()))
        assert error.code is ErrorCode.KEY_NOT_FOUND
        made = await service.sign(SITE, SignatureRequest(DOCUMENTS, certificate=login), typed())
    assert made.certificate.id == "AUTH"


async def test_another_card_than_the_one_in_the_window_gets_no_pin() -> None:
    card, other = piv_card(), piv_card("p384")
    other.data.serial = "0" * 31 + "1"
    other = VirtualCard(other.data)
    provider: VirtualProvider

    def swap(_: Prompt[SecretBytes]) -> SecretBytes:
        provider.remove(READER)
        provider.insert(READER, other)
        return typed()

    async with service_with(card, [swap]) as (service, its_provider, _):
        provider = its_provider
        error = await refusal(service.sign(SITE, SignatureRequest(DOCUMENTS), None))
    assert error.code is ErrorCode.CARD_REMOVED
    assert (card.tally.verifies, other.tally.verifies) == (0, 0)


async def test_a_listing_reads_each_certificate_once_more_and_never_again() -> None:
    card = piv_card()
    async with service_with(card) as (service, _, _):
        listing = await service.certificates(SITE)
        assert [each.id for each in listing.certificates] == ["SIGN", "AUTH", "KEYX", "CARD"]
        before = card.trace.commands
        assert await service.certificates(SITE) == listing
        assert card.trace.commands - before <= 3


async def test_a_card_without_certificates_is_called_one_that_is_of_no_use() -> None:
    card = piv_card(slots=())
    async with service_with(card) as (service, _, _):
        error = await refusal(service.certificates(SITE, READER))
    assert error.code is ErrorCode.UNSUPPORTED_CARD
