"""The chip at the bottom right: it turns by itself, and says why when it does not."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from agent.host.machine.paths import Paths
from agent.words import Language
from tests.browser.world import World, chip, go, panel, register, to_pin
from tests.restart_due import write_down_reader

pytestmark = pytest.mark.browser
SHOTS = "ANKONG_SHOTS"


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


IS_ON_TOP = """element => {
    element.scrollIntoView({ block: "center" });
    const { left, top, width, height } = element.getBoundingClientRect();
    return [0.02, 0.5, 0.98].every((part) =>
        element.contains(document.elementFromPoint(left + width * part, top + height / 2)));
}"""


def opened_help(page: Page) -> Locator:
    page.click("#chip-button")
    told = page.locator("#chip-help")
    expect(told).to_be_visible()
    return told


def test_the_help_closes_with_escape_a_click_elsewhere_and_the_next_step(
    page: Page, agent: World
) -> None:
    agent.start_agent(agent.card())
    register(page, agent.url)
    go(page, "upgrade/component")
    chip(page, "running")
    told, button = opened_help(page), page.locator("#chip-button")
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_be_focused()
    opened_help(page)
    page.locator("#chip-help p").first.click()  # on it is not elsewhere
    expect(told).to_be_visible()
    page.locator("h1").click()
    expect(told).to_be_hidden()
    opened_help(page)
    page.keyboard.press("Shift+Tab")  # the keyboard's way to go elsewhere
    expect(told).to_be_hidden()
    opened_help(page)
    go(page, "upgrade/id")
    page.locator("#id-number").wait_for()
    expect(told).to_be_hidden()
    go(page, "upgrade/component")
    chip(page, "running")
    expect(told).to_be_hidden()


@pytest.mark.parametrize("size", [(1280, 720), (1024, 560), (390, 844), (390, 560), (320, 640)])
def test_nothing_ever_covers_where_a_pin_goes(
    page: Page, agent: World, size: tuple[int, int]
) -> None:
    card = agent.card()
    agent.start_agent(card)
    register(page, agent.url)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    to_pin(page, card.id_number)
    panel(page, "pin")
    for language in Language:
        page.select_option("#language", language)
        opened_help(page)
        keep_picture(page, f"promise-{language}-{size[0]}-{size[1]}")
        for place in (".stays", "#pin", "#submit-pin"):
            assert page.locator(place).evaluate(IS_ON_TOP), place


def keep_picture(page: Page, name: str) -> None:
    """Keep a picture for whoever wants to look at it."""
    folder = os.environ.get(SHOTS)
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")
