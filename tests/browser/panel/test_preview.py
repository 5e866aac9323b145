"""Documents as they look in the panel: drawn in real Chromium, marked by keys, and harmless."""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from agent.words import Language
from tests.browser import axe_judge
from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.test_documents import ANSWERS, NAME, drop, look, row, start
from tests.browser.panel.test_views import Opened, keep_picture
from tests.browser.world import World, tab_to
from tests.documents.pdf_files import assembled, next_number, simple_pdf, stream
from tests.documents.refused_pdfs import form, sig_field

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALL = os.environ.get("ANKONG_TEST_LOOKS") == "all"
seldom = pytest.mark.skipif(not ALL, reason="make proof runs it")
PAGES = simple_pdf("Contract: pay 100 TWD", "Second page", "Third page")
INK = """(canvas) => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let dark = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] + data[at + 1] + data[at + 2] < 300) dark += 1;
  }
  return dark;
}"""
"""How many pixels of a canvas are dark."""
LISTEN = """window.violations = [];
addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) =>
  window.violations.push(`${violatedDirective} ${blockedURI}`));"""
LARGE = """() => {
  const ask = window.asked = window.fetch;
  window.fetch = async (path, options) => {
    const answer = await ask(path, options);
    if (!path.startsWith("api/documents?use")) return answer;
    return new Response(JSON.stringify({...await answer.json(), size: 100_000_000}));
  };
}"""
"""Has the page told that a document has more than it holds."""
VIEW = "#preview"
MARK = "#mark-box"
HOSTILE = simple_pdf(
    "Click here",
    page=b"/AA<</O<</S/JavaScript/JS(app.alert\\(1\\))>>>>/Annots[%d 0 R %d 0 R]"
    % (next_number(), next_number() + 1),
    catalog=b"/OpenAction<</S/JavaScript/JS(app.launchURL\\('https://evil.example/'\\))>>",
    more=(
        b"<</Type/Annot/Subtype/Link/Rect[0 0 595 842]/A<</S/URI/URI(https://evil.example/)>>>>",
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(x)/V(<img src=x onerror=alert\\(1\\)>)%b>>"
        % b"/Rect[72 600 300 640]/DA(/Helv 12 Tf)/AA<</K<</S/JavaScript/JS(app.alert\\(2\\))>>>>",
    ),
)
"""A document that would run, open and fetch things."""


