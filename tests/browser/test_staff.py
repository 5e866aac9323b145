"""Staff at the counter in a real browser: the agent's own window asks for the PIN, never a page."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from agent.pki.reading import read_certificate
from agent.portal import members
from agent.portal.contact import parse_contact
from agent.portal.members import Proven, Way, card_login
from agent.portal.staff import sessions
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.virtualcard import cardfile
from agent.virtualcard.identity import generate_id_number
from tests.browser.world import PIN, TIMEOUT, TestCard, World
from tests.tray.prompt.desktop import Desktop

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys
AGAIN = 60  # looks, of 50 ms each, after which a key is pressed again


@pytest.fixture
def other_context(browser: Browser) -> Iterator[BrowserContext]:
    """Return the profile of somebody else at another computer."""
    context = browser.new_context(locale="zh-TW")
    context.set_default_timeout(TIMEOUT)
    yield context
    context.close()


def hire(world: World, card: TestCard, *roles: Role) -> str:
    """Put the owner of a card on the register, beside the portal; give the token of a session."""
    (der,) = (each.der for each in cardfile.load(card.file).data.certificates if each.id == b"SIGN")
    facts = read_certificate(der)

    def work(tx: Transaction) -> str:
        login = card_login(tx, facts.issuer, facts.subject_serial or "")
        staff = add_staff(tx, "林測試", login, roles)
        return sessions.log_in(tx, sessions.open_session(tx).session, staff, der).token

    database = PortalDatabase(Path(world.programs.state) / "portal" / "portal.db")
    database.open_here()
    try:
        return database.run_here(work)
    finally:
        database.close_here()


def start_asking(agent: World, card: TestCard) -> None:
    """Start an agent to which the portal is new, whatever other tests have answered it."""
    for path in (Path(agent.programs.state) / "agent").glob("sites.sqlite*"):
        path.unlink()
    agent.start_agent(card, consent="ask")


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
    start_asking(agent, card)
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
    start_asking(agent, agent.card("gen1"))
    page.goto(f"{agent.url}staff/login")
    go(page)
    answer(desktop, "Escape")
    expect(page.locator("#login-message .notice")).to_be_visible()
    go(page)
    answer(desktop, "alt+a")
    answer(desktop, *PIN, "Return")
    expect(page.locator("#login-message .notice")).to_contain_text("不是登錄的工作人員卡片")


@pytest.fixture
def clerk(page: Page, agent: World) -> Page:
    """Return the page of somebody who has logged in; no agent runs."""
    token = hire(agent, agent.card("gen2"), Role.CLERK, Role.AUDITOR)
    cookie = {"name": "staff", "value": token, "url": f"{agent.url}staff"}
    page.context.add_cookies([cookie])  # type: ignore[list-item]  # a cookie with an address
    return page


def test_the_keyboard_alone_serves_an_applicant(clerk: Page, agent: World) -> None:
    page = clerk
    page.goto(f"{agent.url}staff")
    page.keyboard.press("Alt+1")
    page.wait_for_url("**/staff/counter")
    expect(page.locator("#contact")).to_be_focused()
    page.keyboard.type(f"0956{time.time_ns() // 1000 % 1_000_000:06}")
    page.keyboard.press("Enter")
    expect(page.locator("#send-code")).to_be_focused()
    page.keyboard.press("Enter")
    code = page.inner_text("#demo-code")
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(page.locator("#id_number")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#id_number-error")).to_be_visible()
    expect(page.locator("#id_number")).to_be_focused()
    texts = (generate_id_number(time.time_ns() % 9_000_000), "陳測試", "79.1.31")
    for text in texts:
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # the first kind of document
    page.keyboard.press("Tab")
    page.keyboard.type("1234")
    for _ in range(12):
        if page.evaluate("document.activeElement.id") == "consent":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#done")).to_be_visible()
    expect(page.locator("#receipt")).to_be_focused()


def test_a_minute_before_the_end_the_page_warns_and_then_leads_to_the_login(
    clerk: Page, agent: World
) -> None:
    page = clerk
    page.clock.install()
    page.goto(f"{agent.url}staff/audit")
    page.clock.fast_forward(8 * 60 * 1000)
    expect(page.locator("#idle-warning")).to_be_hidden()
    page.clock.fast_forward(61_000)
    expect(page.locator("#idle-stay")).to_be_focused()
    with page.expect_response("**/staff/stay"):
        page.keyboard.press("Enter")
    expect(page.locator("#idle-warning")).to_be_hidden()
    with page.expect_request("**/staff/login?ended=1*"):
        page.clock.fast_forward(11 * 60 * 1000)


def answer(desktop: Desktop, *keys: str) -> None:
    """Answer the agent's window and wait until it is gone; another one may have followed.

    A single key is pressed again where the window, on a slow machine, was not awake yet.
    """
    answered = look_of(desktop, desktop.see())
    time.sleep(AWAKE)
    desktop.picture(f"staff-{keys[0]}")
    for waited in count():
        if waited == 0 or (len(keys) == 1 and waited % AGAIN == 0):
            desktop.press(*keys)
        if answered not in {look_of(desktop, window) for window in shown(desktop)}:
            return
        time.sleep(0.05)


def shown(desktop: Desktop) -> list[str]:
    """Return the numbers of the agent's windows that are to be seen."""
    try:
        return desktop.do("xdotool", "search", "--onlyvisible", "--class", "Ankong").split()
    except subprocess.CalledProcessError:
        return []


def look_of(desktop: Desktop, window: str) -> tuple[str, str, int, int] | None:
    """Return by what a window is known; its number alone the next one may get, too."""
    try:
        title = desktop.do("xdotool", "getwindowname", window)
        return (window, title, *desktop.size(window))
    except subprocess.CalledProcessError:  # it is gone meanwhile
        return None


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


def test_a_contact_is_changed_by_keyboard_alone(clerk: Page, agent: World) -> None:
    page, digits = clerk, f"{secrets.randbelow(10**7):07}"
    old, new = f"091{digits}", f"092{digits}"
    id_number = generate_id_number(secrets.randbelow(10**6))
    state = agent.programs.state / "portal" / "portal.db"
    database = PortalDatabase(state)
    database.open_here()
    database.run_here(gold_member, old, id_number)
    page.goto(f"{agent.url}staff/counter")
    page.locator("#change-contact").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#contact")).to_be_focused()
    for typed in (old, id_number):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("1234")
    page.keyboard.press("Tab")
    page.keyboard.type(new)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator("#send-code")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(page.inner_text("#demo-code"))
    page.keyboard.press("Enter")
    expect(page.locator("#done")).to_be_visible()
    expect(page.locator("#next")).to_be_focused()
    contacts = database.read_here(contacts_of_id_number, id_number)
    database.close_here()
    assert contacts == [new]


def gold_member(tx: Transaction, contact: str, id_number: str) -> None:
    member = members.register(tx, parse_contact(contact))
    proven = Proven(Way.COUNTER, id_number, "王測試", {"document_1": "national_id"})
    assert members.make_gold(tx, member, proven) is None


def contacts_of_id_number(tx: Transaction, id_number: str) -> list[str]:
    member = members.member_of_id_number(tx, id_number)
    assert member is not None
    return [contact.value for contact in members.contacts_of(tx, member)]
