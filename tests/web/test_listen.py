"""Where the agent listens, and what happens when somebody else is there already."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from aiohttp import web

from agent.host.settings import config
from agent.host.settings.config import Settings
from agent.host.tls import identity
from agent.host.tls.identity import ServerIdentity
from agent.origin import Origin
from agent.portal.demo.programs import free_port
from agent.web.front import listen
from agent.web.front.answer import answer
from agent.web.front.audience import Audience
from agent.web.front.listen import PortTakenError
from agent.web.front.mount import Mount, Route
from agent.web.front.serving import Listener
from tests.web.conftest import take_freed_ports

IPV6 = listen._has_ipv6()


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """Keeps sockets until the test is over."""
    with ExitStack() as stack:
        yield stack


def occupy(held: ExitStack, address: str = "127.0.0.1", port: int = 0) -> int:
    """Listen as another program would; give the port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    other = held.enter_context(socket.socket(family, socket.SOCK_STREAM))
    other.bind((address, port))
    other.listen()
    number: int = other.getsockname()[1]
    return number


def addresses(sockets: list[socket.socket]) -> set[str]:
    found = {each.getsockname()[0] for each in sockets}
    for each in sockets:
        each.close()
    return found


def test_only_loopback_in_both_families() -> None:
    sockets = listen.listen((0,))
    ports = {each.getsockname()[1] for each in sockets}
    assert len(ports) == 1
    assert addresses(sockets) == ({"127.0.0.1", "::1"} if IPV6 else {"127.0.0.1"})


@pytest.mark.skipif(not IPV6, reason="no IPv6 here")
def test_the_ipv6_half_takes_no_ipv4() -> None:
    sockets = listen.listen((0,))
    (six,) = (each for each in sockets if each.family is socket.AF_INET6)
    assert six.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    addresses(sockets)


def test_without_ipv6_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "_has_ipv6", lambda: False)
    assert addresses(listen.listen((0,))) == {"127.0.0.1"}


def test_the_next_port_is_taken_when_the_first_is_not_free(held: ExitStack) -> None:
    taken, free = occupy(held), free_port()
    sockets = listen.listen((taken, free))
    assert {each.getsockname()[1] for each in sockets} == {free}
    addresses(sockets)


@pytest.mark.skipif(not IPV6, reason="no IPv6 here")
def test_half_a_port_is_not_a_port(held: ExitStack) -> None:
    """A browser may resolve localhost to ::1, and would speak to the other program."""
    taken = occupy(held, "::1")
    with pytest.raises(PortTakenError):
        listen.listen((taken,))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", taken))  # the half that was free is free again


def test_no_free_port_is_said_clearly(held: ExitStack) -> None:
    ports = (occupy(held), occupy(held))
    with pytest.raises(PortTakenError) as caught:
        listen.listen(ports)
    for port in ports:
        assert str(port) in caught.value.detail


def test_a_port_is_free_again_at_once() -> None:
    port = free_port()
    for _ in range(3):
        sockets = listen.listen((port,))
        with socket.create_connection(("127.0.0.1", port)):
            pass
        addresses(sockets)


