"""OpenSC's own module as a vendor's, before our virtual PIV card, through a real pcscd."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.cards.pkcs11.module_client import ModuleFile, TokenModule
from agent.cards.pkcs11.token_source import TokenSource
from agent.cms.document import Document
from agent.cms.verify import verify
from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError, ErrorCode, PinError
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import CardCertificate, SignatureFormat, SignatureRequest
from agent.signing.service import SigningService
from agent.transport.base import CardProvider
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import VirtualProvider
from tests.card.piv_wire import piv_card
from tests.pcsc.rig import PcscRig

FILES = sorted(Path("/usr/lib").glob("**/opensc-pkcs11.so"))
DOCUMENTS = (Document(data=b"hello"), Document(data=b"more"))
PIN = "123456"
pytestmark = [pytest.mark.pcsc, pytest.mark.skipif(not FILES, reason="opensc is missing")]


@asynccontextmanager
async def service_with(provider: CardProvider) -> AsyncIterator[SigningService]:
    source = TokenSource([TokenModule(ModuleFile("OpenSC", str(FILES[0])))])
    service = SigningService(provider, AlwaysAllow(), tokens=source)
    await service.start()
    try:
        yield service
    finally:
        await service.close()


async def certificate_of(service: SigningService, card: VirtualCard, slot: int) -> CardCertificate:
    """Find the certificate of a slot of the card, as the module or the driver lists it."""
    (own,) = (each for each in card.data.slots if each.reference == slot)
    listed = await service.certificates(LOCAL_USER)
    assert len(listed.certificates) == len(card.data.slots)
    (found,) = (each for each in listed.certificates if each.facts.der == own.certificate)
    return found


async def sign(service: SigningService, certificate: CardCertificate) -> None:
    """Sign two documents, one after the other; whoever verifies accepts both."""
    request = SignatureRequest(
        DOCUMENTS, certificate=certificate.facts.thumbprint, reader=certificate.reader
    )
    made = await service.sign(LOCAL_USER, request, SecretBytes.from_text(PIN))
    assert [verify(each).certificate for each in made.signatures] == [certificate.facts.der] * 2


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
async def test_a_vendor_s_module_lists_and_signs_with_a_card(rig: PcscRig, kind: str) -> None:
    card = piv_card(kind)
    rig.insert(0, card)
    rig.await_card()
    async with service_with(VirtualProvider(readers=0)) as service:
        always_asks = await certificate_of(service, card, 0x9C)
        assert always_asks.reader == f"{rig.names[0]} (OpenSC)"
        await sign(service, always_asks)
        assert card.tally.verifies > len(DOCUMENTS)  # before each signature, and once before
        await sign(service, await certificate_of(service, card, 0x9A))
        bare = SignatureFormat.PKCS1 if kind.startswith("rsa") else SignatureFormat.ECDSA
        request = SignatureRequest(
            DOCUMENTS[:1], certificate=always_asks.facts.thumbprint, format=bare
        )
        assert (await service.sign(LOCAL_USER, request, SecretBytes.from_text(PIN))).signatures
    assert (card.tally.signatures, card.tally.wrong_pins) == (5, 0)


async def test_a_wrong_pin_costs_one_attempt(rig: PcscRig) -> None:
    card = piv_card("p256")
    rig.insert(0, card)
    rig.await_card()
    async with service_with(VirtualProvider(readers=0)) as service:
        certificate = await certificate_of(service, card, 0x9C)
        request = SignatureRequest(DOCUMENTS, certificate=certificate.facts.thumbprint)
        with pytest.raises(PinError) as refused:
            await service.sign(LOCAL_USER, request, SecretBytes.from_text("654321"))
        assert refused.value.code is ErrorCode.PIN_INCORRECT
        assert (card.tally.wrong_pins, card.tally.signatures) == (1, 0)
        await sign(service, certificate)
    assert card.tally.wrong_pins == 1


async def test_a_card_that_a_module_reads_too_is_there_once_and_ours(rig: PcscRig) -> None:
    card = piv_card("p256")
    rig.insert(0, card)
    rig.await_card()
    async with service_with(rig.provider) as service:
        await until(service, lambda: "piv" in kinds(service))
        for _ in range(2):  # ours before the module has begun, and beside it
            certificate = await certificate_of(service, card, 0x9C)
            assert certificate.reader == rig.names[0]
            await sign(service, certificate)
        assert kinds(service).count("piv") == 1
        assert "pkcs11" not in kinds(service)
        twin = SignatureRequest(DOCUMENTS, reader=f"{rig.names[0]} (OpenSC)")
        assert twin.reader in service._readers._seats
        with pytest.raises(AgentError) as hidden:
            await service.sign(LOCAL_USER, twin, SecretBytes.from_text(PIN))
        assert hidden.value.code is ErrorCode.NO_READER
        assert (card.tally.signatures, card.tally.wrong_pins) == (4, 0)
        rig.remove(0)
        await until(service, lambda: twin.reader not in service._readers._seats)
        assert not any(kinds(service))


def kinds(service: SigningService) -> list[str | None]:
    return [each.generation for each in service.snapshot().readers]


async def until(service: SigningService, is_so: Callable[[], bool]) -> None:
    async with service.subscribe() as changes:
        while not is_so():
            await asyncio.wait_for(changes.get(), 30)
