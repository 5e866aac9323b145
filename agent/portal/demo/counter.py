"""Way 2 as the check plays it: an applicant at the counter, and the clerk behind it."""

import re
import time
from typing import TYPE_CHECKING

from agent.portal.demo.check import (
    STEP_TIMEOUT,
    CheckContext,
    DemoApplicant,
    become_ordinary,
    open_browser,
    pictured_failures,
)
from agent.portal.demo.staffdoor import StaffCard, StaffDoor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_BORN = "79/01/31"


def check_counter(
    context: CheckContext, door: StaffDoor, clerk: StaffCard, applicant: DemoApplicant
) -> float:
    """Make an applicant gold at the counter; return the seconds it took.

    Raises:
        DemoError: a step failed; a screenshot of that moment is in the folder.

    """
    started = time.monotonic()
    with open_browser(context) as browser:
        check = _CounterCheck(browser, context)
        with pictured_failures(context, 2, check.pages):
            check.register()
            check.log_in(door, clerk)
            check.confirm_contact()
            check.record(applicant)
            check.expect_gold(applicant)
    return time.monotonic() - started


class _CounterCheck:
    """Two people with a browser each: the applicant and the clerk."""

    def __init__(self, browser: "Browser", context: CheckContext) -> None:
        self._context = context
        self._member = _page(browser)
        self._clerk = _page(browser)
        self.pages = {"member": self._member, "clerk": self._clerk}
        self._mobile = ""

    def picture(self, name: str) -> None:
        """Save what the clerk sees."""
        path = self._context.shots / f"way2-{name}.png"
        self._clerk.screenshot(path=path, full_page=True)

    def register(self) -> None:
        """Let the applicant become an ordinary member."""
        self._context.report("way 2: an ordinary member comes to the counter")
        self._mobile = become_ordinary(self._member, self._context.url)

    def log_in(self, door: StaffDoor, clerk: StaffCard) -> None:
        """Let the clerk log in with their own card."""
        self._context.report("way 2: the clerk logs in with a card")
        door.log_in(self._clerk, self._context.url, clerk.pin)
        self.picture("01-start")

    def confirm_contact(self) -> None:
        """Find the member, and confirm the contact by the code that is read out."""
        self._context.report("way 2: the applicant reads out the code")
        page = self._clerk
        page.click(".areas a[href='/staff/counter']")
        page.fill("#contact", self._mobile)
        page.click("#find")
        page.click("#send-code")
        page.fill("#code", page.inner_text("#demo-code"))
        self.picture("02-code")
        page.click("#confirm")
        page.wait_for_selector("#id_number")

    def record(self, applicant: DemoApplicant) -> None:
        """Record what was seen, make gold, and open the receipt."""
        self._context.report("way 2: the clerk records the documents")
        page = self._clerk
        page.fill("#id_number", applicant.id_number)
        page.fill("#name", applicant.name)
        page.fill("#birth_date", _BORN)
        page.select_option("#document_1", "national_id")
        page.fill("#document_1_last4", applicant.id_number[-4:])
        page.check("#consent")
        self.picture("03-record")
        page.click("#make-gold")
        page.wait_for_selector("#done")
        page.click("#receipt")
        page.locator(".receipt").filter(has_text=re.compile(re.escape(applicant.name))).wait_for()
        self.picture("04-receipt")

    def expect_gold(self, applicant: DemoApplicant) -> None:
        """See on the member's own page what the clerk has done, and end the clerk's day."""
        self._context.report("way 2: the member sees it")
        self._member.reload()
        portrait = self._member.locator("#portrait.gold .portrait-name")
        portrait.filter(has_text=re.compile(re.escape(applicant.name))).wait_for()
        self._clerk.click("#staff-logout")
        self._clerk.wait_for_selector("#ended")


def _page(browser: "Browser") -> "Page":
    page = browser.new_context(locale="zh-TW", viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(STEP_TIMEOUT * 1000)
    return page
