"""The way by mobile operator in real browsers: a desktop, and a phone with an authenticator."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.portal.demo.telecom import PHONE, add_authenticator
from agent.virtualcard.identity import generate_id_number
from tests.browser.world import TIMEOUT, World, register

pytestmark = pytest.mark.browser


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone's browser, which has never been here and can verify its user."""
    context = browser.new_context(locale="zh-TW", viewport=PHONE, has_touch=True, is_mobile=True)
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    add_authenticator(page, is_user_verified=True)
    yield page
    context.close()


def begin(page: Page, world: World) -> str:
    """Begin on the desktop; give the address that the code holds."""
    register(page, world.url)
    page.goto(f"{world.url}ways/telecom")
    page.click("#begin")
    page.wait_for_selector(".qr svg")
    return str(page.get_attribute("#open-phone", "href"))


def fill_in(phone: Page, link: str, number: int) -> None:
    phone.goto(link)
    phone.check("#consent")
    phone.click("#connect")
    phone.fill("#id_number", generate_id_number(number))
    phone.fill("#name", "王測試")
    phone.fill("#born", "79/1/31")
    phone.fill("#mobile", "0912345678")
    phone.click("#next")
    phone.wait_for_selector("[data-step=device]")


def ask(phone: Page, play: str, button: str = "agree") -> None:
    phone.click("#ask")
    phone.select_option("#play", play)
    phone.click(f"[name={button}]")
    phone.wait_for_selector("#phone")


def shot(page: Page, name: str) -> None:
    """Look at a page, where somebody says where pictures go."""
    if folder := os.environ.get("ANKONG_SHOTS"):
        page.screenshot(path=Path(folder) / f"telecom-{name}.png", full_page=True)


def test_the_desktop_follows_the_phone_to_gold(page: Page, phone: Page, world: World) -> None:
    link = begin(page, world)
    shot(page, "desktop-code")
    phone.goto(link)
    shot(phone, "phone-start")
    fill_in(phone, link, 51)
    shot(phone, "phone-device")
    expect(page.locator("#telecom")).to_have_attribute("data-state", "device")
    shot(page, "desktop-connected")
    phone.click("#verify")
    phone.wait_for_selector("[data-step=operator]")
    shot(phone, "phone-operator")
    ask(phone, "wifi")
    expect(phone.locator("#outcome")).to_have_attribute("data-outcome", "not_mobile_network")
    shot(phone, "phone-wifi")
    ask(phone, "birth_date")
    expect(phone.locator("#outcome")).to_have_attribute("data-outcome", "birth_date_differs")
    shot(phone, "phone-differs")
    phone.click("#next")
    ask(phone, "match")
    expect(phone.locator("#outcome")).to_have_attribute("data-outcome", "gold")
    shot(phone, "phone-gold")
    expect(page.locator("#outcome")).to_have_attribute("data-outcome", "gold")
    shot(page, "desktop-gold")
    page.click("#member")
    page.wait_for_selector("#portrait.gold")


def test_a_phone_that_cannot_verify_its_holder_is_shown_the_other_ways(
    browser: Browser, page: Page, world: World
) -> None:
    link = begin(page, world)
    context = browser.new_context(locale="en", viewport=PHONE)
    context.set_default_timeout(TIMEOUT)
    unable = context.new_page()
    fill_in(unable, link, 52)
    unable.click("#verify")
    unable.wait_for_selector("[data-why=unable]:visible")
    shot(unable, "phone-unable")
    unable.click("#other-online")
    context.close()


def test_who_does_not_unlock_the_phone_goes_no_further(
    browser: Browser, page: Page, world: World
) -> None:
    link = begin(page, world)
    context = browser.new_context(locale="zh-TW", viewport=PHONE)
    context.set_default_timeout(TIMEOUT)
    phone = context.new_page()
    add_authenticator(phone, is_user_verified=False)
    fill_in(phone, link, 53)
    phone.click("#verify")
    phone.wait_for_selector("#device-alert [data-why]:visible")
    expect(phone.locator("#phone")).to_have_attribute("data-step", "device")
    context.close()


def test_on_this_computer_the_phones_page_opens_in_a_small_window(page: Page, world: World) -> None:
    begin(page, world)
    with page.expect_popup() as opened:
        page.click("#open-phone")
    small = opened.value
    small.wait_for_selector("#phone[data-step=start]")
    assert small.evaluate("innerWidth") < 600
    small.close()


def test_a_keyboard_alone_plays_the_phones_pages(page: Page, phone: Page, world: World) -> None:
    link = begin(page, world)
    phone.goto(link)
    phone.focus("#consent")
    phone.keyboard.press("Space")
    phone.keyboard.press("Tab")
    phone.keyboard.press("Enter")
    phone.wait_for_selector("[data-step=form]")
    phone.focus("#id_number")
    for text in (generate_id_number(54), "王測試", "79/1/31", "0912345678"):
        phone.keyboard.type(text)
        phone.keyboard.press("Tab")
    phone.keyboard.press("Enter")
    phone.wait_for_selector("[data-step=device]")
    phone.focus("#verify")
    phone.keyboard.press("Enter")
    phone.wait_for_selector("[data-step=operator]")
    phone.focus("#ask")
    phone.keyboard.press("Enter")
    phone.focus("[name=agree]")
    phone.keyboard.press("Enter")
    expect(phone.locator("#outcome")).to_have_attribute("data-outcome", "gold")
