"""A person's own PDF in the panel: dropped, signed, saved, judged by a reader, and verified."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import axe_judge
from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.test_narrow import REACHES_OUT
from tests.browser.panel.test_views import Opened, keep_picture
from tests.browser.world import World, tab_to
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PDF = simple_pdf("Contract: pay 100 TWD", "Second page")
NAME = "合約.pdf"
ANSWERS = [{"kind": "enter_pin", "site": "local://user", "answer": {"pin": "card"}}]
FRAMES = """() => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));
})"""
DROP = """([selector, files]) => {
  const carried = new DataTransfer();
  for (const [name, text] of files) {
    const octets = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    carried.items.add(new File([octets], name, { type: "application/pdf" }));
  }
  const event = { dataTransfer: carried, bubbles: true, cancelable: true };
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", event));
}"""


def drop(page: Page, files: dict[str, bytes], place: str = "#drop") -> None:
    """Drop files as a hand does."""
    page.locator(place).wait_for()
    page.evaluate(
        DROP, [place, [[name, base64.b64encode(body).decode()] for name, body in files.items()]]
    )


def row(page: Page, name: str = NAME) -> Locator:
    return page.locator(f"[data-name='{name}']")


def look(page: Page, name: str) -> list[str]:
    """Return what is wrong with a page for eyes and screen readers, wide, narrow and dark."""
    keep_picture(page, f"documents-{name}")
    found = [f"{name}: {each}" for each in axe_judge.faults(page, axe_judge.FEW_LOOKS)]
    size = page.viewport_size
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="dark" if width == 390 else "light")
        page.evaluate(FRAMES)  # pages of a preview follow their place
        keep_picture(page, f"documents-{name}-{width}")
        found += [f"{name} {width}: {each}" for each in page.evaluate(REACHES_OUT)]
    page.emulate_media(color_scheme="light")
    if size is not None:
        page.set_viewport_size(size)
    return found


def start(world: World, agent_here: PanelAgent, folder: Path, answers: object = ANSWERS) -> None:
    file = folder / "answers.json"
    file.write_text(json.dumps(answers))
    agent_here.start(world.card("gen2"), flags=("--answers", str(file)))


@pdf_judges.needs_pdfsig
@pytest.mark.timeout(300)
def test_a_dropped_document_is_signed_and_found_intact(
    world: World, agent_here: PanelAgent, opened: Opened, tmp_path: Path
) -> None:
    start(world, agent_here, tmp_path)
    page = opened("sign")
    found = look(page, "sign-empty")
    drop(page, {NAME: PDF, "notes.pdf": b"no PDF"})
    expect(row(page)).to_have_attribute("data-sha256", hashlib.sha256(PDF).hexdigest())
    expect(row(page)).to_contain_text("2 頁 · ")
    expect(row(page, "notes.pdf").get_by_role("alert")).to_contain_text("不是 PDF")
    found += look(page, "sign-chosen")
    tab_to(page, "#reason")
    page.keyboard.type("同意")
    tab_to(page, "#go")
    with page.expect_download() as saved:
        page.keyboard.press("Enter")
    assert saved.value.suggested_filename == "合約-已簽署.pdf"
    signed = tmp_path / "signed.pdf"
    saved.value.save_as(signed)
    expect(page.locator("#signed .notice.warning")).to_contain_text("1 份已簽署；1 份沒有簽")
    expect(page.locator("#signed .notice.warning")).to_contain_text("已交給瀏覽器下載")
    expect(page.locator("main:focus, main :focus")).to_have_count(1)
    found += look(page, "sign-done")
    assert signed.read_bytes().startswith(PDF)
    (told,) = pdf_judges.pdfsig(signed)
    assert told["signature validation"] == "Signature is Valid."

    page.locator("[href='#/verify']").click()
    drop(page, {"合約-已簽署.pdf": signed.read_bytes()})
    expect(page.locator("#verdict")).to_have_attribute("data-verdict", "unknown")
    expect(page.locator("#verdict")).to_contain_text("簽章完好")
    (facts,) = page.locator("[data-signature]").all()
    for text in ("王測試", "同意", "沒有更動", hashlib.sha256(PDF).hexdigest()):
        expect(facts).to_contain_text(text)
    found += look(page, "verify-intact")
    with page.expect_download() as version:
        page.get_by_role("button", name="儲存簽署當時的版本").click()
    version.value.save_as(tmp_path / "version.pdf")
    assert (tmp_path / "version.pdf").read_bytes() == signed.read_bytes()
    altered = signed.read_bytes().replace(b"pay 100", b"pay 900")
    drop(page, {"altered.pdf": altered})
    expect(page.locator("#verdict")).to_have_attribute("data-verdict", "invalid")
    expect(page.locator("[data-signature]")).to_contain_text("自稱的簽署人，未經證明")
    found += look(page, "verify-invalid")
    assert not found, "\n".join(found)


def test_a_refused_pin_window_leaves_the_documents(
    world: World, agent_here: PanelAgent, opened: Opened, tmp_path: Path
) -> None:
    start(world, agent_here, tmp_path, [{"kind": "enter_pin", "answer": "cancel"}])
    page = opened("sign")
    drop(page, {NAME: PDF, "b.pdf": PDF})
    page.get_by_role("button", name="簽署 2 份文件，一次輸入 PIN 碼").click()
    expect(page.locator("#failure").get_by_role("alert")).to_be_visible()
    keep_picture(page, "documents-sign-cancelled")
    page.get_by_role("button", name="移除 b.pdf").click()
    expect(row(page)).to_be_visible()
    expect(row(page, "b.pdf")).to_have_count(0)
    assert len(list(agent_here.paths.documents.iterdir())) == 1
    page.goto("about:blank")  # and nothing is left of a page that is closed
    for _ in range(200):
        if not list(agent_here.paths.documents.iterdir()):
            break
        page.wait_for_timeout(50)
    assert list(agent_here.paths.documents.iterdir()) == []
