"""The citizen comes to the portal with a Windows that has nothing, and ends with 運行中."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from devkit.installers import OUT
from playwright.sync_api import Browser, Page, expect

from agent.portal.demo import browser as demo_browser
from agent.portal.demo.children import Children
from agent.portal.demo.programs import DemoPrograms, Ports
from agent.virtualcard.issuer_directory import DirectoryIssuer
from tests.browser.world import TIMEOUT, chip, chromium, go, register
from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import PICTURES
from tests.installer.built.windows.walk import to_finish
from tests.installer.built.windows.words import CHINESE

pytestmark = pytest.mark.browser
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[DemoPrograms]:
    """Open a portal that offers what was built, and looks for an agent on two free ports."""
    if demo_browser.find_chromium() is None or not demo_browser.can_make_home():
        pytest.skip("chromium and libnss3-tools are needed")
    (tmp_path / "logs").mkdir()
    DirectoryIssuer.open(tmp_path / "issuer", key_size=2048)
    with Children(tmp_path / "logs") as children:
        programs = DemoPrograms(children, tmp_path, Ports.choose(usual=False), (), downloads=OUT)
        programs.start_services()
        yield programs


def _visit(browser: Browser, url: str) -> Page:
    context = browser.new_context(
        user_agent=WINDOWS, locale="zh-TW", viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    # What the browser says besides is of the computer that runs this test.
    page.add_init_script("delete Navigator.prototype.userAgentData")
    register(page, url)
    go(page, "upgrade/component")
    return page


def test_from_the_download_to_the_chip(
    switch_on: Switch, programs: DemoPrograms, tmp_path: Path
) -> None:
    machine = switch_on("zh_TW")
    ports = programs.ports
    machine.settings(port=ports.tls, hipki_port=ports.ping, check_peer=False)
    wizard = machine.prefix.user / "Downloads" / "setup.exe"
    with chromium(tmp_path / "stranger") as browser:
        page = _visit(browser, programs.url)
        chip(page, "not_running", "not_installed")
        with page.expect_download() as told:
            page.locator(".download.own[data-kind=exe]").get_by_role("link").click()
        assert told.value.suggested_filename.startswith("ankong-setup-")
        shutil.copy(told.value.path(), wizard)
    machine.start(wizard)
    finish = to_finish(machine, CHINESE)
    # Windows' browsers look into the store that the wizard has told; this one has its own, which
    # it reads when it starts.
    demo_browser.make_home(tmp_path / "home", machine.state / "tls" / "authority.pem")
    with chromium(tmp_path / "home") as browser:
        page = _visit(browser, programs.url)
        sign = chip(page, "not_running", "not_installed")
        expect(page.locator("#next")).to_be_disabled()
        finish.press(CHINESE.finish)
        sign = chip(page, "running")
        expect(sign).to_contain_text("安控元件〔運行中〕")
        expect(page.locator("#next")).to_be_enabled()
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / "windows-portal.png")
    assert machine.ankong("quit")[0] == 0
