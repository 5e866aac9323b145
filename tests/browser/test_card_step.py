"""The PIN box follows reader and card, and each failure has its own message."""

import re

import pytest
from playwright.sync_api import Page, expect

from agent.virtualcard.issuer import Validity
from tests.browser.world import PIN, WRONG_PIN, World, chip, go, panel, register, to_pin

pytestmark = pytest.mark.browser


def message(page: Page, text: str) -> None:
    expect(page.locator(".card-message .notice")).to_have_text(re.compile(text))


def enter(page: Page, pin: str) -> None:
    page.fill("#pin", pin)
    page.click("#submit-pin")


def test_a_member_becomes_gold(page: Page, agent: World, generation: str) -> None:
    card = agent.card(generation)
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    expect(page.locator(".holder")).to_contain_text("王測試")
    expect(page.locator("#pin")).to_have_attribute("type", "text")  # a password would be saved
    enter(page, PIN)
    page.wait_for_selector(".success")
    expect(page.locator("#portrait .badge.gold")).to_have_text("金質會員")


def test_the_box_follows_the_card(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    page.fill("#pin", "12345")
    card.pull()
    expect(panel(page, "empty")).to_contain_text("請插入自然人憑證")
    message(page, "卡片已抽出")
    expect(page.locator("#pin")).to_have_count(0)
    card.insert()
    panel(page, "pin")
    expect(page.locator("#pin")).to_have_value("")
    expect(page.locator("#pin")).to_be_focused()
    expect(page.locator(".card-message .notice")).to_have_count(0)


def test_the_box_is_there_only_while_the_agent_is(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    panel(page, "pin")
    agent.stop_agent()
    expect(panel(page, "notRunning")).to_contain_text("安控元件未運行")
    agent.start_agent(card)
    panel(page, "pin")


def test_an_empty_reader_asks_for_the_card(page: Page, agent: World) -> None:
    agent.start_agent()
    register(page, agent.url)
    to_pin(page, agent.card().id_number)
    expect(panel(page, "empty")).to_contain_text("讀卡機已就緒")


def test_wrong_pins_are_counted_down_to_the_lock(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    enter(page, WRONG_PIN)
    message(page, "PIN 碼錯誤，還可以輸入 2 次")
    expect(page.locator("#pin")).to_have_value("")
    page.select_option("#language", "en")
    expect(page.locator("#tries")).to_contain_text("2")
    page.select_option("#language", "zh-Hant")
    enter(page, WRONG_PIN)
    message(page, "PIN 碼錯誤，還可以輸入 1 次")
    expect(page.locator(".pin-form .notice.warning")).to_contain_text("只剩最後 1 次機會")
    # The agent asks, and the page does not: nobody is asked the same thing twice.
    expect(page.locator(".pin-form input[type=checkbox]")).to_have_count(0)
    enter(page, WRONG_PIN)
    expect(panel(page, "locked")).to_contain_text("卡片已鎖住")
    expect(page.locator("#pin")).to_have_count(0)


@pytest.mark.parametrize("pin", ["12345", "123456789", "12 4567", "１２３４５６"])
def test_a_pin_that_no_card_takes_costs_no_attempt(page: Page, agent: World, pin: str) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    enter(page, pin)
    expect(page.locator("#pin-error")).to_contain_text("沒有送到卡片")
    enter(page, WRONG_PIN)
    message(page, "還可以輸入 2 次")


@pytest.mark.parametrize(
    ("validity", "view", "text"),
    [(Validity.EXPIRED, "expired", "憑證已過期"), (Validity.NOT_YET, "notYet", "憑證尚未生效")],
)
def test_a_card_out_of_its_time_is_told_before_a_pin_is_spent(
    page: Page, agent: World, validity: Validity, view: str, text: str
) -> None:
    card = agent.card(validity=validity)
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    expect(panel(page, view)).to_contain_text(text)
    expect(page.locator("#pin")).to_have_count(0)


def test_a_locked_card_is_told_when_it_is_used(page: Page, agent: World) -> None:
    card = agent.card(attempts_left=0)
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    page.wait_for_selector("#pin, #card-panel[data-view=locked]")
    if page.locator("#pin").count():
        enter(page, PIN)
    expect(panel(page, "locked")).to_contain_text("卡片已鎖住")


def test_another_persons_card_is_told_before_a_pin_is_spent(page: Page, agent: World) -> None:
    agent.start_agent(agent.card())
    register(page, agent.url)
    to_pin(page, agent.card().id_number)
    expect(panel(page, "mismatch")).to_contain_text("卡片與身分證字號不符")
    page.click("#card-panel a")
    expect(page.locator("#id-number")).to_be_visible()


def test_of_two_cards_one_is_chosen(page: Page, agent: World) -> None:
    first, second = agent.card(), agent.card("gen2")
    agent.start_agent(first, second)
    register(page, agent.url)
    to_pin(page, second.id_number)
    panel(page, "mismatch")
    page.locator(".chooser input").nth(1).check()
    panel(page, "pin")
    enter(page, PIN)
    page.wait_for_selector(".success")


def test_a_site_that_is_not_allowed_is_told_so(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card, consent="deny")
    register(page, agent.url)
    to_pin(page, card.id_number)
    expect(panel(page, "refused")).to_contain_text("還沒有允許本網站")
    expect(page.locator("#card-retry")).to_be_visible()
    chip(page, "running")


def test_the_server_has_the_last_word(page: Page, agent: World) -> None:
    """A certificate that the portal's authority has revoked: only the server can know."""
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    to_pin(page, card.id_number)
    page.route(
        "**/api/upgrade/card",
        lambda route: route.fulfill(
            status=403,
            json={
                "error": {
                    "code": "certificate_revoked",
                    "message": {"zh-Hant": "卡片上的憑證已經廢止。", "en": "Revoked."},
                    "retriable": False,
                }
            },
        ),
    )
    enter(page, PIN)
    message(page, "憑證已經廢止")
    go(page, "member")
    expect(page.locator("#portrait.ordinary")).to_be_visible()
