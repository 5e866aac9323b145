"""No door spends an attempt that may be one of the last without a question; a table of all."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from agent.cards.known_attempts import StoredAttempts
from agent.errors import ErrorCode
from agent.host.settings import policy as policy_module
from agent.virtualcard.card import VirtualCard
from tests.signing.attempts_support import (
    READER,
    RIGHT,
    SITE,
    WRONG,
    Agent,
    Batch,
    CommandLine,
    Decrypt,
    Direct,
    Door,
    Http,
    Login,
    Popup,
    Socket,
    Told,
    Windows,
    agent_in,
    allow_all,
    verifies,
)

CardFactory = Callable[..., VirtualCard]
KNOWN = (None, 3, 2, 1, 0)
DOORS = ("http", "batch", "login", "decrypt", "socket", "popup", "direct", "command line")
PAGES = DOORS[:-1]
TOGETHER = 20.0  # seconds for what a fault would keep from happening


@pytest.fixture(autouse=True)
def _no_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_module, "system_path", lambda: tmp_path / "policy.toml")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    allow_all(folder)
    return folder


@pytest.fixture
def door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Door:
    pages = (Http(), Batch(), Login(), Decrypt(), Socket(), Popup(), Direct())
    doors = {door.name: door for door in pages}
    chosen: Door = {**doors, "command line": CommandLine(monkeypatch)}[request.param]
    return chosen


@dataclass(frozen=True)
class Row:
    """What is known of a card, and what comes: a PIN that is right or wrong, and leave or none."""

    known: int | None
    right: bool
    agrees: bool

    @property
    def real(self) -> int:
        """The attempts that the card has in fact."""
        return 3 if self.known is None else self.known

    @property
    def pin(self) -> str:
        return RIGHT if self.right else WRONG

    def outcome(self, door: Door) -> Told:
        """Say what a page hears once the PIN was sent."""
        if self.real == 0:
            return door.told(ErrorCode.PIN_LOCKED, 0)
        if self.right:
            return Told(None)
        if self.real == 1:
            return door.told(ErrorCode.PIN_LOCKED, 0)
        return door.told(ErrorCode.PIN_INCORRECT, self.real - 1)

    def left(self) -> int:
        """Count the attempts that are left once the PIN was sent."""
        return 3 if self.right and self.real else max(0, self.real - 1)


ROWS = [Row(*values) for values in product(KNOWN, (True, False), (True, False))]


async def lay(agent: Agent, make_card: CardFactory, row: Row) -> VirtualCard:
    """Put a card in of which an agent knew so much."""
    card = make_card(attempts_left=row.real)
    if row.known is not None:
        agent.daemon.attempts.write(card.data.serial, row.known)
    await agent.exchange(card)
    agent.windows.begin(agrees=row.agrees, pin=row.pin)
    return card


@pytest.mark.parametrize("door", DOORS, indirect=True)
async def test_a_page_s_pin_at_every_door(
    state: Path, door: Door, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = Windows()
    async with agent_in(state, windows, monkeypatch) as agent:
        for row in ROWS:
            card = await lay(agent, make_card, row)
            told = await door.sign(agent, row.pin)
            asks = door.asks and row.known not in (3, 0)
            assert windows.asked == ([f"last {row.known}"] if asks else []), row
            if asks and not row.agrees:
                assert told == door.told(ErrorCode.PIN_LAST_ATTEMPT, row.known), row
                assert (verifies(card), card.data.attempts_left) == (0, row.real), row
            else:
                assert told == row.outcome(door), row
                assert (verifies(card), card.data.attempts_left) == (1, row.left()), row


@pytest.mark.parametrize("place", ["window", "page"])
@pytest.mark.parametrize("door", PAGES, indirect=True)
async def test_a_typed_pin_at_every_door(
    state: Path, door: Door, place: str, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Typed into a window that says how many attempts are left, or that this is not known.

    Or into a page in the window's place.
    """
    windows = Windows()
    rules = {"page_pin": False, "questions": place}
    async with agent_in(state, windows, monkeypatch, **rules) as agent:
        for row in ROWS:
            card = await lay(agent, make_card, row)
            told = await door.sign(agent, None)
            sent = row.known != 1 or row.agrees
            first = ["last 1"] if row.known == 1 else []
            if not sent:
                assert windows.asked == first, row
                assert told == door.told(ErrorCode.PIN_LAST_ATTEMPT, 1), row
            elif row.right and row.real:
                assert windows.asked == [*first, f"pin {row.known}"], row
                assert told == Told(None), row
            elif row.left() == 0:
                assert windows.asked == [*first, f"pin {row.known or None}", "locked"], row
                assert told == door.told(ErrorCode.PIN_LOCKED, 0), row
            else:
                again = ["last 1"] if row.left() == 1 else []
                # The second PIN window is closed.
                again += [f"pin {row.left()}"] if row.left() > 1 or row.agrees else []
                assert windows.asked == [f"pin {row.known}", *again], row
            assert verifies(card) == sent, row


