"""The self-test page, as a citizen meets it, and the one port that pages know by heart."""

import base64
import socket
import urllib.request
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from agent.cms.verify import verify
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.issuer import Validity
from agent.virtualcard.model import Faults
from tests.browser.hipki.site import Sites
from tests.web.hipki.rig import FIRST, PIN, WRONG_PIN, Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = pytest.mark.browser


def good(page: Page) -> list[str]:
    """List the checks that have passed."""
    return page.eval_on_selector_all("#checks .ok h2", "all => all.map(each => each.textContent)")


def test_it_follows_what_the_citizen_does(make_card: CardFactory, page: Page) -> None:
    with Rig(consent="ask") as rig:
        headline = page.locator("#headline")
        page.goto(f"{rig.own}/selfTest.htm")
        expect(headline).to_have_text("找不到讀卡機")
        rig.provider.add_reader()
        expect(headline).to_have_text("讀卡機裡沒有卡片")
        rig.provider.insert(FIRST, make_card(faults=Faults(mute=True)))
        expect(headline).to_have_text("讀卡機裡有東西，但沒有回應")
        rig.provider.remove(FIRST)
        rig.provider.insert(FIRST, make_card(faults=Faults(foreign=0x6E00)))
        expect(headline).to_have_text("這不是自然人憑證")
        rig.provider.remove(FIRST)
        rig.provider.insert(FIRST, make_card(validity=Validity.EXPIRED))
        expect(headline).to_contain_text("過期")
        rig.provider.remove(FIRST)
        card = make_card()
        rig.provider.insert(FIRST, card)
        expect(headline).to_have_text("都準備好了")
        assert len(good(page)) == 8
        assert card.data.serial in (page.locator("#check-certificate p").first.text_content() or "")
        rig.provider.set_service(False)
        expect(headline).to_have_text("讀卡機服務沒有執行")


def test_a_test_signature_spends_the_last_attempt_only_when_told_to(
    make_card: CardFactory, generation: str, page: Page
) -> None:
    card = make_card(generation)
    with Rig(card, consent="ask") as rig:
        page.goto(f"{rig.own}/selfTest.htm")
        page.fill("#pin", WRONG_PIN)
        page.click("#sign")
        expect(page.locator("#headline")).to_contain_text("剩餘兩次機會")
        page.fill("#pin", PIN)
        page.click("#sign")
        page.click("#confirmno")
        expect(page.locator("#headline")).to_contain_text("使用者已取消動作")
        assert card.data.attempts_left == 2
        page.fill("#pin", PIN)
        page.click("#sign")
        page.click("#confirmyes")
        expect(page.locator("#headline")).to_have_text("一切正常，可以使用了")
        assert page.input_value("#pin") == ""
    assert card.data.attempts_left == 3


def test_several_cards_can_be_chosen_from(make_card: CardFactory, page: Page) -> None:
    with Rig(make_card("gen1"), make_card("gen2"), consent="ask") as rig:
        page.goto(f"{rig.own}/selfTest.htm")
        expect(page.locator("#check-kind p").first).to_have_text("自然人憑證（第一代）")
        page.select_option("#reader", index=1)
        expect(page.locator("#check-kind p").first).to_have_text("自然人憑證（第二代）")


def test_it_says_so_when_the_agent_ends(make_card: CardFactory, page: Page) -> None:
    with Rig(make_card(), consent="ask") as rig:
        page.goto(f"{rig.own}/selfTest.htm")
        expect(page.locator("#headline")).to_have_text("都準備好了")
    expect(page.locator("#headline")).to_have_text("安控沒有回答")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.xdist_group("port61161")
def test_a_page_that_knows_only_the_old_port(
    make_card: CardFactory, page: Page, sites: Sites
) -> None:
    if not is_free(61161):
        pytest.skip("another program holds port 61161")
    with Rig(make_card(), port=61161) as rig:
        assert rig.port == 61161
        for host in ("localhost", "127.0.0.1"):
            with urllib.request.urlopen(f"http://{host}:61161/") as answer:
                assert b"version:1.3.5" in answer.read()
        page.goto(sites.url("classic.html", port=61161))
        with page.expect_popup():
            page.click("#sign")
        page.wait_for_function("outcomes.length === 1")
        signed = base64.b64decode(page.evaluate("outcomes[0].signature"))
    assert verify(signed).content == b"TBS"
