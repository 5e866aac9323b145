"""The desk in a real browser: by keyboard alone, with and without a script, and when time is up."""

import re
from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from sqlalchemy import select

from agent.portal.members import CardLogin
from agent.portal.online import applying
from agent.portal.online.records import case_of_number
from agent.portal.online.states import CaseState
from agent.portal.online.tables import CASE
from agent.portal.staff import sessions
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.virtualcard import cardfile
from tests.browser.world import TIMEOUT, World
from tests.portal.desk_support import Applicant

pytestmark = pytest.mark.browser

QUEUE = "staff/desk"

_numbers = count(1)


@pytest.fixture
def db(world: World) -> Iterator[PortalDatabase]:
    """Open the portal's database beside the portal."""
    database = PortalDatabase(world.programs.state / "portal" / "portal.db")
    database.open_here()
    yield database
    database.close_here()


@pytest.fixture
def cases(db: PortalDatabase) -> Iterator[list[str]]:
    """Send two applications, the only ones; give their numbers, the older first."""
    db.run_here(withdraw_all)
    applicants = [Applicant(next(_numbers)) for _ in range(2)]
    yield [db.run_here(each.send) for each in applicants]
    for each in applicants:  # the next test's cases are then the only ones
        db.run_here(lambda tx, each=each: applying.withdraw(tx, each.member(tx)))


def withdraw_all(tx: Transaction) -> None:
    """Leave nothing open of what other tests of this process have sent."""
    for member in tx.execute(select(CASE.c.member).where(CASE.c.ended.is_(None))).scalars().all():
        applying.withdraw(tx, member)


def let_in(db: PortalDatabase, context: BrowserContext, world: World) -> None:
    """Log a new reviewer in, as if the agent had."""
    certificates = cardfile.load(world.card().file).data.certificates
    (good,) = (each.der for each in certificates if each.id == b"SIGN")
    number = next(_numbers)

    def work(tx: Transaction) -> str:
        card = CardLogin(f"{number:064x}", "1234")
        staff = add_staff(tx, f"審核測試{number}", card, [Role.REVIEWER])
        return sessions.log_in(tx, sessions.open_session(tx).session, staff, good).token

    context.add_cookies([{"name": "staff", "value": db.run_here(work), "url": f"{world.url}staff"}])


@pytest.fixture
def desk(page: Page, world: World, db: PortalDatabase) -> Page:
    """Open the desk as a reviewer."""
    let_in(db, page.context, world)
    page.goto(f"{world.url}{QUEUE}")
    return page


def state(db: PortalDatabase, number: str) -> CaseState:
    return db.read_here(lambda tx: case_of_number(tx, number).state)


def open_case(page: Page, number: str) -> None:
    page.get_by_role("button", name=f"開始審核案件 {number}").click()
    shown(page, number)


def shown(page: Page, number: str) -> None:
    """Wait until the page of a case is there with its picture."""
    expect(page).to_have_title(re.compile(number))
    picture = page.locator(".desk-side img").first
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("each => each.naturalWidth") > 0


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_a_case_is_approved_by_keyboard_alone_and_the_next_one_opens(
    desk: Page, db: PortalDatabase, cases: list[str]
) -> None:
    desk.reload()
    press(desk, "n")
    shown(desk, cases[0])
    press(desk, "b", "+", "+", "]", "0", "f", "1", "2", "3", "4", "5", "6", "a")
    expect(desk.locator("[data-decision=approve] [data-confirm]")).to_be_focused()
    press(desk, "Enter")
    shown(desk, cases[1])
    expect(desk.locator(".notice.ok")).to_contain_text(f"{cases[0]} 已通過")
    assert state(db, cases[0]) is CaseState.APPROVED
    press(desk, "r", "3", "Enter")
    expect(desk.locator(".notice.ok")).to_contain_text(f"{cases[1]} 未通過")
    case = db.read_here(lambda tx: case_of_number(tx, cases[1]))
    assert (case.state, case.reason) == (CaseState.REFUSED, "data_differ")


