"""Two cards at once: named by the page, or chosen by the citizen; no other card gets the PIN."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from agent.virtualcard.card import VirtualCard
from tests.browser.hipki.popups import clicked, outcome, press, say
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import FIRST, SECOND, Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser
READERS = (FIRST, SECOND)
NO_CARD, OTHER_CARD = 0x76000006, 0x82000116


@dataclass(frozen=True)
class Table:
    """Two cards in front of a page whose PIN belongs to neither, unless the test says so."""

    rig: Rig
    cards: tuple[VirtualCard, VirtualCard]
    page: Page

    def name(self, **fields: object) -> None:
        self.page.evaluate("fields => { extra = fields; }", fields)

    def attempts(self) -> list[int | None]:
        return [card.data.attempts_left for card in self.cards]


Lay = Callable[..., AbstractContextManager[Table]]


@pytest.fixture
def lay(make_card: CardFactory, page: Page, sites: Sites) -> Lay:
    """Give what puts two cards into the readers and opens the classic page."""

    @contextmanager
    def laid(pin: str = "123456") -> Iterator[Table]:
        cards = make_card("gen1"), make_card("gen2", name="陳另人")
        with Rig(*cards, consent="ask") as rig:
            rig.allow(sites.origin())
            page.goto(sites.url("classic.html", port=rig.port, pin=pin))
            yield Table(rig, cards, page)

    return laid


@pytest.mark.parametrize("number", [0, 1])
def test_the_citizen_chooses_the_card_in_the_popup(lay: Lay, number: int) -> None:
    with lay() as table:
        popup = press(table.page, "sign")
        expect(popup.locator("#title")).to_have_text("要用哪一張卡片？")
        buttons = popup.locator("[data-answer=once]")
        expect(buttons).to_have_count(2)
        expect(buttons.nth(1)).to_contain_text("陳另人 · ")
        expect(buttons.nth(1)).to_contain_text(table.cards[1].data.serial)
        buttons.nth(number).click()
        assert outcome(table.page)["cardSN"] == table.cards[number].data.serial


@pytest.mark.parametrize("number", [0, 1])
def test_a_named_card_is_used_without_a_question(lay: Lay, number: int) -> None:
    with lay() as table:
        serial = table.cards[number].data.serial
        by_reader = {"slotDescription": READERS[number], "cardid": ""}
        by_number = {"slotDescription": "", "cardid": serial}
        for fields in (by_reader, by_number, {**by_reader, "cardid": serial}):
            table.name(**fields)
            for button in ("check", "certificate"):
                (slot,) = clicked(table.page, button)["slots"]
                assert slot["token"]["serialNumber"] == serial
            assert clicked(table.page, "sign")["cardSN"] == serial


def test_another_card_than_the_named_one_is_wrong(lay: Lay, make_card: CardFactory) -> None:
    with lay(pin="654321") as table:
        elsewhere = {"slotDescription": FIRST, "cardid": table.cards[1].data.serial}
        absent = {"slotDescription": "", "cardid": make_card().data.serial}
        for fields in (elsewhere, absent):
            table.name(**fields, cipher="AAAA", cipherType="PKCS1", pin="654321")
            for button in ("certificate", "sign", "decrypt"):
                assert clicked(table.page, button)["ret_code"] == OTHER_CARD
            assert clicked(table.page, "check")["slots"]
        assert table.attempts() == [3, 3]


def test_a_card_that_is_pulled_meanwhile_ends_the_question(lay: Lay) -> None:
    with lay(pin="654321") as table:
        popup = press(table.page, "sign")
        expect(popup.locator("[data-answer=once]")).to_have_count(2)
        table.rig.provider.remove(SECOND)
        assert outcome(table.page)["ret_code"] == NO_CARD
        assert table.attempts() == [3, 3]


def test_a_card_that_is_exchanged_meanwhile_gets_no_pin(lay: Lay, make_card: CardFactory) -> None:
    with lay(pin="654321") as table:
        popup = press(table.page, "sign")
        expect(popup.locator("[data-answer=once]")).to_have_count(2)
        other = make_card("gen2")
        table.rig.provider.remove(SECOND)
        table.rig.provider.insert(SECOND, other)
        assert outcome(table.page)["ret_code"] == NO_CARD
        table.name(slotDescription="", cardid=table.cards[1].data.serial)
        assert clicked(table.page, "sign")["ret_code"] == OTHER_CARD
        assert [*table.attempts(), other.data.attempts_left] == [3, 3, 3]


def test_no_card_is_used_when_the_citizen_cancels(lay: Lay) -> None:
    with lay(pin="654321") as table:
        say(press(table.page, "sign"), "cancel")
        assert outcome(table.page)["ret_code"] == 0x76000999
        assert table.attempts() == [3, 3]


def test_a_library_that_names_its_card_works_with_two(lay: Lay, sites: Sites) -> None:
    with lay() as table:
        second = table.cards[1].data.serial
        table.page.goto(sites.url("library.html", port=table.rig.port))
        assert clicked(table.page, "start") == ["goodDay", 2700]
        table.page.goto(sites.url("library.html", port=table.rig.port, card=second))
        assert clicked(table.page, "start") == ["goodDay", 0]
        assert clicked(table.page, "certificate1")[1] == 0
        assert clicked(table.page, "sign")[2]["cardSN"] == second
