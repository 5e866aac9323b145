"""Closing an account by a case in two real browsers at once: the member's and the reviewer's."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.portal import members
from agent.portal.members import Proven, Way
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.virtualcard.identity import generate_id_number
from tests.browser.test_desk import QUEUE, db, let_in, open_case, press
from tests.browser.test_online import photo, send, upload
from tests.browser.world import TIMEOUT, World, register

pytestmark = pytest.mark.browser
__all__ = ["db", "photo"]  # fixtures


@pytest.fixture
def desk(browser: Browser, world: World, db: PortalDatabase) -> Iterator[Page]:
    """Open the desk as a reviewer, in another browser than the member's."""
    context = browser.new_context(locale="zh-TW")
    context.set_default_timeout(TIMEOUT)
    let_in(db, context, world)
    page = context.new_page()
    page.goto(f"{world.url}{QUEUE}")
    yield page
    context.close()


def become_gold(page: Page, db: PortalDatabase, id_number: str) -> None:
    """Make the member of a page gold, as a counter does."""
    label = re.search(r"[0-9a-f]{16}", page.inner_text("#portrait"))
    assert label is not None
    proven = Proven(Way.COUNTER, id_number, "王測試", {"document_1": "national_id"})
    assert db.run_here(members.make_gold, label[0], proven) is None


def is_closing(tx: Transaction, id_number: str) -> bool:
    member = members.member_of_id_number(tx, id_number)
    return member is not None and members.closing_of(tx, member) is not None


def test_a_gold_member_without_a_card_asks_and_a_reviewer_agrees(
    page: Page, desk: Page, world: World, db: PortalDatabase, photo: Path
) -> None:
    id_number = generate_id_number(7101)
    register(page, world.url)
    page.goto(f"{world.url}#/member")
    page.wait_for_selector("#portrait")
    become_gold(page, db, id_number)
    page.reload()
    page.click("#to-close")
    page.click("#begin-case")
    expect(page.locator("#closing")).to_contain_text("註銷帳號")
    page.fill("#id_number", id_number)
    page.fill("#name", "王測試")
    page.fill("#born", "81/2/29")
    page.check("[name=document][value=id_card]")
    page.click("#next")
    for side in ("front", "back"):
        upload(page, side, photo)
    number = send(page)
    page.goto(f"{world.url}#/member")
    expect(page.locator("#applications")).to_contain_text("註銷帳號")
    expect(page.locator("#applications")).not_to_contain_text("線上")

    desk.reload()
    expect(desk.locator("tr", has_text=number)).to_contain_text("註銷帳號")
    open_case(desk, number)
    expect(desk.locator("#closing")).to_contain_text("要註銷帳號，不是申請成為金質會員")
    expect(desk.locator("#match")).to_have_attribute("data-same", "yes")
    press(desk, "1", "2", "3", "4", "5", "6", "a")
    expect(desk.locator("[data-decision=approve] [data-confirm]")).to_be_focused()
    press(desk, "Enter")
    expect(desk.locator(".notice.ok")).to_contain_text(f"{number} 已通過，帳號將在 7 天後註銷")
    assert db.read_here(is_closing, id_number)

    page.goto(f"{world.url}ways/online/case/{number}")
    page.click("#to-close")
    page.click("#keep-account")
    expect(page.locator(".notice.ok")).to_contain_text("帳號已保留")
    assert not db.read_here(is_closing, id_number)
    page.goto(f"{world.url}#/member")
    page.wait_for_selector("#portrait.gold")
