"""Files of a file manager: the panel opens with them, and saves them beside the originals."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agent.host.settings.preferences import Preferences
from tests.browser.panel.conftest import PanelAgent
from tests.browser.panel.test_documents import look, row, start
from tests.browser.world import World
from tests.documents import pdf_judges
from tests.documents.pdf_files import simple_pdf

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PDF = simple_pdf("Contract: pay 100 TWD", "Second page")
BROWSER = """#!/bin/sh
printf '%s' "$1" > {address}.new && mv {address}.new {address}
"""


def hand_over(agent: PanelAgent, folder: Path, *files: Path) -> str:
    """Start one command for each file, as Explorer does; return where the browser was sent."""
    address, browser = folder / "address", folder / "browser"
    browser.write_text(BROWSER.format(address=address))
    browser.chmod(0o755)
    told = {**os.environ, "BROWSER": f"{browser} %s", "DISPLAY": ":0"}
    command = [sys.executable, "-m", "tray", "sign", "--state-dir", str(agent.paths.state)]
    running = [
        subprocess.Popen([*command, "--window", "--", str(file)], env=told, stdout=subprocess.PIPE)
        for file in files
    ]
    for each in running:
        assert each.communicate(timeout=60) == (b"", None)
        assert each.returncode == 0
    found = address.read_text()
    assert str(folder) not in found
    assert ".pdf" not in found
    address.unlink()
    return found


@pdf_judges.needs_pdfsig
@pytest.mark.timeout(300)
def test_files_of_a_file_manager_are_signed_and_saved_beside(
    world: World, agent_here: PanelAgent, page: Page, tmp_path: Path
) -> None:
    agent_here.paths.prepare()
    Preferences(agent_here.paths.preferences).set_language("zh-Hant")
    start(world, agent_here, tmp_path)
    papers = tmp_path / "papers"
    papers.mkdir()
    first, second, none = papers / "合約.pdf", papers / "-x;$(id) 'b'.pdf", papers / "folder.pdf"
    for each in (first, second):
        each.write_bytes(PDF)
    none.mkdir()
    page.goto(hand_over(agent_here, tmp_path, first, second, none))
    for each in (first, second):
        expect(row(page, each.name.replace("'", "\\'"))).to_contain_text("2 頁 · ")
    expect(row(page, "folder.pdf").get_by_role("alert")).to_contain_text("不是一般的檔案")
    found = look(page, "basket-chosen")
    assert "basket" not in page.url
    page.get_by_role("button", name="簽署 2 份文件，一次輸入 PIN 碼").click()
    expect(page.locator("#signed .notice")).to_be_visible()
    expect(row(page, first.name)).to_contain_text("已存成 合約-已簽署.pdf，原檔沒有更動。")
    expect(page.get_by_role("button", name="開啟資料夾")).to_have_count(2)
    expect(page.get_by_role("button", name="儲存")).to_have_count(0)
    found += look(page, "basket-signed")
    saved = papers / "合約-已簽署.pdf"
    assert saved.read_bytes().startswith(PDF)
    (told,) = pdf_judges.pdfsig(saved)
    assert told["signature validation"] == "Signature is Valid."
    assert (papers / "-x;$(id) 'b'-已簽署.pdf").is_file()

    # Another basket comes to the page that is open, in place of what is done.
    page.goto(hand_over(agent_here, tmp_path, saved))
    expect(row(page, saved.name)).to_contain_text("已有 1 個簽章")
    expect(row(page, first.name)).to_have_count(0)
    page.reload()
    page.locator("#drop").wait_for()
    assert not found, "\n".join(found)
