"""Two cards before a page of the SDK: named by it, or chosen by the citizen in our window."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page

from agent.consent.site_store import Decision, SiteStore
from agent.origin import Origin
from agent.virtualcard import cardfile
from tests.browser.test_sdk import connect
from tests.browser.world import PIN, WRONG_PIN, TestCard, World
from tests.tray.prompt.desktop import PATIENCE, Desktop

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys
BEGIN = """query => {
    window.told = undefined;
    agent.sign({ data: "x", format: "pkcs1", ...query }).then(
        ({ reader }) => { told = reader; }, ({ code }) => { told = code; });
}"""


@pytest.fixture
def cards(desktop: Desktop, page: Page, agent: World) -> Iterator[list[TestCard]]:
    """Put two cards before a page that may use them."""
    del desktop
    path = agent.programs.state / "agent" / "sites.sqlite"

    def decide(decision: Decision) -> None:
        with closing(SiteStore(path)) as sites:
            sites.remember(Origin.parse(agent.url.rstrip("/")), decision).result()

    decide(Decision.ALLOWED)
    cards = [agent.card("gen1"), agent.card("gen2")]
    agent.start_agent(*cards, consent="ask")
    connect(page, agent)
    yield cards
    agent.stop_agent()
    decide(Decision.UNKNOWN)


def begin(page: Page, **query: str) -> None:
    """Begin a signature; its outcome is waited for later."""
    page.evaluate(BEGIN, query)


def outcome(page: Page) -> str:
    """Wait for the reader whose card has signed, or for the code of an error."""
    page.wait_for_function("() => told")
    told: str = page.evaluate("told")
    return told


def signers(page: Page) -> list[dict[str, str]]:
    """Read where the cards are, and what the certificates of their signing keys are called."""
    found: list[dict[str, str]] = page.evaluate(
        """async () => (await agent.certificates())
            .filter(({ id }) => id === "SIGN")
            .map(({ reader, thumbprint }) => ({ reader, certificate: thumbprint }))"""
    )
    assert len({each["reader"] for each in found}) == 2
    return found


def attempts(page: Page) -> list[int]:
    """Read how many attempts each card has left."""
    found: list[int] = page.evaluate(
        "agent.readers().then(({ readers }) => readers.map((each) => each.attemptsLeft))"
    )
    return found


def awake(desktop: Desktop, other_than: str = "") -> str:
    """Wait for a window that takes keys; return its number."""
    deadline = time.monotonic() + PATIENCE
    while (window := desktop.see()) == other_than:
        assert time.monotonic() < deadline
    time.sleep(AWAKE)
    return window


@pytest.mark.parametrize(("place", "keys"), [(0, ["space"]), (1, ["Down", "space"])])
def test_the_citizen_chooses_in_our_window(
    desktop: Desktop, page: Page, cards: list[TestCard], place: int, keys: list[str]
) -> None:
    del cards
    wanted = signers(page)[place]["reader"]
    begin(page)
    choosing = awake(desktop)
    desktop.press("shift+Tab", "shift+Tab", *keys, "alt+u")
    awake(desktop, other_than=choosing)
    desktop.press(*PIN, "Return")
    assert outcome(page) == wanted


def test_a_page_that_names_its_card_is_not_asked_which(
    desktop: Desktop, page: Page, cards: list[TestCard]
) -> None:
    del cards
    first, second = signers(page)
    begin(page, reader=second["reader"])
    awake(desktop)
    desktop.press(*PIN, "Return")
    assert outcome(page) == second["reader"]
    begin(page, certificate=first["certificate"])
    awake(desktop)
    desktop.press(*PIN, "Return")
    assert outcome(page) == first["reader"]
    begin(page, pin=WRONG_PIN, reader="no such reader")
    assert outcome(page) == "no_reader"
    begin(page, pin=WRONG_PIN, reader=first["reader"], certificate=second["certificate"])
    assert outcome(page) == "key_not_found"
    assert attempts(page) == [3, 3]


def test_neither_a_no_nor_a_card_that_is_pulled_spends_an_attempt(
    desktop: Desktop, page: Page, cards: list[TestCard]
) -> None:
    begin(page, pin=WRONG_PIN)
    awake(desktop)
    desktop.press("Escape")
    assert outcome(page) == "user_cancelled"
    desktop.see_nothing()
    begin(page, pin=WRONG_PIN)
    desktop.see()
    cards[1].pull()
    assert outcome(page) == "card_removed"
    desktop.see_nothing()
    cards[1].insert()
    assert [cardfile.load(card.file).data.attempts_left for card in cards] == [3, 3]