async def test_the_usual_ports_are_tried_in_turn(
    start_agent: Any, held: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, free = occupy(held), free_port()
    monkeypatch.setattr(config, "NATIVE_PORTS", (taken, free))
    agent = await start_agent(port=None)
    assert agent.serving.port == free
    assert await agent.alive()


def test_the_usual_ports_are_those_of_the_api() -> None:
    assert Settings().native_ports == (28443, 28444, 28445)


async def test_a_port_that_was_asked_for_has_no_substitute(
    start_agent: Any, held: ExitStack
) -> None:
    taken = occupy(held)
    serving = (await start_agent(port=taken)).serving
    assert (serving.port, serving.missing) == (None, (taken,))
    assert str(taken) in serving.problem


async def test_a_taken_beacon_port_is_not_fatal(start_agent: Any, held: ExitStack) -> None:
    with structlog.testing.capture_logs() as lines:
        agent = await start_agent(hipki_port=occupy(held))
    assert agent.plain_port is None
    assert await agent.alive()
    assert any(line["log_level"] == "warning" for line in lines)


async def test_an_older_protocol_has_tls_ports_of_its_own(
    start_agent: Any, local_identity: ServerIdentity, held: ExitStack
) -> None:
    async def handle(request: web.BaseRequest, caller: Origin | None) -> web.Response:
        return answer(request.scheme.encode(), caller)

    mounts = (Mount({"/": {"GET": Route(handle, Audience.EVERYBODY, None)}}),)
    tls = await asyncio.to_thread(identity.server_context, local_identity)
    taken = occupy(held)
    agent = await start_agent(
        listeners=(
            Listener(name="secure", ports=(taken, 0), tls=tls, mounts=mounts),
            Listener(name="simple", ports=(0,), mounts=mounts),
            Listener(name="late", ports=(taken,), tls=tls, mounts=mounts),
        )
    )
    found = agent.serving.others
    for name, scheme in (("secure", "https"), ("simple", "http")):
        url = f"{scheme}://127.0.0.1:{found[name].port}"
        async with agent.http.get(f"{url}/") as response:
            assert await response.text() == scheme
        async with agent.http.get(f"{url}/v1/status") as response:
            assert response.status == 404
        async with agent.http.get(f"{url}/v1/ping") as response:  # the beacon is for plain HTTP
            assert response.status == (200 if scheme == "http" else 404)
    assert found["late"].port is None
    assert str(taken) in found["late"].problem
    assert await agent.alive()


async def test_nothing_listens_beyond_loopback(agent: Any) -> None:
    """Ask the kernel, not ourselves."""
    ports = {agent.serving.port, agent.plain_port}
    seen = 0
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            pytest.skip("no table of sockets here")
        for line in (await asyncio.to_thread(table.read_text)).splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == "0A" and int(port, 16) in ports:  # 0A is LISTEN
                assert address in {"0100007F", "00000000000000000000000001000000"}
                seen += 1
    assert seen == (4 if IPV6 else 2)


async def test_after_closing_nobody_answers(start_agent: Any) -> None:
    agent = await start_agent()
    assert await agent.alive()
    await agent.serving.close()
    for port in (agent.serving.port, agent.plain_port):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_gets_free_is_taken(start_agent: Any) -> None:
    """The old protocol's, and the usual one of the native API."""
    async with AsyncExitStack() as ended:
        with ExitStack() as held:
            native, old = occupy(held), occupy(held)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(config, "NATIVE_PORTS", (native, 0))
                agent = await start_agent(port=None, hipki_port=old)
            serving = agent.serving
            assert (agent.plain_port, serving.missing) == (None, (native, old))
            told: asyncio.Queue[None] = asyncio.Queue()
            task = asyncio.create_task(
                take_freed_ports(serving, lambda: told.put_nowait(None), seconds=0.01)
            )
            ended.callback(task.cancel)
        async with asyncio.timeout(20):
            await told.get()
            await task
    assert (agent.plain_port, serving.also, serving.missing) == (old, (native,), ())
    async with agent.http.get(f"http://localhost:{old}/v1/ping") as response:
        assert (await response.json())["tls"] == serving.port
    for port in (native, serving.port):
        async with agent.http.get(f"https://localhost:{port}/v1/status") as response:
            assert response.status == 200


async def test_an_agent_that_got_no_port_at_all_takes_the_first_that_gets_free(
    start_agent: Any,
) -> None:
    """Then the usual one too; until then no page is told of a certificate that is distrusted."""
    told: asyncio.Queue[None] = asyncio.Queue()
    async with AsyncExitStack() as ended:
        with ExitStack() as held:
            usual, spare = occupy(held), held.enter_context(ExitStack())
            second = occupy(spare)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(config, "NATIVE_PORTS", (usual, second))
                agent = await start_agent(port=None)
            serving, ping = agent.serving, f"{agent.plain_url}/v1/ping"
            assert (serving.port, serving.missing) == (None, (usual, second))
            assert str(usual) in serving.problem
            async with agent.http.get(ping) as response:
                assert response.status == 503
                assert (await response.json())["error"]["code"] == "busy"
            task = asyncio.create_task(
                take_freed_ports(serving, lambda: told.put_nowait(None), seconds=0.01)
            )
            ended.callback(task.cancel)
            spare.close()
            async with asyncio.timeout(20):
                await told.get()
            assert (serving.port, serving.problem) == (second, None)
            assert serving.missing == (usual,)
            async with agent.http.get(ping) as response:
                assert (await response.json())["tls"] == second
            assert await agent.alive()
        async with asyncio.timeout(20):
            await told.get()
            await task
    assert (serving.port, serving.also, serving.missing) == (second, (usual,), ())


async def test_while_a_port_is_held_nothing_is_said_of_it(
    start_agent: Any, held: ExitStack
) -> None:
    agent = await start_agent(hipki_port=occupy(held))
    with structlog.testing.capture_logs() as lines:
        task = asyncio.create_task(take_freed_ports(agent.serving, pytest.fail, seconds=0))
        for _ in range(50):
            await asyncio.sleep(0)
        task.cancel()
    assert lines == []
