"""Questions as pages of a browser, in real Chromium: asked, read, answered by keyboard alone."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.panel.conftest import SHOP, PanelAgent
from tests.browser.panel.question_support import (
    Asking,
    OpenedPages,
    picture,
    until_awake,
    use_page,
)
from tests.browser.world import PIN, WRONG_PIN, World, tab_to
from tests.documents.pdf_files import simple_pdf

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SIGN = {"data": base64.b64encode(b"text").decode(), "hash": "SHA-256", "format": "pkcs1"}
NextPage = Callable[[], Page]


@pytest.fixture
def pages(tmp_path: Path) -> OpenedPages:
    """Return the addresses that the agent opens."""
    return OpenedPages(tmp_path)


@pytest.fixture
def asked(
    agent_here: PanelAgent,
    world: World,
    pages: OpenedPages,
    context: BrowserContext,
    monkeypatch: pytest.MonkeyPatch,
) -> NextPage:
    """Start an agent with a card that asks in pages; show the next page that it opens."""
    use_page(monkeypatch, pages)
    agent_here.start(world.card("gen2"), flags=("--questions", "page"))

    def show() -> Page:
        page = context.new_page()
        page.goto(pages.next())
        expect(page.locator("#title")).to_be_focused()
        return page

    return show


def allow(asked: NextPage, agent: PanelAgent) -> None:
    """Have the site allowed, by its page."""
    connecting = Asking(agent, "connect", {}, SHOP)
    page = asked()
    until_awake(page)
    page.click("[value=always]")
    assert "result" in connecting.told()


def test_a_site_is_allowed_by_keyboard_alone(asked: NextPage, agent_here: PanelAgent) -> None:
    connecting = Asking(agent_here, "connect", {}, SHOP)
    page = asked()
    expect(page).to_have_title("shop.example – 允許這個網站使用您的憑證卡嗎？ – 安控")
    assert "token" not in page.url
    picture(page, "question-allow")
    until_awake(page)
    tab_to(page, "[value=this_time]")
    page.keyboard.press("Enter")
    assert "result" in connecting.told()


def test_who_clicks_on_and_on_has_answered_nothing(
    asked: NextPage, agent_here: PanelAgent, context: BrowserContext
) -> None:
    """A page can have somebody click fast, and ask while they do."""
    context.clock.install(time=0)
    connecting = Asking(agent_here, "connect", {}, SHOP)
    page = asked()
    page.clock.pause_at(10**6)
    page.evaluate("dispatchEvent(new Event('focus'))")  # the page comes to the front now
    for _ in range(5):
        page.clock.run_for(400)
        page.locator("[value=always]").click(force=True, no_wait_after=True)
        assert page.locator("[data-over]").count() == 0
    page.clock.run_for(1200)
    page.locator("[value=never]").click()
    assert connecting.told()["error"]["code"] == "origin_blocked"


def test_a_pin_is_typed_by_keyboard_alone_and_a_wrong_one_is_asked_for_again(
    asked: NextPage, agent_here: PanelAgent
) -> None:
    allow(asked, agent_here)
    signing = Asking(agent_here, "sign", SIGN, SHOP)
    first = asked()
    first.reload()  # a page that is loaded anew is the same page
    expect(first.locator("#title")).to_be_focused()
    until_awake(first)
    assert first.locator("input[type=password]").count() == 0
    tab_to(first, "#pin")
    first.keyboard.type(WRONG_PIN)
    assert first.input_value("#pin") == "•" * len(WRONG_PIN)
    picture(first, "question-pin")
    first.keyboard.press("Enter")
    again = asked()
    expect(again.get_by_role("alert")).to_contain_text("剛才的 PIN 碼不對")
    # What comes too soon takes no part of a PIN, and the button sends it as Return does.
    again.locator("#pin").focus()
    again.keyboard.type("99")
    assert again.input_value("#pin") == ""
    until_awake(again)
    again.keyboard.type(PIN)
    tab_to(again, "[value='pin:']")
    again.keyboard.press("Space")
    assert "signature" in signing.told()["result"]


def test_closing_the_page_cancels_and_a_site_that_gives_up_is_told(
    asked: NextPage, agent_here: PanelAgent
) -> None:
    connecting = Asking(agent_here, "connect", {}, SHOP)
    asked().close()
    assert connecting.told()["error"]["code"] == "user_cancelled"
    Asking(agent_here, "connect", {}, "https://other.example")
    page = asked()
    agent_here.stop()
    page.locator("[data-over]").wait_for()
    picture(page, "question-over")
    expect(page.locator("#title")).to_be_focused()
    assert page.locator("button").count() == 0


def test_no_page_of_another_site_shows_or_answers_it(
    asked: NextPage, agent_here: PanelAgent, context: BrowserContext
) -> None:
    connecting = Asking(agent_here, "connect", {}, SHOP)
    page = asked()
    stranger = context.new_page()
    stranger.goto(agent_here.world.url)
    origin = agent_here.origin
    framed = stranger.evaluate(
        """async (url) => {
            const frame = document.createElement("iframe");
            frame.src = `${url}/panel/question.html`;
            document.body.append(frame);
            const answers = [];
            for (const path of ["", "/events", "/answer", "/more", "/open"]) {
                const headers = {"X-Ankong-Panel": "open", "Content-Type": "application/json"};
                const body = path === "" || path === "/events" ? undefined : "{}";
                const method = body ? "POST" : "GET";
                const address = `${url}/panel/api/question${path}`;
                answers.push(await fetch(address, {method, body, headers})
                    .then(() => "read", () => "refused"));
            }
            return answers;
        }""",
        origin,
    )
    assert framed == ["refused"] * 5
    with context.expect_page() as opening:
        stranger.evaluate("(url) => { open(`${url}/panel/question.html`) }", origin)
    opening.value.wait_for_load_state()
    assert opening.value.evaluate("opener") is None
    assert opening.value.locator("button").count() == 0
    # A second page in the same browser knows no key, and the first one is still asked.
    second = context.new_page()
    second.goto(f"{origin}/panel/question.html")
    second.locator("[data-over=used]").wait_for()
    page.bring_to_front()
    until_awake(page)
    tab_to(page, "[value=cancel]")
    page.keyboard.press("Enter")
    assert connecting.told()["error"]["code"] == "user_cancelled"


def test_a_document_is_looked_at_by_keyboard_and_signed_afterwards(
    asked: NextPage, agent_here: PanelAgent, context: BrowserContext, pages: OpenedPages
) -> None:
    allow(asked, agent_here)
    pdf = simple_pdf("Contract", "Second page")
    wanted = {"hash": "SHA-256", "format": "pades", "document_name": "合約.pdf"}
    given = {**wanted, "data": base64.b64encode(pdf).decode()}
    signing = Asking(agent_here, "sign", given, SHOP)
    page = asked()
    until_awake(page)
    expect(page.locator("#main")).to_contain_text("2 頁 · 檔案指紋 SHA-256")
    picture(page, "question-view")
    tab_to(page, "[value='?']")
    page.keyboard.press("Enter")
    looking = context.new_page()
    looking.goto(pages.next())
    digest = hashlib.sha256(pdf).hexdigest()
    expect(looking.locator(f"#view-look [data-sha256='{digest}']")).to_contain_text("合約.pdf")
    looking.close()
    page.bring_to_front()
    page.wait_for_function("document.hasFocus()")
    until_awake(page)
    tab_to(page, "#pin")
    until_awake(page)
    page.keyboard.type(PIN)
    expect(page.locator("[value='pin:']")).to_be_enabled()
    page.keyboard.press("Enter")
    page.locator("[data-over=answered]").wait_for()
    assert base64.b64decode(signing.told()["result"]["pdf"]).startswith(pdf)
