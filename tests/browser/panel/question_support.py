"""Pages of questions in a browser: the real agent's, and every kind of question in any language."""

import json
import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from playwright.sync_api import Page, Route

from agent.cms.login import LoginPurpose
from agent.consent.questions import (
    Act,
    AllowBlind,
    AllowSite,
    CardFacts,
    ChooseCard,
    DocumentFacts,
    EnterPin,
    LastAttempt,
    Locked,
    Purpose,
)
from agent.consent.wire import AnyPrompt
from agent.origin import LOCAL_PROGRAM, Origin
from agent.words.language import Language
from tests.browser.panel.conftest import PanelAgent
from tray.prompt.page import question_page

SITE: Final = Origin.parse("https://bank.example")
ODD: Final = Origin.parse("http://xn--80ak6aa92e.example")
CARD: Final = CardFacts(
    "Ankong Virtual Reader 0", "gen2", "TP00000000000001", "王測試", virtual=True
)
OTHER: Final = CardFacts("Reader 1", "gen1", "TP00000000000002", None)
ONE: Final = (DocumentFacts("合約.txt", bytes(range(32)), "first line\nsecond line"),)
MANY: Final = tuple(DocumentFacts(f"{place}.pdf", bytes([place]) * 32) for place in range(12))


def _pin(purpose: Purpose, left: int | None = 3, **more: Any) -> EnterPin:
    given = {"was_wrong": False, "min_length": 6, "max_length": 8, **more}
    return EnterPin(SITE, purpose, CARD, left, **given)


QUESTIONS: Final[dict[str, AnyPrompt]] = {
    "allow": AllowSite(SITE, attempts_unknown=True, blind=True),
    "allow-odd": AllowSite(ODD),
    "allow-program": AllowSite(LOCAL_PROGRAM),
    "blind": AllowBlind(SITE),
    "choose": ChooseCard(SITE, (CARD, OTHER)),
    "sign": _pin(Purpose(Act.SIGN, "SHA-256", ONE, 1)),
    "sign-many": _pin(Purpose(Act.SIGN, "SHA-256", MANY, 300), None, may_block=True),
    "sign-wrong": _pin(Purpose(Act.SIGN, "SHA-256", ONE, 1), 1, was_wrong=True),
    "login": _pin(Purpose(Act.AUTHENTICATE, login=LoginPurpose.LOGIN)),
    "decrypt": _pin(Purpose(Act.DECRYPT), 2),
    "last": LastAttempt(SITE, 1, CARD, pin_given=False),
    "unknown": LastAttempt(SITE, None, CARD, pin_given=True),
    "locked": Locked(SITE, CARD),
}


@contextmanager
def shown(page: Page, agent: PanelAgent, name: str, language: Language) -> Iterator[list[Any]]:
    """Show a question in the agent's real page; yield what the page answers, as it comes.

    Only the calls are played; who has a key for them is told elsewhere.
    """
    said = json.loads(msgspec.json.encode(question_page(QUESTIONS[name], language)))
    answers: list[Any] = []

    def play(route: Route) -> None:
        call = route.request.url.rpartition("/api/question")[2]
        match call:
            case "/open":
                route.fulfill(json={"key": "key"})
            case "":
                route.fulfill(json={"page": said, "left": 170, "more": 9})
            case "/events":
                return  # it is asked as long as the test lasts
            case "/answer":
                answers.append(route.request.post_data_json)
                route.fulfill(status=204)
            case _:
                route.fulfill(status=204)

    page.route("**/panel/api/question**", play)
    page.goto(f"{agent.origin}/panel/question.html#token=token")
    page.locator("#title").wait_for()
    yield answers
    page.unroute("**/panel/api/question**")
    page.goto("about:blank")


class OpenedPages:
    """Stands in for the citizen's browser: notes each address that the agent opens."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "opened"
        self._file.touch()
        self._seen = 0
        script = folder / "browser"
        note = f"print(sys.argv[-1], file=open({str(self._file)!r}, 'a'))"
        script.write_text(f"#!{sys.executable}\nimport sys\n{note}\n")
        script.chmod(stat.S_IRWXU)
        self.command = f"{script} %s"

    def next(self, seconds: float = 20.0) -> str:
        """Wait for the next address."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            lines = self._file.read_text().splitlines()
            if len(lines) > self._seen:
                self._seen += 1
                return lines[self._seen - 1]
            time.sleep(0.05)
        raise AssertionError(f"the agent opened no page: {self._file.read_text()}")


class Asking(threading.Thread):
    """A site that asks for something; the answer is there once the thread has ended."""

    def __init__(self, agent: PanelAgent, method: str, params: dict[str, Any], site: str) -> None:
        super().__init__(daemon=True)
        self._request = agent.request(method, params, site)
        self.answer: dict[str, Any] = {}
        self.start()

    def run(self) -> None:
        self.answer = self._request()

    def told(self) -> dict[str, Any]:
        self.join(30)
        assert not self.is_alive()
        return self.answer


def use_page(monkeypatch: Any, pages: OpenedPages) -> None:
    """Have the agent that starts next open its pages in this browser, in Chinese."""
    monkeypatch.setenv("LC_ALL", "zh_TW.UTF-8")
    monkeypatch.setenv("BROWSER", pages.command)
    if not os.environ.get("DISPLAY"):
        monkeypatch.setenv("DISPLAY", ":no-such-display")


def until_awake(page: Page) -> None:
    """Wait until the page takes keys: the ones before were meant for something else."""
    page.wait_for_timeout(1200)


def picture(page: Page, name: str) -> None:
    """Take a picture for whoever looks at one (``ANKONG_SHOTS``)."""
    folder = os.environ.get("ANKONG_SHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