def test_more_is_asked_by_keyboard_alone(desk: Page, db: PortalDatabase, cases: list[str]) -> None:
    desk.reload()
    press(desk, "j", "j", "k", "Enter")
    shown(desk, cases[0])
    press(desk, "m")
    expect(desk.locator("#ask-text")).to_be_focused()
    desk.keyboard.type("a 1 r: please")  # letters are text here, and no keys
    press(desk, "Tab", "Enter", *["Tab"] * 5)  # a phrase is added, and the others passed
    expect(desk.locator("[data-decision=ask] [data-confirm]")).to_be_focused()
    press(desk, "Enter")
    shown(desk, cases[1])
    case = db.read_here(lambda tx: case_of_number(tx, cases[0]))
    assert case.state is CaseState.NEEDS_MORE
    assert (case.question or "").startswith("a 1 r: please")
    press(desk, "q")
    expect(desk.locator(".notice.ok")).to_contain_text(f"{cases[1]} 已放回清單")
    assert state(db, cases[1]) is CaseState.SENT


def test_approval_goes_to_what_was_not_checked(
    desk: Page, db: PortalDatabase, cases: list[str]
) -> None:
    desk.reload()
    open_case(desk, cases[0])
    press(desk, "1", "3", "a")
    expect(desk.locator("[name=check_sides]")).to_be_focused()
    press(desk, "Enter")  # the browser says what is missing, and sends nothing
    assert desk.locator("[name=check_sides]").evaluate("each => each.matches(':invalid')")
    press(desk, "Escape")
    expect(desk.locator("[data-decision=approve]")).not_to_have_attribute("open", "")
    assert state(db, cases[0]) is CaseState.IN_REVIEW
    press(desk, "q")


def look(page: Page) -> tuple[float, float, float, float]:
    """Return where the picture is on the page, and how large."""
    box = page.locator(".desk-side:not([hidden]) img").bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"], box["height"]


def test_a_picture_is_enlarged_turned_and_moved(desk: Page, cases: list[str]) -> None:
    desk.reload()
    open_case(desk, cases[0])
    stage = desk.locator(".desk-side:not([hidden]) .desk-stage")
    fitted = look(desk)
    press(desk, "+")
    assert look(desk)[2] == pytest.approx(fitted[2] * 1.25, rel=0.01)
    stage.focus()
    before = look(desk)
    press(desk, "ArrowRight")
    assert look(desk)[0] < before[0]
    press(desk, "0", "]")
    turned = look(desk)
    assert turned[3] > turned[2]  # on its side
    press(desk, "[")
    assert look(desk) == pytest.approx(fitted, abs=1)
    box = stage.bounding_box()
    assert box is not None
    desk.mouse.move(box["x"] + 10, box["y"] + 60)
    desk.mouse.wheel(0, -400)
    expect(desk.locator("[data-scale]")).not_to_have_text("100 %")
    before = look(desk)
    desk.mouse.down()
    desk.mouse.move(box["x"] + 110, box["y"] + 90)
    desk.mouse.up()
    after = look(desk)
    assert after[0] >= before[0]
    # However it is pulled, it never leaves the stage.
    for _ in range(60):
        press(desk, "ArrowLeft", "ArrowUp")
    x, y, width, height = look(desk)
    assert x < box["x"] + box["width"]
    assert y < box["y"] + box["height"]
    assert x + width > box["x"]
    assert y + height > box["y"]
    press(desk, "q")


def test_pictures_and_form_go_when_the_time_is_up(
    desk: Page, db: PortalDatabase, cases: list[str]
) -> None:
    desk.reload()
    desk.clock.install()
    # Ten idle minutes end the session before; so the page is told that little is left.
    open_case(desk, cases[0])
    desk.route("**/cases/*", lambda route: _with_seconds_left(route, 130))
    desk.reload()
    expect(desk.locator(".desk-clock")).to_contain_text("2:")
    desk.clock.fast_forward("00:20")
    expect(desk.locator("[data-ending]")).to_be_visible()
    desk.clock.fast_forward("02:00")
    expect(desk.locator("[data-ended]")).to_be_focused()
    expect(desk.locator("img")).to_have_count(0)
    expect(desk.locator(".desk-panel")).to_have_count(0)
    assert state(db, cases[0]) is CaseState.IN_REVIEW


