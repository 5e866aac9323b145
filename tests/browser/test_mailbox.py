"""The demonstration's mailbox in a real browser: it shows what arrives, with and without script."""

import re
import secrets
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.world import World

pytestmark = pytest.mark.browser


def some_mobile() -> str:
    return f"09{secrets.randbelow(10**8):08}"


def test_a_code_arrives_by_itself_and_is_announced(page: Page, world: World) -> None:
    page.goto(world.url)
    page.click("#to-mailbox")
    expect(page.locator("h1")).to_contain_text("示範信箱")
    other = page.context.new_page()
    other.goto(world.url)
    mobile = some_mobile()
    other.fill("#contact", mobile)
    other.click("#send-code")
    code = other.inner_text("#demo-code")
    page.bring_to_front()
    newest = page.locator(".message").first
    expect(newest).to_have_attribute("data-contact", mobile)
    expect(newest).to_contain_text(code)
    expect(page.locator("#arrived")).to_have_text("有新訊息。")
    other.fill("#code", code)
    other.click("#confirm-code")
    expect(newest).to_have_attribute("data-kind", "registered")


def test_who_chose_a_language_is_told_in_it(page: Page, world: World) -> None:
    page.goto(world.url)
    mobile = some_mobile()
    page.select_option("#language", "id")
    page.fill("#contact", mobile)
    page.click("#send-code")
    page.fill("#code", page.inner_text("#demo-code"))
    page.click("#confirm-code")
    page.wait_for_selector("#portrait")
    with page.expect_response("**/language"):
        page.select_option("#language", "vi")
    page.goto(urljoin(world.url, "mailbox"))
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    told = page.locator(f".message[data-contact='{mobile}'] [lang=id]")
    expect(told).to_have_count(2)


def test_it_works_without_script_and_by_keyboard_alone(browser: Browser, world: World) -> None:
    context = browser.new_context(
        locale="en-GB", java_script_enabled=False, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    page.goto(urljoin(world.url, "mailbox"))
    expect(page.locator("h1")).to_contain_text("Mailbox of the demonstration")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator("#look-again:focus").count():
            break
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/mailbox$"))
    context.close()
