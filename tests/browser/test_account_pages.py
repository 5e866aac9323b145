"""A member's own pages in a real browser: the card, the contacts, closing and keeping."""

import re
import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.browser.world import PIN, TestCard, World, go, register, to_pin

pytestmark = pytest.mark.browser


def become_gold(page: Page, world: World, card: TestCard) -> None:
    register(page, world.url)
    to_pin(page, card.id_number)
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector(".success")
    go(page, "member")


def test_a_replaced_card_becomes_the_login(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    become_gold(page, agent, card)
    expect(page.locator("#how-gold")).to_contain_text("自然人憑證")
    agent.stop_agent()
    new = agent.card(id_number=card.id_number)
    agent.start_agent(new)
    page.click("#to-card")
    page.fill("#id-number", card.id_number)
    page.click("#next")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    expect(page.locator("main > .notice.ok")).to_contain_text("可以用這張自然人憑證登入")
    page.click("#logout")
    page.click("#card-login")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    page.wait_for_selector("#portrait.gold")


def test_an_account_is_closed_by_card_and_kept_by_one_click(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    become_gold(page, agent, card)
    page.click("#to-close")
    page.click("#by-card")
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    banner = page.locator("main > .notice.warning")
    expect(banner).to_contain_text("您已申請註銷帳號")
    other = page.context.new_page()
    other.goto(agent.url)
    other.click("#keep-account")
    expect(other.locator("main > .notice.ok")).to_contain_text("帳號已保留")
    expect(banner).to_have_count(0)  # in the first tab, too


def test_who_has_a_number_that_is_taken_is_led_to_that_account(page: Page, agent: World) -> None:
    card = agent.card()
    agent.start_agent(card)
    become_gold(page, agent, card)
    page.click("#logout")
    page.wait_for_selector("#contact")
    register(page, agent.url)
    to_pin(page, card.id_number)
    page.fill("#pin", PIN)
    page.click("#submit-pin")
    expect(page.locator("h1")).to_have_text("身分證已被使用")
    expect(page.locator(".notice.error")).to_contain_text(re.compile(r"09\d\d\*\*\*\d\d\d"))
    page.click("#change-account")
    page.wait_for_selector("#contact")


def test_without_a_script_contacts_change_and_the_account_closes(page: Page, world: World) -> None:
    register(page, world.url)
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(java_script_enabled=False, locale="zh-TW") as plain:
        plain.add_cookies(page.context.cookies())  # type: ignore[arg-type]  # what it gave itself
        form = plain.new_page()
        form.goto(f"{world.url}account/contacts")
        form.fill("#contact", f"tester{secrets.token_hex(4)}@example.test")
        form.press("#contact", "Enter")
        form.fill("#code", form.inner_text(".demo-code"))
        form.press("#code", "Enter")
        expect(form.locator(".notice.ok")).to_contain_text("已經更新")
        expect(form.locator(".login-item .at-end")).to_have_count(2)
        form.goto(f"{world.url}account/close")
        form.click("#send-code")
        form.fill("#code_email", form.locator(".demo-code").last.inner_text())
        form.click("#confirm-close")
        expect(form.locator(".notice.warning")).to_contain_text("註銷已經受理")
        form.reload()
        form.click("#keep-account")
        expect(form.locator(".notice.ok")).to_contain_text("帳號已保留")


def test_the_language_is_the_same_on_both_kinds_of_pages(page: Page, world: World) -> None:
    register(page, world.url)
    page.select_option("#language", "en")
    page.click("#to-data")
    expect(page.locator("h1")).to_have_text("Your data")
    page.select_option("#language", "zh-Hant")
    page.click(".language button")
    expect(page.locator("h1")).to_have_text("我的資料")
    page.click(".back")
    expect(page.locator("h1")).to_have_text("會員中心")
