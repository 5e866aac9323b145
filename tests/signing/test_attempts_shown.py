"""What a page is shown of the PIN attempts left follows the card at once, and the card around."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agent.host.settings import policy as policy_module
from agent.signing.model import CardPresence
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import Faults
from tests.signing.attempts_support import (
    _TLS,
    READER,
    RIGHT,
    SITE,
    WRONG,
    Agent,
    Windows,
    _params,
    agent_in,
    allow_all,
)

CardFactory = Callable[..., VirtualCard]
PATIENCE = 30.0  # seconds for what comes at once
GENERATIONS = ("gen1", "gen2")


@pytest.fixture
async def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Agent]:
    monkeypatch.setattr(policy_module, "system_path", lambda: tmp_path / "policy.toml")
    allow_all(tmp_path / "state")
    async with agent_in(tmp_path / "state", Windows(), monkeypatch) as running:
        yield running


class Visit:
    """A page with a socket, which keeps the readers as the SDK does: by events alone."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.shown: dict[str, Any] = {}
        self.events: list[str] = []

    async def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        await self._socket.send_json({"id": 1, "method": method, "params": params or {}})
        while (message := await self._hear()).get("id") != 1:
            pass
        return message

    async def sign(self, pin: str) -> dict[str, Any]:
        return await self.ask("sign", _params(pin))

    async def until(self, **wanted: Any) -> None:
        """Hear events until the reader is shown so."""
        async with asyncio.timeout(PATIENCE):
            while any(self.shown.get(name) != value for name, value in wanted.items()):
                await self._hear()

    async def _hear(self) -> dict[str, Any]:
        message: dict[str, Any] = await self._socket.receive_json()
        if "event" in message:
            self.events.append(message["event"])
            self.shown = message["data"]["reader"]
        return message


@asynccontextmanager
async def visit(agent: Agent) -> AsyncIterator[Visit]:
    url = f"wss://localhost:{agent.port}/v1/socket"
    async with agent.client.ws_connect(
        url, protocols=("ankong.v1",), headers={"Origin": SITE}, ssl=_TLS
    ) as socket:
        page = Visit(socket)
        await page.ask("readers")
        yield page


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_wrong_pin_counts_down_a_right_one_up_and_both_are_heard_of(
    agent: Agent, make_card: CardFactory, generation: str
) -> None:
    async with visit(agent) as page:
        await agent.exchange(make_card(generation))
        await page.until(state="card", attempts_left=None)
        assert (await page.sign(WRONG))["error"]["attempts_left"] == 2
        await page.until(attempts_left=2)
        assert "result" in await page.sign(RIGHT)
        await page.until(attempts_left=3)
        (reader,) = (await page.ask("readers"))["result"]["readers"]
        assert reader == page.shown
    assert set(page.events) == {"card_inserted", "card_changed"}


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_card_that_was_pulled_has_as_many_when_it_is_back(
    agent: Agent, make_card: CardFactory, generation: str
) -> None:
    card = make_card(generation)
    async with visit(agent) as page:
        await agent.exchange(card)
        await page.sign(WRONG)
        await page.until(attempts_left=2)
        await agent.exchange(card)
        await page.until(state="card", attempts_left=2)
        await page.sign(RIGHT)
        await page.until(attempts_left=3)
        agent.provider.remove(READER)
        await page.until(state="empty", attempts_left=None)
        agent.provider.insert(READER, card)
        await page.until(state="card", attempts_left=3)


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_another_card_has_its_own_number_of_attempts(
    agent: Agent, make_card: CardFactory, generation: str
) -> None:
    first, second = make_card(generation), make_card(generation)
    async with visit(agent) as page:
        await agent.exchange(first)
        await page.sign(WRONG)
        await page.until(attempts_left=2)
        await agent.exchange(second)
        serial = second.data.serial
        await page.until(state="card", card={"generation": generation, "serial": serial})
        assert page.shown["attempts_left"] is None  # nothing is known of this one


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_what_answers_nothing_is_neither_a_card_nor_none(
    agent: Agent, make_card: CardFactory, generation: str
) -> None:
    card = make_card(generation)
    async with visit(agent) as page:
        agent.provider.insert(READER, make_card(generation, faults=Faults(mute=True)))
        await page.until(state="mute", card=None, attempts_left=None)
        for asked in (await page.sign(RIGHT), await page.ask("certificates")):
            assert asked["error"]["code"] == "card_mute"
            assert asked["error"]["retriable"]
        agent.provider.remove(READER)
        await page.until(state="empty")
        agent.provider.insert(READER, card)  # turned round
        await page.until(state="card")
        assert "result" in await page.sign(RIGHT)
    assert card.data.attempts_left == 3


async def test_no_card_is_touched_unasked_before_one_has_told(
    agent: Agent, make_card: CardFactory
) -> None:
    card = make_card("gen2")
    await agent.exchange(card)
    await agent.exchange(card)
    assert agent.watch._state is CardPresence.CARD
    assert not card.trace.exchanges
