"""Go through the upgrade as a citizen does, in a headless Chromium, and check every step."""

import base64
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from agent.portal.demo.browser import environment, find_chromium, sandbox_flags
from agent.portal.demo.children import DemoError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

STEP_TIMEOUT: Final = 60.0
"""Seconds after which a step counts as failed."""
ANIMATIONS_ENDED: Final = """() => document.getAnimations().every(
    (each) => each.playState !== "running" || each.effect?.getComputedTiming().endTime === Infinity
)"""
OWN_HOSTS: Final = frozenset({"localhost", "127.0.0.1"})
RUNNING: Final = ".chip[data-state=running]"
NOT_RUNNING: Final = ".chip[data-state=not_running]"
UPGRADE: Final = "/api/upgrade/card"
LOGIN: Final = "/api/login/card"


@dataclass(frozen=True, slots=True)
class DemoCitizen:
    """The invented holder of the card in the reader."""

    name: str
    id_number: str
    pin: str

    @property
    def wrong_pin(self) -> str:
        """A PIN of the same length that is not the card's."""
        return self.pin[:-1] + ("1" if self.pin[-1] != "1" else "2")


@dataclass(frozen=True, slots=True)
class DemoApplicant:
    """Somebody invented who applies without a card.

    Attributes:
        name: of the person.
        id_number: of the person, with a right check digit.

    """

    name: str
    id_number: str


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The portal, browser and agent that the check uses.

    Attributes:
        url: the portal's address.
        home: home directory of the browser.
        shots: directory of the screenshots.
        start_agent: starts the agent and returns when it is ready.
        stop_agent: stops the agent.
        report: called with a line of text at the beginning of each step.

    """

    url: str
    home: Path
    shots: Path
    start_agent: Callable[[], None]
    stop_agent: Callable[[], None]
    report: Callable[[str], None]


def check_upgrade(context: CheckContext, citizen: DemoCitizen) -> float:
    """Make an ordinary member gold and log in again with the card; return the seconds it took.

    Raises:
        DemoError: a step failed; a screenshot of that moment is in the folder.

    """
    with _open_page(context) as page:
        check = _UpgradeCheck(page, context, citizen)
        started = time.monotonic()
        try:
            check.register()
            check.choose()
            check.check_component_status()
            check.enter_id_number()
            check.enter_pin()
            check.log_in_with_card()
            check.check_requests()
        except Exception as error:
            picture = check.picture("failure")
            raise DemoError(f"step {check.step}: {why(error)}\npicture: {picture}") from error
        return time.monotonic() - started


@contextmanager
def _open_page(context: CheckContext) -> Iterator["Page"]:
    """Open a page of a new headless Chromium, in Chinese."""
    with open_browser(context) as browser:
        page = browser.new_page(locale="zh-TW", viewport={"width": 1280, "height": 900})
        page.set_default_timeout(STEP_TIMEOUT * 1000)
        yield page


@contextmanager
def open_browser(context: CheckContext) -> Iterator["Browser"]:
    """Start a headless Chromium with a home folder of its own.

    Raises:
        DemoError: playwright or Chromium is missing.

    """
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  # for the check only
    except ImportError as error:
        raise DemoError("playwright is missing: python3 installer/dev.py setup") from error
    chromium = find_chromium()
    if chromium is None:
        raise DemoError("Chromium is missing: apt-get install -y chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=sandbox_flags(),
            env={**os.environ, **environment(context.home)},
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def pictured_failures(
    context: CheckContext, way: int, pages: Mapping[str, "Page"]
) -> Iterator[None]:
    """Turn whatever goes wrong into one error, with a picture of each page at that moment.

    Raises:
        DemoError: something did.

    """
    try:
        yield
    except Exception as error:
        for name, page in pages.items():
            page.screenshot(path=context.shots / f"way{way}-failure-{name}.png", full_page=True)
        raise DemoError(f"way {way}: {why(error)}\npictures: {context.shots}") from error


def become_ordinary(page: "Page", url: str) -> str:
    """Register with a code, as somebody who has never been here; return the mobile number."""
    mobile = f"09{secrets.randbelow(10**8):08}"
    page.goto(url)
    page.fill("#contact", mobile)
    page.click("#send-code")
    page.fill("#code", page.inner_text("#demo-code"))
    page.click("#confirm-code")
    page.wait_for_selector("#portrait.ordinary")
    return mobile


def why(error: Exception) -> str:
    """Return the first line of what an error says."""
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


class _UpgradeCheck:
    """One run through the twelve steps of the upgrade.

    Attributes:
        step: the step in progress, for the message of an error.

    """

    def __init__(self, page: "Page", context: CheckContext, citizen: DemoCitizen) -> None:
        self.step = ""
        self._page = page
        self._context = context
        self._citizen = citizen
        self._requests: list[Request] = []
        self._errors: list[str] = []
        self._pictures = 0
        page.on("request", self._note)
        page.on("pageerror", lambda error: self._errors.append(str(error)))

    def _note(self, request: "Request") -> None:
        self._requests.append(request)

    def _begin(self, step: str) -> None:
        """Set and report the step."""
        self.step = step
        self._context.report(f"step {step}")

    def picture(self, name: str) -> Path:
        """Save a screenshot, numbered in the order of the run; return its path."""
        self._pictures += 1
        path = self._context.shots / f"{self._pictures:02}-{name}.png"
        self._page.screenshot(path=path, full_page=True)
        return path

    def register(self) -> None:
        """Become an ordinary member and open the profile (steps 1 and 2)."""
        page = self._page
        self._begin("0 open the portal")
        page.goto(self._context.url)
        self._begin("1 register with a one-time code")
        page.fill("#contact", f"09{secrets.randbelow(10**8):08}")
        self.picture("step01-register")
        page.click("#send-code")
        code = page.inner_text("#demo-code")
        page.fill("#code", code)
        self.picture("step01-code")
        page.click("#confirm-code")
        self._expect("#portrait.ordinary", "一般會員")
        self._begin("2 edit the profile")
        page.click("#to-profile")
        page.fill("#name", self._citizen.name)
        page.click("#save-profile")
        self._expect("#who", self._citizen.name)
        self.picture("step02-profile")
        page.click("#to-upgrade")

    def choose(self) -> None:
        """Choose the card; expect the page to say that the agent does not run (steps 3 to 7).

        Raises:
            DemoError: the page allows the next step although the agent does not run.

        """
        page = self._page
        self._begin("3 choose a way to verify")
        page.wait_for_selector("#way-online")
        self.picture("step03-ways")
        page.click("#choose-card")
        self._begin("4 download the component")
        self._expect(NOT_RUNNING, "安控元件〔未運行〕")
        page.wait_for_selector(".downloads")
        if page.is_enabled("#next"):
            raise DemoError("〔下一步〕 is enabled although the component is not running")
        page.click("#chip-button")
        self._expect("#chip-help", "安裝")
        self.picture("step04-not-running")
        page.click("#chip-button")
        self._begin("5-7 the installer's pages are explained")
        self._expect(".wizard", "授權條款")
        page.locator(".wizard").scroll_into_view_if_needed()
        self.picture("step05-07-wizard")

    def check_component_status(self) -> None:
        """Expect the page to show the agent's start and end, with and without F5 (steps 8, 9)."""
        page = self._page
        self._begin("8 the chip turns by itself")
        self._context.start_agent()
        self._expect(RUNNING, "安控元件〔運行中〕")
        self.picture("step08-running-by-itself")
        self._begin("8 the chip turns back by itself")
        self._context.stop_agent()
        self._expect(NOT_RUNNING, "尚未啟動")
        self._begin("8 the chip has turned after F5")
        page.reload()
        self._expect(NOT_RUNNING, "尚未啟動")
        self.picture("step08-stopped")
        self._context.start_agent()
        page.reload()
        self._expect(RUNNING, "安控元件〔運行中〕")
        self.picture("step08-running-after-reload")
        self._begin("9 go on")
        page.click("#next:enabled")

    def enter_id_number(self) -> None:
        """Enter a mistyped ID number, then the right one (step 10)."""
        page = self._page
        self._begin("10 a mistyped ID number")
        right = self._citizen.id_number
        self._expect("#demo-id_number", right)
        page.fill("#id-number", right[:-1] + str((int(right[-1]) + 1) % 10))
        page.click("#next")
        self._expect("#id-number-error", "檢查碼不符")
        self.picture("step10-checksum")
        self._begin("10 the right ID number")
        page.fill("#id-number", right)
        self.picture("step10-id-number")
        page.click("#next")

    def enter_pin(self) -> None:
        """Enter a wrong PIN, then the right one, and expect gold (steps 11 and 12)."""
        page = self._page
        self._begin("11 a wrong PIN")
        self._expect(".holder", self._citizen.name)
        self._expect("#demo-pin", self._citizen.pin)
        self.picture("step11-pin-box")
        page.fill("#pin", self._citizen.wrong_pin)
        page.click("#submit-pin")
        self._expect(".card-message .notice.error", r"PIN 碼錯誤，還可以輸入 \d 次")
        self.picture("step11-wrong-pin")
        self._begin("11 the right PIN")
        page.fill("#pin", self._citizen.pin)
        page.click("#submit-pin")
        self._begin("12 success")
        self._expect(".success h1", "成功升級")
        self._expect_gold()
        page.wait_for_function(ANIMATIONS_ENDED)
        self.picture("step12-gold")

    def log_in_with_card(self) -> None:
        """Log out, then log in with the card."""
        page = self._page
        self._begin("12 one more way to log in")
        page.click("#logout")
        page.click("#card-login")
        page.fill("#pin", self._citizen.pin)
        self.picture("after-card-login")
        page.click("#submit-pin")
        self._expect_gold()
        self._expect(".login-item[data-kind=card]", "自然人憑證")
        self._expect(".login-item[data-kind=mobile]", "手機號碼")
        self.picture("after-logged-in-with-card")

    def check_requests(self) -> None:
        """Check the page's errors and requests.

        Raises:
            DemoError: the page had an error, a request went to another host or held the PIN, or
                what the card signed was not made for this site.

        """
        self._begin("the page's requests")
        if self._errors:
            raise DemoError(f"an error in the page: {self._errors[0]}")
        for request in self._requests:
            if urlsplit(request.url).hostname not in OWN_HOSTS:
                raise DemoError(f"a request to another host: {request.url}")
            if self._citizen.pin in f"{request.url} {request.post_data or ''}":
                raise DemoError(f"the PIN was sent to {request.url}")
        self._begin("the card's logins name this site")
        for path, purpose in ((UPGRADE, "identify"), (LOGIN, "login")):
            self._check_token(path, purpose)

    def _check_token(self, path: str, purpose: str) -> None:
        sent = [each for each in self._requests if urlsplit(each.url).path == path]
        if not sent:
            raise DemoError(f"nothing was sent to {path}")
        site = urlsplit(self._context.url)
        stated = f'"purpose":"{purpose}","origin":"{site.scheme}://{site.netloc}"'
        for request in sent:
            token = base64.b64decode((request.post_data_json or {}).get("token", ""))
            if stated.encode() not in token:
                raise DemoError(f"what was sent to {path} was not made for this site")

    def _expect_gold(self) -> None:
        self._expect("#portrait.gold .portrait-name", re.escape(self._citizen.name))
        self._expect("#portrait.gold .badge.gold", "金質會員")
        self._page.wait_for_function(
            "() => document.querySelector('#portrait.gold img.crown')?.naturalWidth > 0"
        )

    def _expect(self, selector: str, pattern: str) -> None:
        """Wait until an element with a text is visible."""
        found = self._page.locator(selector).filter(has_text=re.compile(pattern)).first
        found.wait_for(state="visible")
