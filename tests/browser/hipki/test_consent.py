"""What the citizen is asked in the popup, and what follows from each answer."""

import base64
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from agent.cms.verify import verify
from agent.consent.permissions import Permission
from agent.origin import Origin
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from tests.browser.hipki.popups import outcome, press, say
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import WRONG_PIN, Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser


def test_a_site_is_asked_about_once(
    make_card: CardFactory, generation: str, page: Page, sites: Sites
) -> None:
    card = make_card(generation)
    with Rig(card, consent="ask") as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        popup = press(page, "check")
        expect(popup.locator("#host")).to_have_text("service.test")
        expect(popup.locator("#origin")).to_have_text(sites.origin())
        assert page.evaluate("window.timing.length") == 2  # getTbs came before the question
        say(popup, "always")
        assert outcome(page)["slots"][0]["token"]["serialNumber"] == card.data.serial
        press(page, "sign")
        assert verify(base64.b64decode(outcome(page, 1)["signature"])).content == b"TBS"
        assert rig.permissions.find(Origin.parse_any(sites.origin())) is Permission.ALLOWED


def test_an_approved_site_may_ask_directly_and_no_other(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        rig.allow(sites.origin("friend"))
        page.goto(sites.url("direct.html", "friend", port=rig.port))
        assert page.evaluate("ask('/pkcs11info')")["slots"][0]["token"]["serialNumber"]
        assert card.data.serial in page.evaluate("readFile()")
        page.goto(sites.url("direct.html", "stranger", port=rig.port))
        assert page.evaluate("ask('/pkcs11info')") == "TypeError"
        assert page.evaluate("ask('/sign', '{}')") == "TypeError"
        seen = page.evaluate("readFile()")
        assert "serverVersion" in seen
        assert card.data.serial not in seen


@pytest.mark.parametrize(("answer", "ret_code"), [("never", 0x76000031), ("cancel", 0x76000999)])
def test_no_is_a_number(
    make_card: CardFactory, page: Page, sites: Sites, answer: str, ret_code: int
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        page.goto(sites.url("classic.html", port=rig.port, pin=WRONG_PIN))
        popup = press(page, "sign")
        say(popup, answer)
        reply = outcome(page)
        assert (reply["func"], reply["ret_code"]) == ("sign", ret_code)
        popup = press(page, "sign")
        if answer == "never":
            assert outcome(page, 1)["ret_code"] == ret_code
        else:
            expect(popup.locator("[data-answer=always]")).to_be_visible()
    assert card.data.attempts_left == 3


def test_a_double_click_answers_nothing(make_card: CardFactory, page: Page, sites: Sites) -> None:
    with Rig(make_card(), consent="ask") as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        popup = press(page, "check")
        yes = popup.locator("[data-answer=always]")
        yes.wait_for()
        popup.evaluate("document.querySelector('[data-answer=always]').click()")
        popup.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(yes).to_be_disabled()
        assert rig.permissions.find(Origin.parse_any(sites.origin())) is None
        expect(yes).to_be_enabled()
        assert page.evaluate("window.outcomes.length") == 0


def test_closing_the_popup_cancels(make_card: CardFactory, page: Page, sites: Sites) -> None:
    card = make_card(faults=Faults(rsa_delay_ms=4000))
    with Rig(card, consent="ask") as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        popup = press(page, "sign")
        popup.locator("#choices button").first.wait_for()
        popup.close()
        rig.allow(sites.origin())
        expect(press(page, "sign").locator("#doing")).to_have_text("簽章中…")
        page.wait_for_timeout(300)  # the card computes; the next request waits behind it
        page.evaluate("query.set('pin', '654321')")
        waiting = press(page, "sign")
        expect(waiting.locator("#doing")).to_have_text("簽章中…")
        page.wait_for_timeout(300)
        waiting.close()
        assert outcome(page)["ret_code"] == 0
        page.wait_for_timeout(500)
        assert page.evaluate("window.outcomes.length") == 1
    assert card.data.attempts_left == 3


@pytest.mark.parametrize(("button", "func"), [("sign", "sign"), ("check", "pkcs11info")])
def test_an_agent_that_ends_meanwhile_is_told_of_by_name(
    page: Page, sites: Sites, button: str, func: str
) -> None:
    with Rig() as rig:
        page.goto(sites.url("classic.html", port=rig.port))
        page.context.route("**/popup/request", lambda route: route.abort())
        press(page, button)
        reply = outcome(page)
    assert (reply["func"], reply["ret_code"], reply["slots"]) == (func, 0x7600000D, [])


def test_after_a_wrong_pin_the_next_one_is_confirmed(
    make_card: CardFactory, generation: str, page: Page, sites: Sites
) -> None:
    card = make_card(generation)
    with Rig(card, consent="ask") as rig:
        rig.allow(sites.origin())
        page.goto(sites.url("classic.html", port=rig.port, pin=WRONG_PIN))
        press(page, "sign")
        assert outcome(page)["last_error"] == -2147483646
        popup = press(page, "sign")
        expect(popup.locator("#text")).to_contain_text("2")
        say(popup, "cancel")
        assert outcome(page, 1)["ret_code"] == 0x76000999
        assert card.data.attempts_left == 2
        say(press(page, "sign"), "once")
        assert outcome(page, 2)["last_error"] == -2147483647
        popup = press(page, "sign")
        expect(popup.locator("#title")).to_have_text("這是最後一次機會")
        page.evaluate("query.set('pin', '123456')")
        say(popup, "cancel")
        assert outcome(page, 3)["ret_code"] == 0x76000999
        assert card.data.attempts_left == 1
        say(press(page, "sign"), "once")
        assert outcome(page, 4)["ret_code"] == 0
    assert card.data.attempts_left == 3


def test_a_pin_for_a_card_of_unknown_attempts_is_confirmed(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        rig.known.forget(card.data.serial)
        rig.allow(sites.origin())
        page.goto(sites.url("classic.html", port=rig.port))
        popup = press(page, "sign")
        expect(popup.locator("#title")).to_have_text("要送出 PIN 碼嗎？")
        expect(popup.locator("#text")).to_contain_text("還剩幾次機會未知")
        expect(popup.locator("#more")).to_be_hidden()
        say(popup, "cancel")
        assert outcome(page)["ret_code"] == 0x76000999
        say(press(page, "sign"), "once")
        assert outcome(page, 1)["ret_code"] == 0
        press(page, "sign")
        assert outcome(page, 2)["ret_code"] == 0  # all attempts are left, and that is known


def test_the_popup_that_allows_a_site_covers_one_pin_and_says_so(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    card = make_card()
    with Rig(card, consent="ask") as rig:
        rig.known.forget(card.data.serial)
        page.goto(sites.url("classic.html", port=rig.port, pin=WRONG_PIN))
        popup = press(page, "sign")
        expect(popup.locator("#more")).to_contain_text("安控會送出一次")
        say(popup, "always")
        assert outcome(page)["last_error"] == -2147483646
        popup = press(page, "sign")
        expect(popup.locator("#text")).to_contain_text("2")
        say(popup, "cancel")
        assert outcome(page, 1)["ret_code"] == 0x76000999
    assert card.data.attempts_left == 2


def test_a_document_system_that_opens_again_finds_the_same_question(
    make_card: CardFactory, context: BrowserContext, page: Page, sites: Sites
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        page.goto(sites.url("documents.html", port=rig.port, budget=600_000, retries=3))
        first = press(page, "sign")
        first.locator("#choices button").first.wait_for()
        with context.expect_page() as opened:
            page.evaluate("giveUp()")
        second = opened.value
        say(second, "once")
        page.wait_for_function("window.outcomes.some(each => each.func === 'sign')")
        assert page.evaluate("window.outcomes.map(each => each.func)") == ["timeout", "sign"]
        assert page.evaluate("window.outcomes[1].ret_code") == 0


def test_two_identical_popups_make_one_request(
    make_card: CardFactory, generation: str, page: Page, sites: Sites
) -> None:
    card = make_card(generation)
    with Rig(card, consent="ask") as rig:
        page.goto(sites.url("hostile.html", port=rig.port))
        fields = '{"func":"MakeSignature","tbs":"x","pin":"654321"}'
        page.evaluate("text => { message = text; }", fields)
        popups = [press(page, "open"), press(page, "open")]
        for popup in popups:
            popup.locator("#choices button").first.wait_for()
        say(popups[1], "once")
        page.wait_for_function("heard.filter(each => each.includes('last_error')).length === 2")
        first, second = page.evaluate("heard.filter(each => each.includes('last_error'))")
        assert first == second
    assert card.data.attempts_left == 2


def test_a_refused_site_can_be_trusted_on_its_own_page(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        rig.permissions.remember(Origin.parse_any(sites.origin()), Permission.BLOCKED)
        page.goto(sites.url("classic.html", port=rig.port))
        press(page, "sign")
        assert outcome(page)["ret_code"] == 0x76000031
        popup = press(page, "trust")
        popup.click(f"text=http://service.test:{sites.port}")
        popup.click("#yes")
        assert outcome(page, 1) == {"func": "", "ret_code": 0}
        press(page, "sign")
        assert outcome(page, 2)["ret_code"] == 0
        say_no = press(page, "trust")
        say_no.click("#no")
        assert outcome(page, 3)["ret_code"] == 0x76000999


def test_english_browsers_are_asked_in_english(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card(), consent="ask") as rig:
        assert page.context.browser is not None
        context = page.context.browser.new_context(locale="en-GB")
        try:
            english = context.new_page()
            english.goto(sites.url("classic.html", port=rig.port))
            popup = press(english, "sign")
            expect(popup.locator("#title")).to_have_text("Let this site use your card?")
            assert popup.evaluate("document.documentElement.lang") == "en"
        finally:
            context.close()


def test_the_popup_answers_at_once_while_the_card_is_busy(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    with Rig(make_card(faults=Faults(rsa_delay_ms=3000))) as rig:
        page.goto(sites.url("classic.html", port=rig.port, patience=2500))
        press(page, "sign")
        page.wait_for_timeout(300)
        press(page, "check")
        page.wait_for_function("window.timing.length === 2")
        assert page.evaluate("window.outcomes.length") == 0  # neither is done: the card is busy
        page.wait_for_function("window.outcomes.length === 2")
        assert [outcome(page, n)["ret_code"] for n in (0, 1)] == [0, 0]
