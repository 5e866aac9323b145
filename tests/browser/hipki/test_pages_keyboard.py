"""The pages of the old component's protocol by keyboard alone: question, choice, self-test."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from agent.virtualcard.card import VirtualCard
from tests.browser.hipki.popups import outcome, press, press_away
from tests.browser.hipki.site import Sites
from tests.browser.keyboard_judge import keyboard_faults
from tests.browser.sight_judge import sight_faults
from tests.browser.world import tab_to
from tests.web.hipki.rig import WRONG_PIN, Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
AWAKE = "[data-answer=cancel]:enabled"


def test_a_popup_is_answered_by_keyboard_and_escape_cancels(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        page.goto(sites.url("classic.html", port=rig.port, pin=WRONG_PIN))
        popup = press(page, "check")
        popup.locator("[data-answer=always]").wait_for()
        expect(popup.locator("#title")).to_be_focused()
        popup.locator(AWAKE).wait_for()
        found = keyboard_faults(popup) + sight_faults(popup)
        popup.locator(AWAKE).wait_for()
        tab_to(popup, "[data-answer=never]")
        press_away(popup, "Escape")
        assert outcome(page)["ret_code"] != 0
        popup = press(page, "check")
        popup.locator(AWAKE).wait_for()
        tab_to(popup, "[data-answer=always]")
        press_away(popup, "Enter")
        assert outcome(page, 1)["ret_code"] == 0
    assert not found, "\n".join(found)


def test_a_card_is_chosen_by_keyboard(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(make_card("gen1"), make_card("gen2"), consent="ask") as rig:
        rig.allow(sites.origin())
        page.goto(sites.url("classic.html", port=rig.port))
        popup = press(page, "sign")
        popup.locator(AWAKE).wait_for()
        expect(popup.locator("#title")).to_be_focused()
        found = keyboard_faults(popup) + sight_faults(popup)
        popup.locator(AWAKE).wait_for()
        tab_to(popup, "[data-answer=once]")
        press_away(popup, "Space")
        assert outcome(page)["ret_code"] == 0
    assert not found, "\n".join(found)


def test_the_self_test_is_gone_through_and_says_where_it_ended(
    make_card: CardFactory, page: Page
) -> None:
    with Rig(make_card("gen2"), consent="ask") as rig:
        page.goto(f"{rig.own}/selfTest.htm")
        page.locator("#pin").wait_for()
        found = keyboard_faults(page) + sight_faults(page)
        for _ in range(2):
            tab_to(page, "#pin")
            page.keyboard.type(WRONG_PIN)
            page.keyboard.press("Tab")
            page.keyboard.press("Space")
            if page.locator("#check-signature.warning").count():
                expect(page.locator("#confirm")).to_be_focused()
                page.locator("#confirmyes:enabled").wait_for()
                found += keyboard_faults(page) + sight_faults(page)
                page.locator("#confirm").focus()
                page.keyboard.press("Escape")
            page.locator("#check-signature.warning").wait_for()
            expect(page.locator("#pin")).to_be_focused()
        expect(page.locator("#confirm")).to_be_hidden()
        page.keyboard.type(WRONG_PIN)
        rig.provider.set_service(False)
        expect(page.locator("#check-service.error")).to_have_count(1)
        expect(page.locator("#verdict")).to_be_focused()
    assert not found, "\n".join(found)


def test_a_site_is_let_in_by_keyboard_and_escape_does_not(
    make_card: CardFactory, page: Page
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        found = []
        for key, sites in (("Escape", 0), ("Enter", 1)):
            page.goto(f"{rig.own}/addDomain?domain=https://bank.example")
            page.locator("#yes:enabled").wait_for()
            found += keyboard_faults(page) + sight_faults(page)
            page.locator("h1").focus()
            page.locator("#yes:enabled").wait_for()
            tab_to(page, "#yes")
            page.keyboard.press(key)
            expect(page.locator("#done")).to_be_focused()
            assert ("error" in str(page.locator("#done").get_attribute("class"))) is (sites == 0)
    assert not found, "\n".join(found)
