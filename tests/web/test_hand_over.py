"""A port that is given up, taken again, and served with connections from elsewhere."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from aiohttp import web

from agent.origin import Origin
from agent.web.front.answer import answer
from agent.web.front.audience import Audience
from agent.web.front.mount import Mount, Route
from agent.web.front.serving import Listener
from agent.web.ports import Serving

SECONDS = 20.0


class Work:
    """A protocol whose answer takes as long as a test wants."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        route = Route(self._handle, Audience.EVERYBODY, None)
        at_once = Route(self._at_once, Audience.EVERYBODY, None)
        self.mount = Mount({"/work": {"POST": route, "GET": route}, "/": {"GET": at_once}})

    async def _handle(self, request: web.BaseRequest, caller: Origin | None) -> web.Response:
        self.begun.set()
        read = await request.read()
        await self.may_end.wait()
        return answer(b"signed %d" % len(read), caller)

    async def _at_once(self, request: web.BaseRequest, caller: Origin | None) -> web.Response:
        del request
        return answer(b"here", caller)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def agent(start_agent: Any, work: Work) -> Any:
    return await start_agent(listeners=(Listener(name="old", ports=(0,), mounts=(work.mount,)),))


def request(path: str, port: int, body: bytes = b"", *, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {size}\r\n\r\n"
    if path == "/":
        head = f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"
    return head.encode() + body


def is_refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def ends(reader: asyncio.StreamReader) -> bytes:
    """Read until the other side closes."""
    async with asyncio.timeout(SECONDS):
        return await reader.read()


async def connections_are(serving: Serving, number: int) -> None:
    while serving.open_connections("old") != number:  # noqa: ASYNC110  # nothing tells of it
        await asyncio.sleep(0)


async def test_a_released_port_is_free_for_others_and_can_be_taken_again(agent: Any) -> None:
    serving = agent.serving
    port = serving.others["old"].port
    for _ in range(3):
        await serving.release("old")
        await serving.release("old")
        assert (serving.others["old"].port, serving.others["old"].problem) == (None, None)
        assert serving.others["old"].released
        assert serving.others["old"].wanted == port
        with socket.create_server(("127.0.0.1", port)):
            pass
        assert await serving.take("old")
        assert await serving.take("old")
        async with agent.http.get(f"http://localhost:{port}/") as response:
            assert await response.read() == b"here"


async def test_an_answer_under_way_still_arrives(agent: Any, work: Work) -> None:
    serving = agent.serving
    port = serving.others["old"].port
    reader, writer = await agent.raw(plain=True, port=port)
    writer.write(request("/work", port, b"abc", length=5))
    async with asyncio.timeout(SECONDS):
        await work.begun.wait()
    await serving.release("old")
    assert is_refused(port)
    with socket.create_server(("127.0.0.1", port)):  # the other agent need not wait for it
        writer.write(b"de")  # the rest of what is to be signed comes after the switch
        work.may_end.set()
        told = await ends(reader)
    assert told.endswith(b"signed 5")
    assert b"connection: close" in told.lower()
    writer.close()


async def test_idle_and_silent_connections_end_at_once(agent: Any) -> None:
    serving = agent.serving
    port = serving.others["old"].port
    silent, first = await agent.raw(plain=True, port=port)
    half, second = await agent.raw(plain=True, port=port)
    second.write(b"GET / HTTP/1.1\r\nHost")
    idle, third = await agent.raw(plain=True, port=port)
    third.write(request("/", port))
    async with asyncio.timeout(SECONDS):
        await idle.readuntil(b"here")
        await connections_are(serving, 3)
    await serving.release("old")
    assert [await ends(each) for each in (silent, half, idle)] == [b"", b"", b""]
    async with asyncio.timeout(SECONDS):
        await connections_are(serving, 0)
    for each in (first, second, third):
        each.close()


async def test_who_holds_a_released_port_is_said_when_it_is_wanted_again(agent: Any) -> None:
    serving = agent.serving
    port = serving.others["old"].port
    await serving.release("old")
    with ExitStack() as held:
        held.enter_context(socket.create_server(("127.0.0.1", port)))
        assert not await serving.take("old")
        assert str(port) in serving.others["old"].problem
        assert serving.missing == (port,)
    told: list[None] = []
    await serving.try_waiting(lambda: told.append(None))
    assert (serving.others["old"].port, serving.missing, len(told)) == (port, (), 1)


async def test_a_port_that_is_held_and_then_given_up_is_waited_for_no_more(
    agent: Any, start_agent: Any
) -> None:
    taken = agent.serving.others["old"].port
    other = (
        await start_agent(listeners=(Listener(name="late", ports=(taken,), mounts=()),))
    ).serving
    assert other.missing == (taken,)
    await other.release("late")
    assert (other.missing, other.others["late"].released) == ((), True)


async def connected(serving_port: int) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection to a port that another process listens on."""
    listening = socket.create_server(("127.0.0.1", serving_port))
    ours = socket.create_connection(listening.getsockname())
    theirs, _ = listening.accept()
    listening.close()
    return ours, theirs


async def test_a_connection_that_another_process_accepted_is_served(agent: Any) -> None:
    serving = agent.serving
    port = serving.others["old"].port
    await serving.release("old")
    ours, theirs = await connected(port)
    await serving.adopt("old", theirs)
    ours.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    writer.write(request("/", port))
    async with asyncio.timeout(SECONDS):
        await reader.readuntil(b"here")
    assert serving.open_connections("old") == 1
    await serving.release("old")  # nothing was open: it is released already
    assert serving.open_connections("old") == 1
    writer.close()


async def test_a_connection_is_taken_while_every_shared_thread_is_busy(agent: Any) -> None:
    """A porter gives two seconds for it, and ends it afterwards."""
    port = agent.serving.others["old"].port
    await agent.serving.release("old")
    ours, theirs = await connected(port)
    shared, free = ThreadPoolExecutor(1), threading.Event()
    asyncio.get_running_loop().set_default_executor(shared)
    shared.submit(free.wait)
    adopting = asyncio.create_task(agent.serving.adopt("old", theirs))
    try:
        await asyncio.sleep(0)
        assert adopting.done()
    finally:
        free.set()
        await adopting
        ours.close()


async def test_another_users_program_is_turned_away_from_a_connection_handed_over(
    start_agent: Any, work: Work
) -> None:
    agent = await start_agent(
        listeners=(Listener(name="old", ports=(0,), mounts=(work.mount,)),),
        is_our_peer=lambda *_: False,
    )
    port = agent.serving.others["old"].port
    await agent.serving.release("old")
    ours, theirs = await connected(port)
    await agent.serving.adopt("old", theirs)
    reader, writer = await asyncio.open_connection(sock=ours)
    assert await ends(reader) == b""
    writer.close()


async def test_a_connection_to_another_port_is_not_taken(agent: Any) -> None:
    ours, theirs = await connected(0)
    with ours, pytest.raises(ValueError, match="no port of old"):
        await agent.serving.adopt("old", theirs)
    assert theirs.fileno() == -1
    ours, theirs = await connected(0)
    with ours, pytest.raises(KeyError):
        await agent.serving.adopt("none", theirs)
    assert theirs.fileno() == -1


async def test_an_agent_may_begin_without_its_old_ports(start_agent: Any, work: Work) -> None:
    agent = await start_agent(
        begins_released=True, listeners=(Listener(name="old", ports=(0,), mounts=(work.mount,)),)
    )
    found = agent.serving.others["old"]
    assert (found.port, found.released, found.problem) == (None, True, None)
    assert agent.serving.missing == ()
    assert await agent.serving.take("old")
    port = agent.serving.others["old"].port
    async with agent.http.get(f"http://localhost:{port}/") as response:
        assert await response.read() == b"here"
