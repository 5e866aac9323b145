"""Pages of the old components see the readers of PC/SC, and never a module's slots."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cards.pkcs11.module_client import ModuleFile, TokenModule
from agent.cards.pkcs11.token_source import TokenSource
from agent.consent.consent import AlwaysAllow
from agent.errors import UnsupportedCardError
from agent.origin import LOCAL_USER
from agent.signing.model import CardPresence
from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from agent.web.citizen_cards import CitizenCards

FIRST, SECOND = READER_NAME.format(0), READER_NAME.format(1)


@pytest.mark.parametrize(
    ("slot", "shown"),
    [
        ("Stub slot", [FIRST, SECOND, "Stub slot (Stub)"]),
        (f"{FIRST} [slot 1]", [SECOND, f"{FIRST} [slot 1] (Stub)"]),
    ],
    ids=["a slot of its own", "the reader of a card that the module alone can use"],
)
async def test_a_slot_is_no_reader_of_theirs_and_hides_none(
    stub: Callable[[str], Path],
    make_card: Callable[..., VirtualCard],
    monkeypatch: pytest.MonkeyPatch,
    slot: str,
    shown: list[str],
) -> None:
    monkeypatch.setenv("STUB_SLOT", slot)
    provider = VirtualProvider(readers=2)
    provider.insert(FIRST, make_card(faults=Faults(foreign=0x6D00)))
    provider.insert(SECOND, make_card())
    source = TokenSource([TokenModule(ModuleFile("Stub", str(stub(""))))])
    service = SigningService(provider, AlwaysAllow(), tokens=source)
    await service.start()
    try:
        with pytest.raises(UnsupportedCardError):
            await service.certificates(LOCAL_USER, FIRST)
        await service.look_at_tokens()
        mine, theirs = service.snapshot(), CitizenCards(service).snapshot()
    finally:
        await service.close()
    assert [each.name for each in mine.readers] == shown
    assert [each.name for each in theirs.readers] == [FIRST, SECOND]
    states = [each.state for each in theirs.readers]
    assert states == [CardPresence.UNSUPPORTED, CardPresence.CARD]
    assert theirs.of_pcsc is None
