"""What Chromium's password manager makes of the boxes for PINs, as citizens have it."""

import contextlib
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from agent.portal.demo import browser as demo_browser
from agent.virtualcard.card import VirtualCard
from tests.browser.world import PIN, TIMEOUT, WRONG_PIN, World, register, to_pin
from tests.tray.prompt.desktop import Desktop
from tests.web.hipki.rig import Rig

CardFactory = Callable[..., VirtualCard]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
DOT = "•"
PASSWORD_PAGE = b"""<!doctype html><title>A login of somebody else's</title>
<input id=name autocomplete=username><form id=f><input id=pin type=password><button>go</button>
</form><script>f.onsubmit = async (event) => {
  event.preventDefault(); f.remove(); await fetch("/in"); history.pushState(0, "", "#in");
  document.body.append("welcome");
}</script>"""


class PasswordPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PASSWORD_PAGE)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@contextlib.contextmanager
def password_page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), PasswordPage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def citizens_browser(home: Path, profile: Path, display: str) -> Iterator[Page]:
    """Start Chromium in a window, with its password manager as citizens have it.

    Playwright's own flags would switch that off.
    """
    command = demo_browser.window_command(
        demo_browser.find_chromium() or "", profile, "about:blank"
    )
    environment = {**os.environ, **demo_browser.environment(home), "DISPLAY": display}
    process = subprocess.Popen(
        [*command, "--remote-debugging-port=0", "--lang=zh-TW"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        address = _debugging_address(profile / "profile/DevToolsActivePort", process)
        with sync_playwright() as playwright:
            browser = playwright.chromium.connect_over_cdp(address)
            page = browser.contexts[0].new_page()
            page.set_default_timeout(TIMEOUT)
            yield page
            browser.new_browser_cdp_session().send("Browser.close")  # writes what it remembers
        process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()


def _debugging_address(file: Path, process: "subprocess.Popen[bytes]") -> str:
    while process.poll() is None:
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        if len(lines) > 1:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise AssertionError("Chromium has ended")


def rows(profile: Path, database: str, query: str) -> list[Any]:
    """Read one of Chromium's own databases, after it has ended."""
    with contextlib.closing(sqlite3.connect(profile / "profile/Default" / database)) as opened:
        return opened.execute(query).fetchall()


def offered(profile: Path) -> list[str]:
    """Name the sites for which saving a password was offered, and done."""
    asked = rows(profile, "Login Data", "SELECT origin_domain FROM stats")
    kept = rows(profile, "Login Data", "SELECT origin_url FROM logins")
    return [site for (site,) in asked + kept]


def test_no_browser_offers_to_save_a_pin(
    agent: World, desktop: Desktop, tmp_path: Path, make_card: CardFactory
) -> None:
    card = agent.card()
    agent.start_agent(card)
    with (
        Rig(make_card(pin=PIN)) as rig,
        password_page() as login,
        citizens_browser(agent.home, tmp_path, desktop.name) as page,
    ):
        register(page, agent.url)
        to_pin(page, card.id_number)
        for pin in (WRONG_PIN, PIN):
            page.locator("#pin").press_sequentially(pin)
            expect(page.locator("#pin")).to_have_value(DOT * len(pin))
            page.click("#submit-pin")
            page.wait_for_selector(".card-message .notice.error, .success")
        page.wait_for_selector(".success")
        page.goto(f"{rig.own}/selfTest.htm")
        for pin, outcome in ((WRONG_PIN, "warning"), (PIN, "ok")):
            page.locator("#pin").press_sequentially(pin)
            expect(page.locator("#pin")).to_have_value(DOT * len(pin))
            page.click("#sign")
            page.wait_for_selector(f"#check-signature.{outcome}")
        # The same browser does offer it where a password is typed; so it would have.
        page.goto(login)
        page.locator("#name").press_sequentially("0912345678")
        page.locator("#pin").press_sequentially("hunter2hunter2")
        page.keyboard.press("Enter")
        page.get_by_text("welcome").wait_for()
        desktop.picture("offer")
        page.wait_for_timeout(2000)  # for the offer, of which no page hears
    assert [site.rstrip("/") for site in offered(tmp_path)] == [login]
    assert rows(tmp_path, "Web Data", "SELECT value FROM autofill") in ([], [("0912345678",)])
    for file in tmp_path.rglob("*"):
        if file.is_file() and not file.is_symlink():
            content = file.read_bytes()
            assert PIN.encode() not in content, file
            assert WRONG_PIN.encode() not in content, file
