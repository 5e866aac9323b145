"""A portal, an agent and cards for the browser tests, with hands on all of them."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from agent.portal.demo import browser as demo_browser
from agent.portal.demo.children import Child
from agent.portal.demo.programs import DemoPrograms
from agent.virtualcard import cardfile
from agent.virtualcard.identity import generate_id_number
from agent.virtualcard.issuer_directory import DirectoryIssuer
from agent.virtualcard.model import Generation
from agent.virtualcard.personalise import Order, personalise
from agent.virtualcard.rsa_key import RsaKey

NAME = "王測試"
PIN = "736251"
WRONG_PIN = "736252"
TIMEOUT = 20_000  # milliseconds for anything that a page is waited for

_numbers = count(1000)


@dataclass(frozen=True, slots=True)
class TestCard:
    """A card file in a virtual reader: it is in the reader while the file is there."""

    __test__ = False

    file: Path
    id_number: str

    @property
    def _pocket(self) -> Path:
        return self.file.with_suffix(".pulled")

    def pull(self) -> None:
        self.file.rename(self._pocket)

    def insert(self) -> None:
        self._pocket.rename(self.file)


@dataclass(slots=True)
class World:
    """One portal for all tests of a process; the agent comes and goes on the same two ports."""

    programs: DemoPrograms
    issuer: DirectoryIssuer
    keys: dict[Generation, tuple[RsaKey, RsaKey]]
    cards: Path
    home: Path
    _agent: Child | None = field(default=None)

    @property
    def url(self) -> str:
        return self.programs.url

    def card(
        self, generation: str = "gen1", id_number: str | None = None, **wanted: Any
    ) -> TestCard:
        """Make a card of a new person, or of this one; keywords as of ``personalise.Order``."""
        order = Order(
            generation=Generation(generation),
            name=NAME,
            id_number=id_number or generate_id_number(next(_numbers)),
            pin=PIN.encode(),
            **wanted,
        )
        file = self.cards / f"{secrets.token_hex(8)}.json"
        cardfile.save(file, personalise(order, self.issuer, self.keys.get(order.generation)))
        return TestCard(file, order.id_number)

    def start_agent(
        self,
        *cards: TestCard,
        consent: str = "allow",
        state: Path | None = None,
        flags: Sequence[str] = (),
    ) -> None:
        """Start the agent with these cards, each in its own reader; it is ready on return."""
        arguments = [f"--virtual-card={card.file}" for card in cards]
        self._agent = self.programs.children.start_module(
            "agent",
            *("agent", "serve", "--state-dir", str(state or self.programs.state / "agent")),
            *(
                "--port",
                str(self.programs.ports.tls),
                "--hipki-port",
                str(self.programs.ports.ping),
            ),
            *("--consent", consent, "--provider", "virtual", *arguments, *flags),
        )
        self._agent.wait_ready()

    def stop_agent(self) -> None:
        if self._agent is not None:
            self.programs.children.end(self._agent)
            self._agent = None


HEADLESS_SHELL = "chromium-headless-shell"
"""Chromium's engine without its windows, menus, questions and extensions; quicker by a third."""


@contextmanager
def chromium(home: Path, *flags: str) -> Iterator[Browser]:
    """Start the whole Chromium, headless, with a home directory of its own."""
    with launched(demo_browser.find_chromium(), flags, home) as browser:
        yield browser


@contextmanager
def engine(home: Path | None, *flags: str) -> Iterator[Browser]:
    """Start what tests need that are about pages alone: as :func:`chromium`, where it is shorter.

    Where the shell is not installed, it is the whole Chromium.
    """
    program = shutil.which(HEADLESS_SHELL) or demo_browser.find_chromium()
    with launched(program, flags, home) as browser:
        yield browser


@contextmanager
def launched(
    program: str | None, flags: Sequence[str], home: Path | None = None
) -> Iterator[Browser]:
    """Start a browser by Playwright; without a home, in that of this process."""
    assert program is not None
    own_home = {} if home is None else demo_browser.environment(home)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[*demo_browser.sandbox_flags(), *flags],
            env={**os.environ, **own_home},
        )
        try:
            yield browser
        finally:
            browser.close()


def register(page: Page, url: str) -> str:
    """Become an ordinary member, as the page would, only quicker; return the mobile number."""
    mobile = f"09{secrets.randbelow(10**8):08}"
    page.goto(url)
    page.wait_for_selector("#contact")
    page.evaluate(
        """async (contact) => {
            const post = async (path, body) => (await fetch(`/api/${path}`, {
                method: "POST", headers: {"Content-Type": "application/json"},
                body: JSON.stringify(body)})).json();
            const {demo_code} = await post("otp", {contact});
            const {member} = await post("otp/confirm", {contact, code: demo_code});
            if (!member) throw new Error("not registered");
        }""",
        mobile,
    )
    page.reload()
    page.wait_for_selector("#portrait")
    return mobile


def go(page: Page, path: str) -> None:
    """Open a screen by its address."""
    page.evaluate("(path) => { location.hash = `/${path}`; }", path)


def to_pin(page: Page, id_number: str) -> None:
    """Go from the download screen to the PIN box, with the agent running."""
    go(page, "upgrade/component")
    page.click("#next:enabled")
    page.fill("#id-number", id_number)
    page.click("#next")


def chip(page: Page, state: str, reason: str = "") -> Locator:
    """Wait until the chip says this."""
    found = page.locator(f".chip[data-state={state}][data-reason='{reason}']")
    found.wait_for()
    return found


def panel(page: Page, view: str) -> Locator:
    """Wait until the card panel shows this."""
    found = page.locator(f"#card-panel[data-view={view}]")
    found.wait_for()
    return found


def tab_to(page: Page, selector: str) -> None:
    """Go to an element as a keyboard does."""
    for _ in range(40):
        if page.locator(f"{selector}:focus").count():
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} has no place in the order of Tab")
