"""The chip at the bottom right: it turns by itself, and says why when it does not."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agent.host.machine.paths import Paths
from tests.browser.world import World, chip, go, register
from tests.restart_due import write_down_reader

pytestmark = pytest.mark.browser


class Stranger(BaseHTTPRequestHandler):
    """Another product on the agent's port: answers, but to no other site's page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Apache is functioning normally")

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def stranger(port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), Stranger)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_it_turns_by_itself_and_back_and_after_a_reload(page: Page, agent: World) -> None:
    register(page, agent.url)
    go(page, "upgrade/component")
    sign = chip(page, "not_running", "not_installed")
    expect(sign).to_contain_text("安控元件〔未運行〕")
    expect(page.locator("#next")).to_be_disabled()
    agent.start_agent(agent.card())
    expect(chip(page, "running")).to_contain_text("安控元件〔運行中〕")
    expect(page.locator("#next")).to_be_enabled()
    agent.stop_agent()
    chip(page, "not_running", "not_started")
    expect(page.locator("#next")).to_be_disabled()
    page.reload()
    chip(page, "not_running", "not_started")
    agent.start_agent(agent.card())
    page.reload()
    chip(page, "running")


def test_an_untrusted_certificate_is_told_from_no_agent(
    page: Page, agent: World, tmp_path: Path
) -> None:
    agent.start_agent(state=tmp_path / "another agent")
    register(page, agent.url)
    go(page, "upgrade/component")
    expect(chip(page, "not_running", "certificate_not_trusted")).to_contain_text("憑證未受信任")


def test_a_browser_that_only_has_to_be_restarted_is_told_so(
    page: Page, agent: World, tmp_path: Path
) -> None:
    paths = Paths.choose(tmp_path / "another agent")
    paths.prepare()
    write_down_reader(paths)
    agent.start_agent(state=paths.state)
    register(page, agent.url)
    go(page, "upgrade/component")
    found = chip(page, "not_running", "certificate_not_trusted")
    expect(found).to_contain_text("請重新啟動瀏覽器")
    found.locator("#chip-button").click()
    expect(found).to_contain_text("請關閉所有 Chromium 視窗，再開啟一次。")
    expect(page.locator(".component-state")).to_contain_text("請關閉所有 Chromium 視窗")


def test_another_product_on_the_port_is_told_from_no_agent(page: Page, agent: World) -> None:
    with stranger(agent.programs.ports.ping):
        register(page, agent.url)
        go(page, "upgrade/component")
        expect(chip(page, "not_running", "port_taken")).to_contain_text("連接埠被占用")
    agent.start_agent()
    chip(page, "running")


def test_the_help_says_what_to_do_and_is_worked_by_keyboard(page: Page, agent: World) -> None:
    register(page, agent.url)
    go(page, "upgrade/component")
    chip(page, "not_running", "not_installed")
    button = page.locator("#chip-button")
    expect(page.locator("#chip-help")).to_be_hidden()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chip-help")).to_be_visible()
    expect(page.locator("#chip-help")).to_contain_text("下載並安裝安控元件")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(button).to_be_focused()
    agent.start_agent()
    chip(page, "running")
    expect(page.locator("#announcer")).to_have_text(re.compile("運行中"))
    expect(button).to_be_focused()


def test_nobody_is_looked_for_where_the_component_is_not_needed(page: Page, agent: World) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    register(page, agent.url)
    go(page, "profile")
    page.wait_for_selector("#to-upgrade")
    ports = (str(agent.programs.ports.tls), str(agent.programs.ports.ping))
    assert not [url for url in asked if url.split(":")[2].split("/")[0] in ports]
    expect(page.locator(".chip")).to_have_count(0)