class Seen:
    """What a page did that nobody should see: refused by its policy, or asked of strangers."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.origin = origin
        page.add_init_script(LISTEN)
        page.on("request", self._request)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(dialog.message))
        page.on("popup", lambda popup: self.faults.append(popup.url))

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith((self.origin, "blob:", "data:")):
            self.faults.append(request.url)

    def check(self) -> None:
        assert self.page.evaluate("window.violations") == []
        assert self.faults == []


@pytest.fixture
def seen(world: World, agent_here: PanelAgent, page: Page, tmp_path: Path) -> Iterator[Seen]:
    """Start an agent whose questions are answered, and watch the page."""
    start(world, agent_here, tmp_path, ANSWERS)
    watched = Seen(page, agent_here.origin)
    yield watched
    watched.check()


def drawn(page: Page, number: int = 1) -> Locator:
    """Wait until a page is drawn, and is not blank."""
    canvas = page.locator(f"{VIEW} [data-page='{number}'] canvas")
    canvas.wait_for()
    assert canvas.evaluate(INK) > 50
    return canvas


def settled(page: Page, kind: str = "shown") -> None:
    expect(page.locator(VIEW)).to_have_attribute("data-seen", kind, timeout=30_000)


def where(page: Page) -> list[float]:
    """Return where the mark is on its page: left, top, width and height, as parts of it."""
    found: list[float] = page.locator(MARK).evaluate(
        "({style}) => [style.left, style.top, style.width, style.height].map(parseFloat)"
    )
    return found


def wanted(page: Page) -> dict[str, Any]:
    """Sign, and return what the page asked for."""
    with page.expect_request("**/api/documents/sign") as asked:
        page.locator("#go").click()
    told: dict[str, Any] = json.loads(asked.value.post_data or "")
    return told


@pytest.fixture
def locked(tmp_path: Path) -> bytes:
    """Return a document that only its password opens."""
    (tmp_path / "plain.pdf").write_bytes(PAGES)
    words = ["qpdf", "--encrypt", "geheim", "owner", "256", "--", "plain.pdf", "locked.pdf"]
    subprocess.run(words, cwd=tmp_path, check=True)
    return (tmp_path / "locked.pdf").read_bytes()


@pytest.mark.timeout(300)
def test_a_document_is_looked_at_marked_and_signed_by_keyboard(
    opened: Opened, seen: Seen, tmp_path: Path
) -> None:
    page = opened("sign")
    assert not any("vendor" in url or "preview" in url for url in seen.asked)
    drop(page, {NAME: PAGES})
    settled(page)
    drawn(page)
    keep_picture(page, "documents-sign-shown")
    expect(page.locator("#preview-at")).to_have_text("1 / 3")
    tab_to(page, ".pages")
    before = page.locator(f"{VIEW} [data-page='1']").bounding_box()
    page.keyboard.press("+")
    expect(page.locator("#preview-zoom")).to_have_text("125%")
    after = page.locator(f"{VIEW} [data-page='1']").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == pytest.approx(before["width"] * 1.25, rel=0.02)
    page.keyboard.press("0")
    page.keyboard.press("End")
    expect(page.locator("#preview-at")).to_have_text("3 / 3")
    drawn(page, 3)
    tab_to(page, "#isMarked")
    page.keyboard.press("Space")
    expect(page.locator(f"[data-page='3'] {MARK}")).to_be_visible()
    assert where(page) == pytest.approx([56.97, 87.41, 36.97, 8.31], abs=0.1)
    found = look(page, "sign-marked")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(f"{MARK}:focus")).to_have_count(1)
    for key in ("ArrowUp", "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("PageUp")
    expect(page.locator(f"[data-page='2'] {MARK}:focus")).to_have_count(1)
    expect(page.locator(MARK)).to_have_attribute("aria-label", re.compile("第 2 頁.*公釐"))
    expect(page.locator("#preview-at")).to_have_text("2 / 3")
    tab_to(page, "#go")
    with page.expect_request("**/api/documents/sign") as asked, page.expect_download() as saved:
        page.keyboard.press("Enter")
    told = json.loads(asked.value.post_data or "")
    assert told["mark"] == {"page": 2, "box": [333, 730, 214, 76]}
    saved.value.save_as(tmp_path / "signed.pdf")
    assert (tmp_path / "signed.pdf").read_bytes().startswith(PAGES)
    page.get_by_role("button", name="看內容：合約-已簽署.pdf").click()
    settled(page)
    expect(page.locator("#preview-at")).to_have_text("2 / 3")  # where the mark is
    drawn(page, 2)
    found += look(page, "sign-result")
    assert not found, "\n".join(found)


@seldom
def test_a_hand_moves_the_mark(opened: Opened, seen: Seen) -> None:
    page = opened("sign")
    drop(page, {NAME: simple_pdf("One page")})
    settled(page)
    page.locator("#isMarked").check()
    left, top, *_ = where(page)
    box = page.locator(MARK)
    box.hover(position={"x": 10, "y": 10})
    page.mouse.down()
    start_at = box.bounding_box()
    assert start_at is not None
    page.mouse.move(start_at["x"] - 90, start_at["y"] - 40)
    page.mouse.up()
    moved = where(page)
    assert moved[0] < left - 5
    assert moved[1] < top - 2
    grip = page.locator(".mark-grip")
    grip.hover()
    page.mouse.down()
    page.mouse.move(0, 0)
    page.mouse.up()
    assert where(page)[2:] == pytest.approx([60 / 595 * 100, 20 / 842 * 100], abs=0.05)
    page.get_by_role("button", name="放大圖章").click()
    assert where(page)[2:] == pytest.approx([72 / 595 * 100, 24 / 842 * 100], abs=0.05)
    page.get_by_role("button", name="縮小圖章").click()
    paper = page.locator(f"{VIEW} [data-page='1']")
    paper.click(position={"x": 200, "y": 100})
    assert where(page)[:2] != pytest.approx(moved[:2], abs=1)
    width = paper.evaluate("({clientWidth}) => clientWidth")
    told = wanted(page)["mark"]
    assert told["page"] == 1
    assert told["box"] == pytest.approx(
        [200 / width * 595 - 30, 100 / width * 595 - 10, 60, 20], abs=1
    )
    del seen


def test_nothing_of_a_document_runs_and_nothing_leaves(opened: Opened, seen: Seen) -> None:
    page = opened("sign")
    drop(page, {"hostile.pdf": HOSTILE})
    settled(page)
    drawn(page)
    page.locator(f"{VIEW} [data-page='1']").click(position={"x": 60, "y": 60})
    expect(page.locator(f"{VIEW} a, {VIEW} input, {VIEW} iframe, {VIEW} embed")).to_have_count(0)
    expect(row(page, "hostile.pdf")).to_contain_text("會執行程式")
    go = page.locator("#go")
    expect(go).to_be_disabled()  # it looks otherwise later: that takes a word
    keep_picture(page, "documents-word")
    page.get_by_label("我看過內容了").check()
    expect(go).to_be_enabled()
    assert not any("sandbox" in url or "wasm" in url for url in seen.asked)


def test_what_cannot_be_drawn_says_so_and_takes_a_word(opened: Opened, seen: Seen) -> None:
    """JPEG 2000, for which there is no decoder here; and a browser that starts no worker."""
    picture = stream(
        b"\x00\x00\x00\x0cjP  \r\n\x87\n",
        b"/Type/XObject/Subtype/Image/Width 100/Height 100/Filter/JPXDecode",
    )
    page = opened("sign")
    drop(page, {"scan.pdf": _scanned(picture)})
    settled(page, "partial")
    expect(page.locator(VIEW).get_by_role("alert")).to_contain_text("第 1 頁")
    expect(page.locator("#go")).to_be_disabled()
    page.get_by_role("button", name="移除 scan.pdf").click()
    page.evaluate(LARGE)
    drop(page, {"large.pdf": PAGES})
    settled(page, "large")
    expect(page.locator("#go")).to_be_disabled()
    keep_picture(page, "documents-large")
    page.get_by_role("button", name="移除 large.pdf").click()
    page.evaluate("() => { window.fetch = window.asked; }")
    page.route("**/pdf.worker.min.mjs", lambda route: route.abort())
    drop(page, {NAME: PAGES})
    settled(page, "unable")
    found = look(page, "sign-unable")
    page.get_by_label("我看過內容了").check()
    with page.expect_download():
        page.locator("#go").click()
    assert not found, "\n".join(found)
    del seen


@seldom
@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", Language)
def test_nothing_is_wrong_with_what_is_looked_at(
    language: Language, opened: Opened, seen: Seen, locked: bytes
) -> None:
    page = opened("sign")
    page.select_option("#speak", str(language))
    expect(page.locator("html")).to_have_attribute("lang", str(language))
    found: list[str] = []

    def look_at(state: str) -> None:
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 800})
            keep_picture(page, f"preview-{state}-{language}-{width}")
        page.set_viewport_size({"width": 1280, "height": 800})
        found.extend(f"{state}: {each}" for each in axe_judge.faults(page, axe_judge.EVERY_LOOK))

    drop(page, {"hostile.pdf": HOSTILE})
    settled(page)
    page.locator("#isMarked").check()
    drawn(page)
    look_at("marked")
    drop(page, {"locked.pdf": locked, "broken.pdf": b"%PDF-"})
    row(page, "locked.pdf").locator("input").wait_for()
    row(page, "broken.pdf").get_by_role("alert").wait_for()
    look_at("locked")
    page.locator("#hasRead").check()
    page.locator("#go").click()
    page.locator("#signed").wait_for()
    page.locator("#sign-list [aria-pressed]").first.click()
    settled(page)
    look_at("signed")
    assert not found, "\n".join(found)
    del seen


def _scanned(picture: bytes) -> bytes:
    """Return a document whose one page has a picture on it and nothing else."""
    return assembled(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R%b>>"
            % b"/Resources<</XObject<</I 5 0 R>>>>",
            stream(b"q 400 0 0 400 90 300 cm /I Do Q"),
            picture,
        ]
    )


def test_what_is_shown_is_what_is_signed_or_nothing(opened: Opened, seen: Seen) -> None:
    page = opened("sign")

    def swap(route: Route) -> None:
        route.fulfill(body=simple_pdf("Pay 1 TWD"), content_type="application/pdf")

    page.route("**/api/documents/original*", swap)
    drop(page, {NAME: PAGES})
    expect(row(page).get_by_role("alert")).to_contain_text("與指紋不符")
    expect(page.locator("#go")).to_be_disabled()
    expect(page.locator(VIEW)).to_have_count(0)
    keep_picture(page, "documents-other")
    del seen


@seldom
def test_two_thousand_pages_are_drawn_as_they_come_into_sight(opened: Opened, seen: Seen) -> None:
    page = opened("sign")
    drop(page, {"long.pdf": simple_pdf(*[f"Page {number}" for number in range(1, 2001)])})
    settled(page)
    drawn(page)
    expect(page.locator("#preview-at")).to_have_text("1 / 2000")
    page.locator(".pages").focus()
    page.keyboard.press("End")
    expect(page.locator("#preview-at")).to_have_text("2000 / 2000")
    drawn(page, 2000)
    page.keyboard.press("Home")
    drawn(page)
    assert page.locator(f"{VIEW} canvas").count() < 20
    del seen


@seldom
def test_a_document_that_is_locked_is_opened_with_its_own_password(
    opened: Opened, seen: Seen, locked: bytes, tmp_path: Path
) -> None:
    page = opened("sign")
    drop(page, {"locked.pdf": locked})
    field = row(page, "locked.pdf").get_by_label("這不是 PIN 碼")
    expect(field).to_be_visible()
    found = look(page, "sign-locked")
    field.fill("wrong")
    field.press("Enter")
    expect(row(page, "locked.pdf").get_by_role("alert")).to_contain_text("密碼不對")
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    expect(page.locator("#go")).to_be_disabled()
    field.fill("geheim")
    field.press("Enter")
    settled(page)
    drawn(page)
    with page.expect_download() as saved:
        page.locator("#go").click()
    saved.value.save_as(tmp_path / "signed.pdf")

    page.locator("[href='#/verify']").click()
    drop(page, {"signed.pdf": (tmp_path / "signed.pdf").read_bytes()})
    field = page.get_by_label("這不是 PIN 碼")
    field.fill("geheim")
    field.press("Enter")
    expect(page.locator("#verdict")).to_have_attribute("data-verdict", "unknown")
    page.get_by_role("button", name="看簽署當時的版本").click()
    drawn(page)
    found += look(page, "verify-version")
    assert not found, "\n".join(found)
    del seen


def test_several_are_looked_at_in_turn_and_their_fields_and_cards_are_chosen(
    world: World, agent_here: PanelAgent, page: Page, opened: Opened, tmp_path: Path
) -> None:
    (tmp_path / "answers.json").write_text(json.dumps(ANSWERS))
    flags = ("--answers", str(tmp_path / "answers.json"))
    agent_here.start(world.card("gen1"), world.card("gen2"), flags=flags)
    opened("sign")
    fields = form(b"6 0 R 7 0 R", sig_field(b"(Seller)"), sig_field(b"(Buyer)"))
    drop(page, {"form.pdf": fields})
    settled(page)
    expect(page.locator("#field option")).to_have_text(["Seller", "Buyer"])
    expect(page.locator("#reader option").first).to_contain_text("王測試")
    page.locator("#field").select_option("Buyer")
    page.locator("#reader").select_option(index=1)
    chosen = page.locator("#reader").input_value()
    drop(page, {NAME: PAGES})
    expect(page.locator("#field")).to_have_count(0)  # of one document alone
    page.get_by_role("button", name=f"看內容：{NAME}").click()
    expect(page.locator(".pages")).to_have_attribute("aria-label", f"{NAME} 的預覽")
    drawn(page)
    page.locator("#isMarked").check()
    expect(page.locator(MARK)).to_have_attribute("inert", "")
    found = look(page, "sign-several")
    told = wanted(page)
    assert told["mark"] == {"page": None, "box": None}
    assert told["reader"] == chosen
    assert len(told["ids"]) == 2
    assert "field" not in told
    expect(page.locator("#signed .notice.good")).to_be_visible()
    found += look(page, "sign-several-done")
    assert not found, "\n".join(found)


@seldom
def test_what_the_agent_has_already_is_shown_too(opened: Opened, seen: Seen) -> None:
    """As when a file manager handed it over: the page that shows it did not choose it."""
    page = opened("sign")
    _hand(page, simple_pdf("Handed over"))
    page.locator("#rail [href='#/state']").click()
    page.locator("[href='#/sign']").click()
    expect(row(page, "a.pdf")).to_have_attribute(
        "data-sha256", hashlib.sha256(simple_pdf("Handed over")).hexdigest()
    )
    drawn(page)
    del seen


def _hand(page: Page, raw: bytes) -> None:
    """Hand a document over as no part of the page does."""
    page.evaluate(
        """(octets) => fetch("api/documents?use=sign&name=a.pdf", {method: "POST",
            headers: {"Content-Type": "application/octet-stream",
                "X-Ankong-Panel": sessionStorage.getItem("ankong.panel.key")},
            body: new Uint8Array(octets)})""",
        list(raw),
    )
