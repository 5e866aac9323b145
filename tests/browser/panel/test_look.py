"""The documents of a question in the panel: their facts, and the very octets to be saved."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import axe_judge
from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.test_documents import FRAMES
from tests.browser.panel.test_narrow import REACHES_OUT
from tests.browser.panel.test_views import Opened, keep_picture
from tests.browser.world import World
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf

pytestmark = pytest.mark.browser
PDF = simple_pdf("Contract: pay 100 TWD", "Second page")
VIEW = "0123456789abcdef" * 2
DIGEST = hashlib.sha256(PDF).hexdigest()


def facts(name: str) -> dict[str, object]:
    more = {"pages": 2, "warnings": ["covered"], "remark": ["我同意", "臺北"]}
    more |= {"mark": 2, "field": "立約人", "password": None}
    return {"name": name, "size": len(PDF), "sha256": DIGEST, **more}


def play_agent(page: Page, names: list[str], octets: bytes = PDF, **more: object) -> None:
    """Answer as the agent does while it asks about one document, of the last of these names."""

    def answer(route: Route) -> None:
        if f"id={VIEW}" not in route.request.url:
            route.fulfill(status=400, body='{"error": {"code": "bad_request", "message": ""}}')
        elif "/viewed/file" in route.request.url:
            route.fulfill(body=octets, content_type="application/pdf")
        else:
            told = {"documents": [{**facts(names[-1]), **more}]}
            route.fulfill(body=json.dumps(told), content_type="application/json")

    page.route("**/panel/api/documents/viewed*", answer)
    page.route("**/panel/api/documents/viewed/*", answer)


def test_why_a_document_is_not_drawn_is_said_and_it_can_be_saved(
    world: World, agent_here: PanelAgent, opened: Opened, tmp_path: Path
) -> None:
    agent_here.start(world.card("gen2"))
    page = opened("state")
    locked = locked_pdf(tmp_path)
    for octets, size, kind, said in (
        (locked, 1, "unable", "要有這份文件自己的密碼"),
        (b"%PDF-1.7 and no more", 1, "unable", "檔案不完整"),
        (PDF, 100_000_000, "large", "檔案太大"),
        (PDF[:-1] + b" ", 1, "other", "與指紋不符"),
    ):
        digest = DIGEST if kind == "other" else hashlib.sha256(octets).hexdigest()
        page.unroute_all()
        play_agent(page, ["合約.pdf"], octets, size=size, sha256=digest)
        page.goto(f"{agent_here.address()}&view={VIEW}")
        page.reload()
        shown = page.locator("#view-look .preview")
        expect(shown).to_have_attribute("data-seen", kind)
        expect(shown.get_by_role("alert")).to_contain_text(said)
        keep_picture(page, f"look-{kind}-{len(octets)}")
        with page.expect_download() as saving:
            page.get_by_role("button", name="下載這份檔案").click()
        assert saving.value.path().read_bytes() == octets


def locked_pdf(folder: Path) -> bytes:
    """Return a document that only its password opens."""
    (folder / "plain.pdf").write_bytes(PDF)
    words = ["qpdf", "--encrypt", "geheim", "owner", "256", "--", "plain.pdf", "locked.pdf"]
    subprocess.run(words, cwd=folder, check=True)
    return (folder / "locked.pdf").read_bytes()


def test_a_question_s_document_can_be_read_and_is_the_very_one(
    world: World, agent_here: PanelAgent, opened: Opened, tmp_path: Path
) -> None:
    agent_here.start(world.card("gen2"))
    page = opened("state")
    names = ["合約.pdf"]
    play_agent(page, names)
    page.goto(f"{agent_here.address()}&view={VIEW}")
    paper = page.locator(f"#view-look section[data-sha256='{DIGEST}']")
    expect(paper).to_contain_text("合約.pdf")
    expect(paper).to_contain_text("2 頁 · ")
    expect(paper).to_contain_text(DIGEST)
    expect(paper).to_contain_text("有註解可能遮住內容")
    expect(paper).to_contain_text("圖章在第 2 頁")
    expect(paper).to_contain_text("簽章欄位：立約人")
    expect(paper.locator("blockquote p")).to_have_text(["我同意", "臺北"])
    expect(paper.locator("canvas").first).to_be_visible()
    assert page.url.endswith(f"/panel/#/look/{VIEW}")  # nothing of the token is left
    keep_picture(page, "look")
    assert not list(axe_judge.faults(page, axe_judge.FEW_LOOKS))
    with page.expect_download() as saving:
        page.get_by_role("button", name="下載這份檔案").click()
    saved = tmp_path / "saved.pdf"
    saving.value.save_as(saved)
    assert (saving.value.suggested_filename, saved.read_bytes()) == ("合約.pdf", PDF)
    page.set_viewport_size({"width": 320, "height": 800})
    page.evaluate(FRAMES)
    assert page.evaluate(REACHES_OUT) == []
    names.append("setup.exe")  # what the site says is no reason to save a program
    page.goto(f"{agent_here.address()}&view={VIEW}")
    page.reload()
    expect(paper).to_contain_text("網站稱它為「setup.exe」")
    with page.expect_download() as saving:
        page.get_by_role("button", name="下載這份檔案").click()
    assert saving.value.suggested_filename == "setup.exe.pdf"
    page.goto(f"{agent_here.address()}&view={'0' * 32}")
    expect(page.locator("#view-look").get_by_role("alert")).to_contain_text("不再等您簽署")


@pdf_judges.needs_qpdf
def test_a_document_with_a_password_of_the_site_s_is_drawn(
    world: World, agent_here: PanelAgent, opened: Opened, tmp_path: Path
) -> None:
    (tmp_path / "open.pdf").write_bytes(PDF)
    words = ["qpdf", "--encrypt", "geheim", "owner", "256", "--", "open.pdf", "locked.pdf"]
    subprocess.run(words, cwd=tmp_path, check=True)
    locked = (tmp_path / "locked.pdf").read_bytes()
    agent_here.start(world.card("gen2"))
    page = opened("state")
    digest = hashlib.sha256(locked).hexdigest()
    told = {"mark": None, "field": None, "password": "geheim"}
    play_agent(page, ["a.pdf"], locked, size=len(locked), sha256=digest, **told)
    page.goto(f"{agent_here.address()}&view={VIEW}")
    paper = page.locator("#view-look section.sheet").first
    expect(paper.locator("canvas").first).to_be_visible()
    expect(paper).not_to_contain_text("圖章")
    expect(page.locator("body")).not_to_contain_text("geheim")
    keep_picture(page, "look-locked")
