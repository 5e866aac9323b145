"""An application online in a real browser: with and without a script, by keyboard, on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from agent.portal.members import CardLogin
from agent.portal.online import reviewing
from agent.portal.online.states import CaseRules, RefusalReason
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.database import PortalDatabase
from agent.virtualcard.identity import generate_id_number
from tests.browser.world import TIMEOUT, World, register

pytestmark = pytest.mark.browser

WAY = "ways/online"


@pytest.fixture
def db(world: World) -> Iterator[PortalDatabase]:
    """Open the portal's database beside the portal."""
    database = PortalDatabase(world.programs.state / "portal" / "portal.db")
    database.open_here()
    yield database
    database.close_here()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture that is large and light enough, and shows nothing."""
    path = tmp_path / "photo.jpg"
    Image.effect_noise((1600, 1000), 60).convert("RGB").save(path, quality=60)
    return path


@pytest.fixture
def scriptless(browser: Browser, page: Page, world: World) -> Iterator[Page]:
    """A browser of a member in which no script runs; who has registered before."""
    register(page, world.url)
    context = browser.new_context(
        locale="en", java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    context.set_default_timeout(TIMEOUT)
    context.add_cookies(page.context.cookies())  # type: ignore[arg-type]  # as they were given
    yield context.new_page()
    context.close()


def fill_in(page: Page, url: str, number: int) -> None:
    page.goto(url + WAY)
    page.click("#begin")
    page.fill("#id_number", generate_id_number(number))
    page.fill("#name", "王測試")
    page.fill("#born", "81/2/29")
    page.check("[name=document][value=health_card]")
    page.click("#next")


def upload(page: Page, side: str, photo: Path) -> None:
    page.set_input_files(f"#picture-{side}", photo)
    page.click(f"#upload-{side}")
    page.wait_for_selector(f".side.there:has(#picture-{side})")


def send(page: Page) -> str:
    """Send what is there; return the case number."""
    page.click("#next")
    page.check("#consent")
    page.click("#send")
    page.wait_for_selector("#case[data-state=sent]")
    return page.url.rpartition("/")[2]


def test_a_whole_application_without_a_script(
    scriptless: Page, world: World, db: PortalDatabase, photo: Path
) -> None:
    page = scriptless
    fill_in(page, world.url, 7001)
    page.set_input_files("#picture-front", __file__)
    page.click("#upload-front")
    expect(page.locator("#picture-front-error")).not_to_be_empty()
    for side in ("front", "back"):
        upload(page, side, photo)
    number = send(page)
    reviewer = hire(db, 1)
    db.run_here(reviewing.claim, reviewer, number)
    db.run_here(reviewing.ask_for_more, reviewer, number, "The back, please.", CaseRules())
    page.reload()
    expect(page.locator("#question")).to_have_text("The back, please.")
    page.click("#answer")
    upload(page, "back", photo)
    page.click("#next")
    page.fill("#message", "Here it is.")
    page.check("#consent")
    page.click("#send")
    page.wait_for_selector("#case[data-state=sent]")
    db.run_here(reviewing.claim, reviewer, number)
    assert db.run_here(reviewing.read_form, reviewer, number).message == "Here it is."
    db.run_here(reviewing.refuse, reviewer, number, RefusalReason.DATA_DIFFER, CaseRules())
    page.reload()
    expect(page.locator("#reason")).to_have_attribute("data-reason", "data_differ")


def test_a_draft_waits_for_who_comes_back_and_a_picture_is_looked_at_before_it_is_sent(
    page: Page, world: World, photo: Path, tmp_path: Path
) -> None:
    register(page, world.url)
    fill_in(page, world.url, 7002)
    dark = tmp_path / "dark.png"
    Image.new("RGB", (1200, 800), "#050505").save(dark)
    page.set_input_files("#picture-front", dark)
    expect(page.locator("form:has(#picture-front) li[data-hint=dark]")).to_be_visible()
    page.set_input_files("#picture-front", __file__)
    page.click("#upload-front")
    expect(page.locator("#picture-front-error")).not_to_be_empty()
    expect(page.locator("#picture-front")).to_be_focused()
    upload(page, "front", photo)
    page.goto(world.url + WAY)  # another day
    page.click("#begin")
    expect(page.locator("#name")).to_have_value("王測試")
    page.click("#next")
    expect(page.locator(".side.there")).to_have_count(1)
    expect(page.locator("#next")).to_have_count(0)
    upload(page, "back", photo)
    number = send(page)
    page.go_back()
    page.reload()
    page.wait_for_selector("[data-code=case_changed], #case")
    page.goto(f"{world.url}{WAY}/case/{number}")
    page.click("#withdraw")
    page.wait_for_selector("#case[data-state=withdrawn]")


def test_an_application_is_filled_in_by_keyboard_alone(page: Page, world: World) -> None:
    register(page, world.url)
    page.goto(world.url + WAY)
    page.locator("#begin").focus()
    page.keyboard.press("Enter")
    page.locator("#id_number").focus()
    page.keyboard.type("A123456780")
    for text in ("王測試", "1990-02-30"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    wrong = page.locator("[aria-invalid=true]")
    expect(wrong).to_have_count(2)
    for each in wrong.all():
        described = str(each.get_attribute("aria-describedby")).split()[-1]
        expect(page.locator(f"#{described}")).to_have_text(re.compile("."))
    expect(page.locator("[name=document][value=id_card]")).to_be_checked()


def hire(db: PortalDatabase, number: int) -> int:
    card = CardLogin(f"{9000 + number:064x}", "1234")
    return db.run_here(lambda tx: add_staff(tx, "林測試", card, [Role.REVIEWER]).id)
