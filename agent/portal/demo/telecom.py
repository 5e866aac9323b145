"""Way 3 in the check of the demo: a desktop shows a code, a phone goes on, an operator answers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from agent.portal.demo.check import (
    STEP_TIMEOUT,
    CheckContext,
    DemoApplicant,
    become_ordinary,
    open_browser,
    pictured_failures,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

PHONE: Final["ViewportSize"] = {"width": 390, "height": 844}
"""Of the phone's pages, in CSS pixels."""

_DESKTOP: Final["ViewportSize"] = {"width": 1280, "height": 900}


def check_telecom(
    context: CheckContext, matching: DemoApplicant, differing: DemoApplicant
) -> float:
    """Let two members apply: one is gold, the other's number is somebody else's.

    Args:
        context: portal and browser.
        matching: whose operator confirms everything.
        differing: whose operator does not; they go on by way 4.

    Returns:
        the seconds that the first took.

    Raises:
        DemoError: a step failed; a screenshot of that moment is in the folder.

    """
    with open_browser(context) as browser:
        started = time.monotonic()
        with _acting(browser, context, matching) as act:
            act.ask("match")
            act.expect_gold()
        seconds = time.monotonic() - started
        with _acting(browser, context, differing) as act:
            act.ask("other_person")
            act.go_on_online()
    return seconds


def add_authenticator(page: "Page", *, is_user_verified: bool) -> None:
    """Give a page of Chromium a phone's own authenticator (WebAuthn Level 2 §11).

    Args:
        page: whose browser gets it.
        is_user_verified: whether somebody unlocks the phone when it is asked.

    """
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": is_user_verified,
                "automaticPresenceSimulation": True,
            }
        },
    )


class _PhoneAct:
    """One member at a desktop and with a phone, each a browser with cookies of its own."""

    def __init__(
        self, desktop: "Page", phone: "Page", context: CheckContext, who: DemoApplicant
    ) -> None:
        self._desktop = desktop
        self._phone = phone
        self._context = context
        self._who = who

    def begin(self) -> None:
        """Register on the desktop, and open the link of its code on the phone."""
        page = self._desktop
        self._context.report(f"way 3: {self._who.name} begins on the desktop")
        become_ordinary(page, self._context.url)
        page.goto(f"{self._context.url}#/upgrade")
        page.click("#choose-telecom")
        page.wait_for_selector("#app-only")
        self._picture(page, "note")
        page.click("#begin")
        page.wait_for_selector(".qr svg")
        self._picture(page, "code")
        self._phone.goto(str(page.get_attribute("#open-phone", "href")))
        self._picture(self._phone, "start")
        self._phone.check("#consent")
        self._phone.click("#connect")
        page.wait_for_selector("#telecom[data-state=connected]")
        self._picture(page, "connected")

    def write(self) -> None:
        """Fill in the form on the phone."""
        self._context.report(f"way 3: {self._who.name} carries on on the phone")
        self._phone.fill("#id_number", self._who.id_number)
        self._phone.fill("#name", self._who.name)
        self._phone.fill("#born", "79/1/31")
        self._phone.fill("#mobile", "0912 345 678")
        self._picture(self._phone, "form")
        self._phone.click("#next")

    def prove(self) -> None:
        """Unlock the phone."""
        self._phone.wait_for_selector("#phone[data-step=device]")
        self._picture(self._phone, "device")
        self._phone.click("#verify")
        self._phone.wait_for_selector("#phone[data-step=operator]")
        self._picture(self._phone, "operator")

    def ask(self, play: str) -> None:
        """Agree on the operator's page, which plays its part."""
        self._phone.click("#ask")
        self._phone.select_option("#play", play)
        self._picture(self._phone, "consent")
        self._phone.click("[name=agree]")
        self._phone.wait_for_selector("#outcome")
        self._picture(self._phone, f"answer-{play}")

    def expect_gold(self) -> None:
        """Wait until both screens say so."""
        self._phone.wait_for_selector("#outcome[data-outcome=gold]")
        self._desktop.wait_for_selector("#outcome[data-outcome=gold]")
        self._picture(self._desktop, "gold")
        self._desktop.click("#member")
        self._desktop.wait_for_selector("#portrait.gold .badge.gold")

    def go_on_online(self) -> None:
        """Read why not, and begin way 4 on the desktop."""
        self._phone.wait_for_selector("#outcome[data-outcome=other_person]")
        self._phone.wait_for_selector("#other-online")
        self._desktop.wait_for_selector("#outcome[data-outcome=other_person]")
        self._desktop.click("#stop")
        self._desktop.click("#online")
        self._desktop.wait_for_selector("#begin")
        self._picture(self._desktop, "other-way")

    def _picture(self, page: "Page", name: str) -> None:
        path = self._context.shots / f"way3-{self._who.id_number[-3:]}-{name}.png"
        page.screenshot(path=path, full_page=True)


@contextmanager
def _acting(browser: "Browser", context: CheckContext, who: DemoApplicant) -> Iterator["_PhoneAct"]:
    """Let somebody come as far as the operator."""
    with (
        _pages(browser) as (desktop, phone),
        pictured_failures(context, 3, {"desktop": desktop, "phone": phone}),
    ):
        act = _PhoneAct(desktop, phone, context, who)
        act.begin()
        act.write()
        act.prove()
        yield act


@contextmanager
def _pages(browser: "Browser") -> Iterator[tuple["Page", "Page"]]:
    """Open a desktop and a phone that can verify its user."""
    desktop = browser.new_context(locale="zh-TW", viewport=_DESKTOP)
    phone = browser.new_context(locale="zh-TW", viewport=PHONE, has_touch=True, is_mobile=True)
    for context in (desktop, phone):
        context.set_default_timeout(STEP_TIMEOUT * 1000)
    try:
        page = phone.new_page()
        add_authenticator(page, is_user_verified=True)
        yield desktop.new_page(), page
    finally:
        for context in (desktop, phone):
            context.close()
