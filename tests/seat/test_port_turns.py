"""Ports change hands as people take turns: two agents in one process, and seats that tests turn."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog.testing
from aiohttp import web

from agent.commands import port_turns
from agent.commands.port_turns import PortTurns
from agent.host.seat.session_seat import SessionSeat
from agent.origin import Origin
from agent.web.front.answer import answer
from agent.web.front.audience import Audience
from agent.web.front.mount import Mount, Route
from agent.web.front.serving import Listener
from tests.web import conftest as web_conftest

local_identity = web_conftest.local_identity
card_certificate = web_conftest.card_certificate
start_agent = web_conftest.start_agent
SECONDS = 20.0


class Person:
    """An agent, and whether whoever owns it is in front."""

    def __init__(self, agent: Any, *, in_front: bool) -> None:
        self.agent = agent
        self.serving = agent.serving
        self.seat = SessionSeat()
        self.seat._tell(in_front=in_front)
        self.rested: list[bool] = []
        self.news = asyncio.Event()

    def rest(self, resting: bool) -> None:
        self.rested.append(resting)

    def turns(self) -> PortTurns:
        return PortTurns(self.serving, self.seat, self.news.set, self.rest)

    def turn(self, *, in_front: bool) -> None:
        self.seat._tell(in_front=in_front)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(SECONDS):
            while not holds():
                await self.news.wait()
                self.news.clear()

    @property
    def port(self) -> int | None:
        found: int | None = self.serving.others["plain"].port
        return found


@asynccontextmanager
async def taking_turns(*people: Person) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.turns().run()) for each in people]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended)


Start = Callable[..., Awaitable[Any]]


@pytest.fixture
async def first(start_agent: Start) -> Person:
    return Person(await start_agent(), in_front=True)


@pytest.fixture
async def second(start_agent: Start, first: Person) -> Person:
    """Return somebody in the back, who wants the same port."""
    return Person(await start_agent(hipki_port=first.port, begins_released=True), in_front=False)


async def test_the_port_follows_who_is_in_front(first: Person, second: Person) -> None:
    port = first.port
    async with taking_turns(first, second):
        for leaves, comes in ((first, second), (second, first)) * 2:
            leaves.turn(in_front=False)
            comes.turn(in_front=True)
            await comes.until(lambda comes=comes: comes.port == port)
            assert leaves.serving.left == (port,)
            assert comes.serving.left == ()
            assert comes.serving.missing == ()
    assert first.rested[-1] is False
    assert second.rested[-1] is True


async def test_who_waits_in_front_already_gets_it_too(first: Person, second: Person) -> None:
    """The second one turned to the front long before the first one's agent heard of it."""
    port = first.port
    async with taking_turns(first, second):
        second.turn(in_front=True)
        await second.until(lambda: second.serving.others["plain"].owner is not None)
        assert str(port) in second.serving.others["plain"].problem
        assert second.serving.missing == (port,)
        first.turn(in_front=False)
        await second.until(lambda: second.port == port)
        assert second.serving.others["plain"].problem is None


async def test_a_storm_of_switches_leaves_the_port_where_it_was(first: Person) -> None:
    port = first.port
    with structlog.testing.capture_logs() as lines:
        async with taking_turns(first):
            for _ in range(10):
                first.turn(in_front=False)
                await asyncio.sleep(0.01)
                first.turn(in_front=True)
                await asyncio.sleep(0.01)
            assert first.port == port
            assert first.serving.left == ()
    assert lines == []


async def test_switches_without_end_leave_nothing_behind(
    first: Person, second: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_turns, "SETTLE_SECONDS", 0.0)
    port = first.port
    async with taking_turns(first, second):
        before = len(asyncio.all_tasks())
        for number in range(40):
            first.turn(in_front=bool(number % 2))
            second.turn(in_front=not number % 2)
            await asyncio.sleep(0.001 * (number % 5))
        await first.until(lambda: first.port == port)
        await second.until(lambda: not second.serving.missing)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) <= before + 1
    assert (second.port, second.serving.missing) == (None, ())
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, port)):
            pass


async def test_nothing_is_said_of_ports_that_a_porter_keeps(first: Person) -> None:
    port = first.port
    assert port is not None
    await first.serving.release("plain")
    await first.serving.take("plain")  # from now on it is this very port
    await first.serving.entrust([port])
    with structlog.testing.capture_logs() as lines:
        async with taking_turns(first):
            first.turn(in_front=False)
            await first.until(lambda: first.rested[-1:] == [True])
    assert (first.port, lines) == (port, [])


async def test_a_signature_is_not_cut_and_its_answer_arrives(start_agent: Start) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def sign(request: web.BaseRequest, caller: Origin | None) -> web.Response:
        await request.read()
        begun.set()
        await may_end.wait()
        return answer(b"signature", caller)

    mount = Mount({"/sign": {"POST": Route(sign, Audience.EVERYBODY, None)}})
    slow = Person(
        await start_agent(listeners=(Listener(name="slow", ports=(0,), mounts=(mount,)),)),
        in_front=True,
    )
    port = slow.serving.others["slow"].port
    async with taking_turns(slow):
        url = f"http://localhost:{port}/sign"
        asking = asyncio.create_task(slow.agent.http.post(url, data=b"document"))
        async with asyncio.timeout(SECONDS):
            await begun.wait()
        slow.turn(in_front=False)
        await slow.until(lambda: port in slow.serving.left)
        with socket.create_server(("127.0.0.1", port)):  # somebody else has it by now
            may_end.set()
            response = await asking
            assert await response.read() == b"signature"


async def test_ports_of_the_native_api_stay(first: Person) -> None:
    async with taking_turns(first):
        first.turn(in_front=False)
        await first.until(lambda: first.serving.left)
        assert await first.agent.alive()
