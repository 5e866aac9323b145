"""A browser that never ran, at a new account's desktop: hands on it, and an eye on its warnings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Frame, Page, sync_playwright

from agent.portal.demo import browser as demo_browser
from tests.browser.firefox.marionette import Firefox
from tests.installer.built.linux.account import Account

SECONDS = 90.0  # within which the agent has seen a browser that has just begun
WARNINGS = ("chrome-error:", "about:certerror", "about:neterror")


class FirstBrowser(Protocol):
    """What a person does in a browser."""

    warnings: list[str]
    """The addresses of the browser's own pages about errors that were met."""

    def go(self, address: str) -> None:
        """Open an address."""

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of an asynchronous function in the page; return its result."""

    def wait(self, selector: str) -> None:
        """Wait until there is such an element."""

    def click(self, selector: str) -> None:
        """Click an element as soon as it can be clicked."""

    def type(self, selector: str, text: str) -> None:
        """Type into a box."""

    def picture(self, file: Path) -> None:
        """Keep a picture of the page."""


class FirstChromium:
    """Chromium through its debugging port."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.warnings: list[str] = []
        page.set_default_timeout(SECONDS * 1000)
        page.on("framenavigated", self._look)

    def _look(self, frame: Frame) -> None:
        if frame.url.startswith(WARNINGS):
            self.warnings.append(frame.url)

    def go(self, address: str) -> None:
        self._page.goto(address)

    def run(self, script: str, *arguments: Any) -> Any:
        return self._page.evaluate(f"(async (...args) => {{ {script} }})", *arguments)

    def wait(self, selector: str) -> None:
        self._page.wait_for_selector(selector)

    def click(self, selector: str) -> None:
        self._page.click(selector)

    def type(self, selector: str, text: str) -> None:
        self._page.fill(selector, text)

    def picture(self, file: Path) -> None:
        self._page.screenshot(path=file)


class FirstFirefox:
    """Firefox through Marionette."""

    def __init__(self, firefox: Firefox) -> None:
        self._firefox = firefox
        self.warnings: list[str] = []

    def _look(self) -> None:
        address = self._firefox.run("return document.documentURI")
        if address.startswith(WARNINGS):
            self.warnings.append(address)

    def go(self, address: str) -> None:
        self._firefox.go(address)
        self._look()

    def run(self, script: str, *arguments: Any) -> Any:
        self._look()
        body = f"return (async (...args) => {{ {script} }})(...arguments)"
        return self._firefox.run(body, *arguments)

    def wait(self, selector: str) -> None:
        self._look()
        self._firefox.wait_for(
            "return document.querySelector(arguments[0]) !== null", selector, seconds=SECONDS
        )

    def click(self, selector: str) -> None:
        self.wait(selector)
        self._firefox.click(selector)

    def type(self, selector: str, text: str) -> None:
        self.wait(selector)
        self._firefox.type(selector, text)

    def picture(self, file: Path) -> None:
        del file  # it has no window on the screen


@contextmanager
def first_chromium(account: Account) -> Iterator[FirstChromium]:
    """Start Chromium for the first time in this account."""
    program = demo_browser.find_chromium()
    assert program is not None
    # Chromium lets nobody drive its usual profile; its certificates lie elsewhere anyway.
    profile = account.home / ".config" / "chromium-driven"
    flags = ("--remote-debugging-port=0", "--no-first-run", "--no-default-browser-check")
    place = f"--user-data-dir={profile}"
    with (
        (account.home / "chromium.log").open("wb") as log,
        account.start(program, place, *flags, "about:blank", stderr=log) as process,
        sync_playwright() as playwright,
    ):
        try:
            port = _told(profile / "DevToolsActivePort")
            browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
            [context] = browser.contexts
            yield FirstChromium(context.pages[0])
        finally:
            process.terminate()


def _told(file: Path) -> int:
    """Wait until Chromium has written down where it listens."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.05)
    raise AssertionError("Chromium did not start")


@contextmanager
def first_firefox(account: Account) -> Iterator[FirstFirefox]:
    """Start Firefox for the first time in this account."""
    # Where its first start would make one; the driver has to know its name.
    profile = account.make_folder(".mozilla/firefox/first.default-esr")
    words = [f"{name}={value}" for name, value in account.environment.items()]
    before = ["setpriv", *account.identity, "env", "-i", *words]
    with Firefox(profile, before) as firefox:
        yield FirstFirefox(firefox)
