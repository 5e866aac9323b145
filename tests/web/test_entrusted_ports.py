"""Ports that a porter holds for all users: closed here, served with what is handed over."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from agent.commands import porter_tending
from agent.commands.porter_tending import PorterTending
from agent.host.porter.unix_registering import UnixPlace
from agent.host.settings import config
from agent.periodic import PeriodicChecks
from tests.unit.host import porter_rig
from tests.unit.host.porter_rig import Rig, running, until
from tests.web.conftest import AgentFactory

SECONDS = 60.0


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def ping(port: int) -> bytes:
    """Ask who is there; return the line of the status, empty for none."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v1/ping HTTP/1.1\r\nHost: localhost:%d\r\n\r\n" % port)
        try:
            return await reader.readline()
        except ConnectionError:
            return b""
        finally:
            writer.close()


async def ended(tending: "asyncio.Task[None]") -> None:
    """End it, unless it has failed by itself."""
    tending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await tending


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """Run a porter, all of whose connections are one user's."""
    entered: list[Rig] = []
    leave = threading.Event()

    def run() -> None:
        with running(tmp_path) as found:
            entered.append(found)
            leave.wait()

    thread = threading.Thread(target=run)
    thread.start()
    await asyncio.to_thread(until, lambda: entered)
    yield entered[0]
    leave.set()
    await asyncio.to_thread(thread.join, SECONDS)


async def test_what_is_handed_over_is_served_as_if_it_had_been_accepted(
    start_agent: AgentFactory, rig: Rig
) -> None:
    asked: list[Any] = []

    def check(peer: Any, local: Any) -> bool:
        asked.append((peer, local))
        return True

    porter = PorterTending((rig.port, rig.tls), place=UnixPlace(rig.path))
    ports = await porter.begin()
    assert ports == {rig.port, rig.tls}
    agent = await start_agent(hipki_port=rig.port, port=rig.tls, entrusted=ports, is_our_peer=check)
    serving = agent.serving
    assert (serving.port, serving.others["plain"].port) == (rig.tls, rig.port)
    tending = asyncio.create_task(porter.tend(serving, lambda: None))
    await asyncio.to_thread(until, lambda: rig.porter.counts.agents)
    assert await ping(rig.port) == b"HTTP/1.1 200 OK\r\n"
    assert asked  # the guard asks about these connections too
    assert await agent.alive()  # over TLS, handed over as well
    await ended(tending)
    await asyncio.to_thread(until, lambda: not len(rig.porter._doors))
    assert (await ping(rig.port)).startswith(b"HTTP/1.1 503")


async def test_who_is_no_user_of_ours_is_turned_away_though_handed_over(
    start_agent: AgentFactory, rig: Rig
) -> None:
    porter = PorterTending((rig.port,), place=UnixPlace(rig.path))
    agent = await start_agent(
        hipki_port=rig.port, entrusted=await porter.begin(), is_our_peer=lambda *_: False
    )
    tending = asyncio.create_task(porter.tend(agent.serving, lambda: None))
    await asyncio.to_thread(until, lambda: rig.porter.counts.agents)
    assert await ping(rig.port) == b""
    await ended(tending)


@pytest.mark.parametrize("in_front", [True, False])
async def test_a_porter_that_comes_and_goes(
    start_agent: AgentFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_front: bool
) -> None:
    monkeypatch.setattr("agent.commands.porter_tending.KNOCK_SECONDS", 0.01)
    agent = await start_agent()
    serving = agent.serving
    port = serving.others["plain"].port
    assert port is not None
    await serving.release("plain")  # from now on it is this very port
    await serving.take("plain")
    changed = asyncio.Event()
    place = UnixPlace(tmp_path / "run" / "porter.sock")
    porter = PorterTending((port,), lambda: in_front, place)
    tending = asyncio.create_task(porter.tend(serving, changed.set))
    both = iter((port, porter_rig.free_port()))
    monkeypatch.setattr(porter_rig, "free_port", lambda: next(both))
    leave, gone = threading.Event(), threading.Event()

    def run() -> None:
        with running(tmp_path):  # which waits until it has the port
            leave.wait()
        gone.set()

    threading.Thread(target=run).start()
    async with asyncio.timeout(SECONDS):
        await changed.wait()
    assert list(serving.entrusted) == [port]
    assert serving.others["plain"].port == port
    await serving.release("plain")  # somebody else is in front: that is the porter's matter
    serving.want("plain")
    assert (serving.others["plain"].port, serving.missing) == (port, ())
    changed.clear()
    leave.set()
    await asyncio.to_thread(gone.wait, SECONDS)
    async with asyncio.timeout(SECONDS):
        await changed.wait()
    assert port not in serving.entrusted
    found = serving.others["plain"]
    assert (found.port, found.released) == ((port, False) if in_front else (None, True))
    assert is_free(port) is not in_front
    await ended(tending)


async def test_a_porter_of_other_ports_is_left_alone(rig: Rig) -> None:
    assert await PorterTending((1,), place=UnixPlace(rig.path)).begin() == frozenset()
    await asyncio.to_thread(until, lambda: not len(rig.porter._doors))


async def test_no_porter_costs_nothing(start_agent: AgentFactory, tmp_path: Path) -> None:
    await start_agent()
    assert await PorterTending(()).begin() == frozenset()
    assert (
        await PorterTending((61161,), place=UnixPlace(tmp_path / "nothing")).begin() == frozenset()
    )


async def test_who_finds_a_port_taken_when_the_porter_is_gone_takes_it_later(
    start_agent: AgentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(porter_tending, "RETAKE_SECONDS", 0.01)
    serving = (await start_agent()).serving
    port = serving.others["plain"].port
    assert port is not None
    await serving.release("plain")
    await serving.take("plain")  # from now on it is this very port
    await serving.entrust([port])
    with await asyncio.to_thread(socket.create_server, ("127.0.0.1", port)):  # was faster
        await serving.take_back()
        assert (serving.others["plain"].port, serving.missing) == (None, (port,))
        changed = asyncio.Event()
        trying = porter_tending._again(None, serving, changed.set)
        assert not changed.is_set()
    async with asyncio.timeout(SECONDS):
        await changed.wait()
        await trying  # ends where nothing is left to be taken
    assert serving.others["plain"].port == port


async def test_a_port_that_was_kept_beside_a_porters_is_the_agents_when_the_porter_is_gone(
    start_agent: AgentFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several users one gets the usual port of the native API; the others had one each."""
    with await asyncio.to_thread(socket.create_server, ("127.0.0.1", 0)) as theirs:
        usual, own = theirs.getsockname()[1], porter_rig.free_port()
        monkeypatch.setattr(config, "NATIVE_PORTS", (usual, own))
        agent = await start_agent(port=None)
        serving = agent.serving
        await serving.entrust([usual])
        assert (serving.port, serving.also) == (usual, (own,))
        await serving.take_back()
        assert (serving.port, serving.also, serving.problem) == (own, (), None)
        assert serving.missing == (usual,)
        assert await agent.alive()


async def test_a_place_that_nobody_may_look_at_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def forbidden(_: Path) -> bool:
        loop.call_soon_threadsafe(looked.set)
        raise PermissionError

    checks = PeriodicChecks(0.01)
    monkeypatch.setattr(porter_tending, "CHECKS", checks)
    monkeypatch.setattr(Path, "exists", forbidden)
    with structlog.testing.capture_logs() as lines:
        waiting = asyncio.create_task(porter_tending._comes(UnixPlace(tmp_path / "porter.sock")))
        async with asyncio.timeout(SECONDS):
            await looked.wait()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert lines == []