@pytest.mark.parametrize("door", DOORS, indirect=True)
async def test_a_restarted_agent_knows_what_the_one_before_knew(
    state: Path, door: Door, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another card in between changes nothing."""
    windows, card = Windows(), make_card()
    async with agent_in(state, windows, monkeypatch) as agent:
        await agent.exchange(card)
        for _ in range(2):
            await door.sign(agent, WRONG)
    assert card.data.attempts_left == 1
    windows.begin(agrees=False)
    async with agent_in(state, windows, monkeypatch) as agent:
        page = Http()
        for _ in range(2):
            await agent.exchange(card)
            assert await page.sign(agent, WRONG) == page.told(ErrorCode.PIN_LAST_ATTEMPT, 1)
            assert verifies(card) == 0
            await agent.exchange(make_card())
            windows.agrees = True
            assert await page.sign(agent, RIGHT) == Told(None)
            windows.agrees = False
    assert windows.asked == ["last 1", "last None"] * 2
    assert card.data.attempts_left == 1


@pytest.mark.parametrize("door", PAGES, indirect=True)
async def test_where_no_window_opens_only_a_popup_asks(
    state: Path, door: Door, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = Windows(opens=False)
    async with agent_in(state, windows, monkeypatch) as agent:
        for row in ROWS:
            card = await lay(agent, make_card, row)
            told = await door.sign(agent, row.pin)
            needed = row.known not in (3, 0)
            asks = needed and door.name == "popup"
            assert windows.asked == ([f"popup {row.known}"] if asks else []), row
            if not needed or (asks and row.agrees):
                assert told == row.outcome(door), row
            else:
                assert told == door.told(ErrorCode.PIN_LAST_ATTEMPT, row.known), row
                assert verifies(card) == 0, row


@pytest.mark.parametrize("door", PAGES, indirect=True)
async def test_no_door_asks_where_whoever_started_the_agent_answers(
    state: Path, door: Door, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = Windows()
    for settings in ({"consent": "allow"}, {"unknown_tries": "allow"}):
        async with agent_in(state, windows, monkeypatch, **settings) as agent:
            for right in (False, True):
                row = Row(None, right, agrees=False)
                await lay(agent, make_card, row)
                assert await door.sign(agent, row.pin) == row.outcome(door)
                assert windows.asked == []


# A site's first visit.


@pytest.mark.parametrize("door", PAGES, indirect=True)
async def test_a_first_visit_has_one_window_later_ones_none_and_a_retry_one(
    tmp_path: Path, door: Door, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = Windows()
    async with agent_in(tmp_path / "state", windows, monkeypatch) as agent:
        await agent.exchange(make_card())
        await door.arrive(agent)
        for expected in (["site, one PIN"], [], []):
            assert await door.sign(agent, RIGHT) == Told(None)
            assert windows.asked == expected
            windows.begin()
        assert await door.sign(agent, WRONG) == door.told(ErrorCode.PIN_INCORRECT, 2)
        assert windows.asked == []
        assert await door.sign(agent, RIGHT) == Told(None)
        assert windows.asked == ["last 2"]


async def test_where_the_attempts_are_known_the_site_s_window_says_nothing_of_them(
    tmp_path: Path, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, page = Windows(), Http()
    async with agent_in(tmp_path / "state", windows, monkeypatch) as agent:
        await agent.exchange(make_card())
        for site in (SITE, "https://other.example"):
            await page.arrive(agent, site=site)
            assert await page.sign(agent, RIGHT, site=site) == Told(None)
        assert windows.asked == ["site, one PIN", "site"]
        # What it did not say it does not cover either.
        await agent.exchange(make_card())
        windows.begin(agrees=False)
        told = await page.sign(agent, RIGHT, site="https://other.example")
        assert told == page.told(ErrorCode.PIN_LAST_ATTEMPT)


async def test_the_yes_to_a_site_covers_one_pin_on_one_card(
    tmp_path: Path, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, page = Windows(), Http()
    async with agent_in(tmp_path / "state", windows, monkeypatch) as agent:
        await agent.exchange(make_card())
        await page.arrive(agent)
        assert await page.sign(agent, WRONG) == page.told(ErrorCode.PIN_INCORRECT, 2)
        card = make_card()
        await agent.exchange(card)
        windows.begin(agrees=False)
        assert await page.sign(agent, WRONG) == page.told(ErrorCode.PIN_LAST_ATTEMPT)
        assert windows.asked == ["last None"]
        assert verifies(card) == 0


@pytest.mark.parametrize("known", [2, 1])
async def test_the_yes_to_a_site_covers_no_attempt_that_is_known_to_be_one_of_the_last(
    tmp_path: Path, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    windows, page = Windows(), Http()
    async with agent_in(tmp_path / "state", windows, monkeypatch) as agent:
        card = await lay(agent, make_card, Row(known, right=False, agrees=False))
        await page.arrive(agent)
        assert await page.sign(agent, WRONG) == page.told(ErrorCode.PIN_LAST_ATTEMPT, known)
        assert windows.asked == ["site, one PIN", f"last {known}"]
        assert verifies(card) == 0


@pytest.mark.parametrize("door", PAGES, indirect=True)
async def test_two_requests_at_once_spend_one_yes_once(
    tmp_path: Path, door: Door, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = Windows(agrees=False)
    async with agent_in(tmp_path / "state", windows, monkeypatch) as agent:
        card = make_card()
        await agent.exchange(card)
        await door.arrive(agent)
        async with asyncio.timeout(TOGETHER):
            told = await asyncio.gather(*(door.sign(agent, WRONG) for _ in range(2)))
        expected = {
            door.told(ErrorCode.PIN_INCORRECT, 2),
            door.told(ErrorCode.PIN_LAST_ATTEMPT, 2),
        }
        assert set(told) == expected
        assert windows.asked == ["site, one PIN", "last 2"]
        assert (verifies(card), card.data.attempts_left) == (1, 2)


async def test_a_request_that_sends_no_pin_does_not_use_the_yes_up(
    tmp_path: Path, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, page = Windows(), Http()
    async with agent_in(tmp_path / "state", windows, monkeypatch) as agent:
        await agent.exchange(make_card())
        await page.arrive(agent)
        assert await page.sign(agent, "12345678901") == page.told(ErrorCode.PIN_LENGTH)
        assert await page.sign(agent, RIGHT) == Told(None)
        assert windows.asked == ["site, one PIN"]


# Between the question and the PIN.


class Swapping(Windows):
    """Exchanges the card while the citizen is asked, and agrees."""

    agent: Agent
    second: VirtualCard

    def answer(self, prompt: object) -> object:
        said = super().answer(prompt)
        if self.asked[-1].startswith("last"):
            self.second.trace.recording = True
            self.agent.provider.remove(READER)
            self.agent.provider.insert(READER, self.second)
        return said


@pytest.mark.parametrize("door", PAGES, indirect=True)
@pytest.mark.parametrize("known", [None, 2, 1])
async def test_a_card_that_was_not_shown_is_never_sent_the_pin(
    state: Path,
    door: Door,
    make_card: CardFactory,
    monkeypatch: pytest.MonkeyPatch,
    known: int | None,
) -> None:
    windows, second = Swapping(), make_card()
    async with agent_in(state, windows, monkeypatch) as agent:
        windows.agent, windows.second = agent, second
        first = await lay(agent, make_card, Row(known, right=True, agrees=True))
        told = await door.sign(agent, RIGHT)
        assert told == door.told(ErrorCode.CARD_REMOVED)
        assert windows.asked == [f"last {known}"]
    assert verifies(first) == verifies(second) == 0


async def test_leave_for_an_unknown_number_is_none_for_one_that_is_known_by_now(
    state: Path, make_card: CardFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program of the citizen's spends attempts while they are asked."""

    class Learning(Windows):
        def answer(self, prompt: object) -> object:
            with closing(StoredAttempts.open(state / "attempts.sqlite", key)) as program:
                program.write(card.data.serial, 1)
            return super().answer(prompt)

    windows, page = Learning(), Http()
    async with agent_in(state, windows, monkeypatch) as agent:
        key = agent.daemon.attempts._key
        card = await lay(agent, make_card, Row(None, right=False, agrees=True))
        assert await page.sign(agent, WRONG) == page.told(ErrorCode.PIN_LAST_ATTEMPT, 1)
        assert verifies(card) == 0