def _with_seconds_left(route: Route, seconds: int) -> None:
    answer = route.fetch()
    body = re.sub(r'data-left="[0-9]+"', f'data-left="{seconds}"', answer.text())
    route.fulfill(response=answer, body=body)


def test_work_begins_the_time_anew(desk: Page, cases: list[str]) -> None:
    desk.reload()
    desk.clock.install()
    open_case(desk, cases[0])
    desk.clock.fast_forward("05:00")
    expect(desk.locator(".desk-clock")).to_contain_text("15:0")
    with desk.expect_response("**/prolong") as answered:
        press(desk, "1")
    assert answered.value.ok
    expect(desk.locator(".desk-clock")).to_contain_text(re.compile("20:00|19:5"))
    press(desk, "q")


def test_the_back_button_brings_no_picture_back(
    desk: Page, db: PortalDatabase, cases: list[str]
) -> None:
    desk.reload()
    open_case(desk, cases[0])
    press(desk, "r", "1")
    desk.locator("[data-decision=refuse] button[value=queue]").click()
    expect(desk.locator(".notice.ok")).to_contain_text("未通過")
    desk.go_back()
    expect(desk.locator("main")).to_contain_text("申請未通過")
    expect(desk.locator("img")).to_have_count(0)
    assert state(db, cases[0]) is CaseState.REFUSED


def test_keys_can_be_switched_off(desk: Page, cases: list[str]) -> None:
    desk.reload()
    open_case(desk, cases[0])
    press(desk, "?")
    desk.get_by_label("在此瀏覽器使用快速鍵").uncheck()
    press(desk, "1", "a")
    expect(desk.locator("[name=check_legible]")).not_to_be_checked()
    expect(desk.locator("[data-decision=approve]")).not_to_have_attribute("open", "")
    desk.reload()
    press(desk, "1")
    expect(desk.locator("[name=check_legible]")).not_to_be_checked()
    desk.locator("[data-keys-switch]").locator("xpath=ancestor::details").locator("summary").click()
    desk.get_by_label("在此瀏覽器使用快速鍵").check()
    press(desk, "1")
    expect(desk.locator("[name=check_legible]")).to_be_checked()
    press(desk, "q")


def test_without_a_script_a_case_is_looked_at_and_decided(
    page: Page, world: World, db: PortalDatabase, cases: list[str]
) -> None:
    browser = page.context.browser
    assert browser is not None
    context = browser.new_context(locale="en", java_script_enabled=False)
    context.set_default_timeout(TIMEOUT)
    try:
        let_in(db, context, world)
        plain = context.new_page()
        plain.goto(f"{world.url}{QUEUE}")
        plain.get_by_role("button", name=f"Start review of case {cases[0]}").click()
        expect(plain.locator(".desk-side img")).to_have_count(2)
        for side in plain.locator(".desk-side img").all():
            expect(side).to_be_visible()
        expect(plain.locator(".desk-lock")).to_contain_text("Yours until")
        plain.locator("[data-decision=approve] summary").click()
        for point in plain.locator(".desk-checks input").all():
            point.check()
        plain.get_by_role("button", name="Confirm, then to the queue").locator(
            "visible=true"
        ).click()
        expect(plain.locator(".notice.ok")).to_contain_text(f"{cases[0]}: approved.")
    finally:
        context.close()
    assert state(db, cases[0]) is CaseState.APPROVED


def test_a_desk_fits_a_small_screen_of_an_office(desk: Page, cases: list[str]) -> None:
    desk.set_viewport_size({"width": 1280, "height": 800})
    desk.reload()
    open_case(desk, cases[0])
    for part in (".desk-stage", ".desk-id", "[data-decision=ask] summary", "[data-view=right]"):
        box = desk.locator(part).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 800, part
        assert box["x"] + box["width"] <= 1280, part
    press(desk, "q")
