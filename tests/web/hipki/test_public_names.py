"""Readers' names as strangers see them: without the serial number of the device."""

from collections.abc import Callable

import pytest

from agent.signing.model import CardPresence
from agent.virtualcard.card import VirtualCard
from agent.web.hipki.public_names import public_reader_name
from tests.web.hipki.rig import SITE, STRANGER, Rig

CardFactory = Callable[..., VirtualCard]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (
            "Gemalto USB Shell Token V2 (E9C7E8F1) 00 00",
            "Gemalto USB Shell Token V2 00 00",
        ),
        (
            "SCM Microsystems Inc. SCR 3310 [CCID Interface] (21120733200613) 01 00",
            "SCM Microsystems Inc. SCR 3310 [CCID Interface] 01 00",
        ),
        ("ACS ACR39U (AB) 00 00", "ACS ACR39U 00 00"),
        ("Alcor Link AK9563 [20170412-00871] 0", "Alcor Link AK9563 0"),
        ("CASTLES EZ100PU 123456789 0", "CASTLES EZ100PU 0"),
        ("讀卡機 A (0123456789AB) 00 00", "讀卡機 A 00 00"),
        ("Reader SN:00-11-22-33-44 00", "Reader 00"),
        # Shared by everybody with the same reader.
        ("CASTLES EZ100PU 0", "CASTLES EZ100PU 0"),
        ("Ankong Virtual Reader 0", "Ankong Virtual Reader 0"),
        ("ACS ACR1281 1S Dual Reader(1) ICC 0", "ACS ACR1281 1S Dual Reader(1) ICC 0"),
        (
            "HID Global OMNIKEY 3x21 Smart Card Reader [OMNIKEY 3x21 Smart Card Reader] 00 00",
            "HID Global OMNIKEY 3x21 Smart Card Reader [OMNIKEY 3x21 Smart Card Reader] 00 00",
        ),
        ("Generic EMV Smartcard Reader 0", "Generic EMV Smartcard Reader 0"),
    ],
)
def test_what_tells_one_computer_from_all_others_is_left_out(name: str, shown: str) -> None:
    assert public_reader_name(name) == shown


NAMED = "Gemalto Shell Token ({}) 00 00"


def named_readers(rig: Rig, *cards: VirtualCard) -> None:
    provider = rig.provider
    for serial, card in zip(("E9C7E8F1", "E9C7E8F2"), cards, strict=False):
        provider.insert(provider.add_reader(NAMED.format(serial)), card)
    rig.call(until_seen(rig, len(cards)))


async def until_seen(rig: Rig, count: int) -> None:
    """Wait until the agent knows as many named readers, each with its card."""
    async with rig.service.subscribe() as changes:
        while True:
            readers = rig.service.snapshot().readers
            named = [each for each in readers if each.name.startswith("Gemalto")]
            if sum(each.state is CardPresence.CARD for each in named) == count:
                return
            await changes.get()


def test_an_image_has_the_serial_number_for_allowed_sites_only(make_card: CardFactory) -> None:
    with Rig(consent="ask") as rig:
        named_readers(rig, make_card())
        rig.allow(SITE)
        assert b"E9C7E8F1" in rig.get("/p11Image.bmp", SITE).body
        for answer in (
            rig.get("/p11Image.bmp", STRANGER),
            rig.get("/p11Image.bmp"),
            rig.get("/p11Image.bmp", Sec_Fetch_Site="cross-site"),
            rig.get("/pkcs11info", STRANGER),
        ):
            assert b"Shell Token 00 00" in answer.body
            assert b"E9C7E8F" not in answer.body


def test_the_name_that_a_page_was_told_as_a_stranger_still_names_the_reader(
    make_card: CardFactory,
) -> None:
    card = make_card("gen1")
    with Rig(make_card("gen2")) as rig:
        named_readers(rig, card)
        reply = rig.sign(slotDescription="Gemalto Shell Token 00 00")
        assert reply["cardSN"] == card.data.serial


def test_a_name_that_two_readers_share_names_neither(make_card: CardFactory) -> None:
    cards = make_card("gen1", pin="888888"), make_card("gen2", pin="888888")
    with Rig() as rig:
        named_readers(rig, *cards)
        reply = rig.sign(slotDescription="Gemalto Shell Token 00 00")
        assert reply["ret_code"] == 0x7600000C
    assert [card.data.attempts_left for card in cards] == [3, 3]
