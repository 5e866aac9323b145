"""Log in to the example site as a citizen does, in a headless Chromium, and ask its server."""

import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from agent.portal.demo.check import STEP_TIMEOUT, CheckContext, open_browser, why
from agent.portal.demo.children import DemoError
from agent.portal.demo.programs import Ports
from agent.portal.demo.site_server import ports_script

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLAIN: Final = "plain.html"
"""The page that people copy, below the site's address."""
_BUTTON: Final = "ankong-button"
_RUNNING: Final = "ankong-status[state=running]"
_ACCOUNT: Final = re.compile(r"[0-9a-f]{64}")
_ASK: Final = """async ([path, body]) => {
    const given = body && { method: "POST", headers: { "Content-Type": "application/json" }, body };
    const response = await fetch(path, given ?? {});
    const isJson = response.headers.get("Content-Type")?.includes("json");
    return { status: response.status, content: isJson ? await response.json() : null };
}"""


def check_site(context: CheckContext, name: str, ports: Ports) -> float:
    """Log in on both pages; return the seconds that it took.

    Args:
        context: the site, the browser's home and the pictures.
        name: of whom the server has to find.
        ports: the agent's, of which the page that people copy is told.

    Raises:
        DemoError: a step failed, or the server did not verify the login; a picture of that moment
            is in the folder.

    """
    with open_browser(context) as browser:
        page = browser.new_page(locale="zh-TW", viewport={"width": 1280, "height": 900})
        page.set_default_timeout(STEP_TIMEOUT * 1000)
        check = _SiteCheck(page, context)
        started = time.monotonic()
        try:
            check.log_in(name)
            check.send_again()
            check.log_in_on_plain_page(name, ports)
        except Exception as error:
            picture = check.picture("failure")
            raise DemoError(f"step {check.step}: {why(error)}\npicture: {picture}") from error
        return time.monotonic() - started


@dataclass(slots=True)
class _SiteCheck:
    """One visit.

    Attributes:
        step: the one in progress, for the message of an error.

    """

    page: "Page"
    context: CheckContext
    step: str = ""
    sent: str = ""

    def log_in(self, name: str) -> None:
        """Click the one button; the server then knows whose session this is, and not before."""
        self._begin("1 open the page")
        self.page.goto(self.context.url)
        self.page.wait_for_selector(_RUNNING)
        self.picture("open")
        self._begin("2 the server knows nobody")
        self._expect(self._ask("account")["status"], HTTPStatus.UNAUTHORIZED)
        self._begin("3 click the button")
        with self.page.expect_request("**/login") as asked:
            self.page.click(_BUTTON)
        self.sent = asked.value.post_data or ""
        self.page.wait_for_selector("#verified > div")
        self.picture("verified")
        self._begin("4 the page shows whom the server has verified")
        self._expect(self.page.inner_text("#name"), name)
        account = self._ask("account")["content"]["account"]
        self._expect(self.page.inner_text("#account"), account)
        self._expect(bool(_ACCOUNT.fullmatch(account)), True)

    def send_again(self) -> None:
        """Send the same login once more, which must log nobody in."""
        self._begin("5 the server refuses the same login a second time")
        self._expect(self._ask("login", self.sent)["status"], HTTPStatus.BAD_REQUEST)

    def log_in_on_plain_page(self, name: str, ports: Ports) -> None:
        """Do it on the page that people copy, which itself knows the usual ports alone."""
        self._begin("6 the page that you would copy")
        self.page.context.clear_cookies()
        self.page.add_init_script(ports_script(ports))
        self.page.goto(self.context.url + PLAIN)
        self.page.click(_BUTTON)
        self.page.wait_for_selector("#welcome:not(:empty)")
        self.picture("plain")
        self._expect(name in self.page.inner_text("#welcome"), True)
        self._expect(self._ask("account")["status"], HTTPStatus.OK)

    def picture(self, name: str) -> str:
        """Keep a picture of the whole page; return its path."""
        path = self.context.shots / f"site-{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return str(path)

    def _begin(self, step: str) -> None:
        self.step = step
        self.context.report(f"step {step}")

    def _ask(self, path: str, body: str | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = self.page.evaluate(_ASK, [f"/{path}", body])
        return answer

    @staticmethod
    def _expect(found: object, wanted: object) -> None:
        if found != wanted:
            raise DemoError(f"{wanted!r} was expected, not {found!r}")
