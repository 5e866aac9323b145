"""Staff at the counter in a real browser: the agent's own window asks for the PIN, never a page."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from agent.pki.reading import read_certificate
from agent.portal.members import card_login
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.virtualcard import cardfile
from agent.virtualcard.identity import generate_id_number
from tests.browser.world import PIN, TIMEOUT, TestCard, World
from tests.tray.prompt.desktop import Desktop

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys


@pytest.fixture
def other_context(browser: Browser) -> Iterator[BrowserContext]:
    """Return the profile of somebody else at another computer."""
    context = browser.new_context(locale="zh-TW")
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


def hire(world: World, card: TestCard, *roles: Role) -> None:
    """Put the owner of a card on the register, beside the running portal."""
    (der,) = (each.der for each in cardfile.load(card.file).data.certificates if each.id == b"SIGN")
    facts = read_certificate(der)

    def work(tx: Transaction) -> None:
        add_staff(tx, "林測試", card_login(tx, facts.issuer, facts.subject_serial or ""), roles)

    database = PortalDatabase(Path(world.programs.state) / "portal" / "portal.db")
    database.open_here()
    try:
        database.run_here(work)
    finally:
        database.close_here()


def log_in(desktop: Desktop, page: Page, url: str) -> None:
    """Log in with the card that is in the reader; the PIN goes into the agent's window."""
    page.goto(f"{url}staff/login")
    go(page)
    answer(desktop, "alt+a")
    answer(desktop, *PIN, "Return")
    page.wait_for_url("**/staff")


def test_a_clerk_makes_a_member_gold_and_a_pulled_card_logs_out(
    desktop: Desktop, page: Page, other_context: BrowserContext, agent: World
) -> None:
    card = agent.card("gen2")
    hire(agent, card, Role.CLERK)
    agent.start_agent(card, consent="ask")
    mobile = f"0955{time.time_ns() // 1000 % 1_000_000:06}"
    member = other_context.new_page()
    become_ordinary(member, agent.url, mobile)
    log_in(desktop, page, agent.url)
    page.click(".areas a[href='/staff/counter']")
    page.fill("#contact", mobile)
    page.keyboard.press("Enter")
    page.click("#send-code")
    page.fill("#code", page.inner_text("#demo-code"))
    page.keyboard.press("Enter")
    page.fill("#id_number", generate_id_number(time.time_ns() % 9_000_000))
    page.fill("#name", "陳測試")
    page.fill("#birth_date", "79/1/31")
    page.select_option("#document_1", "national_id")
    page.fill("#document_1_last4", "1234")
    page.check("#consent")
    page.click("#make-gold")
    expect(page.locator("#done")).to_be_visible()
    page.click("#receipt")
    expect(page.locator(".receipt")).to_contain_text("陳測試")
    member.reload()
    expect(member.locator("#portrait .badge.gold")).to_have_text("金質會員")
    card.pull()
    page.wait_for_url("**/staff/login?ended=card")
    page.goto(f"{agent.url}staff/counter")
    expect(page.locator("#staff-login")).to_be_visible()


def test_a_card_of_nobody_and_a_cancelled_pin_are_told_in_words(
    desktop: Desktop, page: Page, agent: World
) -> None:
    agent.start_agent(agent.card("gen1"), consent="ask")
    page.goto(f"{agent.url}staff/login")
    go(page)
    answer(desktop, "Escape")
    expect(page.locator("#login-message .notice")).to_be_visible()
    go(page)
    answer(desktop, "alt+a")
    answer(desktop, *PIN, "Return")
    expect(page.locator("#login-message .notice")).to_contain_text("不是登錄的工作人員卡片")


def answer(desktop: Desktop, *keys: str) -> None:
    """Answer the agent's window and wait until it is gone."""
    window = desktop.see()
    time.sleep(AWAKE)
    desktop.picture(f"staff-{keys[0]}")
    desktop.press(*keys)
    while window in shown(desktop):  # another one may have followed
        time.sleep(0.05)


def shown(desktop: Desktop) -> list[str]:
    """Return the numbers of the agent's windows that are to be seen."""
    try:
        return desktop.do("xdotool", "search", "--onlyvisible", "--class", "Ankong").split()
    except subprocess.CalledProcessError:
        return []


def go(page: Page) -> None:
    """Press the button as soon as the page lets one."""
    page.locator("#login-go:enabled").wait_for()
    page.click("#login-go")


def become_ordinary(page: Page, url: str, mobile: str) -> None:
    """Register with this number, as the page would."""
    page.goto(url)
    page.fill("#contact", mobile)
    page.click("#send-code")
    page.fill("#code", page.inner_text("#demo-code"))
    page.click("#confirm-code")
    page.wait_for_selector("#portrait")
