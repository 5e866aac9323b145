"""The ports of this door, each by itself: another program may have one, and have it for long."""

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType

from agent.host.settings.config import Settings
from agent.host.tls import identity
from agent.web.jrsys.jrsys_mount import JrsysMount
from agent.web.jrsys.listeners import jrsys_listeners, jrsys_ports
from tests.web.conftest import SITE, AgentFactory, FakeService, take_freed_ports
from tests.web.jrsys.rig import newer, p11

ASKED = newer("IsGCACardPresent")


def occupy(held: ExitStack) -> int:
    """Listen as another program does, where a port is free."""
    other = held.enter_context(socket.create_server(("127.0.0.1", 0)))
    port: int = other.getsockname()[1]
    return port


async def test_a_port_that_another_program_has_is_taken_when_it_is_free(
    start_agent: AgentFactory, card_certificate: Any, tmp_path: Path
) -> None:
    service = FakeService(card_certificate)
    served = await asyncio.to_thread(identity.ensure, tmp_path / "tls")
    tls = identity.server_context(served)
    with ExitStack() as held:
        port = occupy(held)
        settings = Settings(jrsys_ports=(port, 0), jrsys_tls_ports=(0,))
        mount = JrsysMount(service, settings)
        listeners = tuple(jrsys_listeners(settings, mount, tls))
        agent = await start_agent(service=service, listeners=listeners)
        assert agent.serving.missing == (port,)
        found = jrsys_ports(agent.serving.others)
        assert [len(ports) for ports in found.values()] == [1, 1]
        assert port not in found["jrsys_ports"]
        taken = asyncio.Event()
        taking = asyncio.create_task(take_freed_ports(agent.serving, taken.set, seconds=0.01))
    await asyncio.wait_for(taken.wait(), 20)
    await asyncio.wait_for(taking, 20)
    assert jrsys_ports(agent.serving.others)["jrsys_ports"][0] == port
    site = SITE.replace("https", "http")
    async with agent.http.ws_connect(f"ws://127.0.0.1:{port}/", origin=site) as page:
        await page.send_json(ASKED)
        assert (await page.receive_json())["Message"] is True


@pytest.mark.parametrize("name", ["IPVerification", "CheckExpirationDate", "CheckLicenseFile"])
async def test_no_answer_passes_for_bad_news_about_the_component(
    start_agent: AgentFactory, card_certificate: Any, name: str
) -> None:
    service = FakeService(card_certificate)
    agent = await start_agent(service=service, tls_mounts=(JrsysMount(service, Settings()),))
    async with agent.http.ws_connect(f"wss://127.0.0.1:{agent.secure_port}/", origin=SITE) as page:
        await page.send_json(newer(name))
        answer = await page.receive_json()
    assert (answer["MethodSelect"], answer["RV"]) == ("", 84)


async def test_a_port_that_is_given_up_ends_a_socket_with_its_answer(
    start_agent: AgentFactory, card_certificate: Any
) -> None:
    service = FakeService(card_certificate, gate=asyncio.Event())
    agent = await start_agent(service=service, tls_mounts=(JrsysMount(service, Settings()),))
    url = f"wss://127.0.0.1:{agent.secure_port}/"
    async with (
        agent.http.ws_connect(url, origin=SITE) as busy,
        agent.http.ws_connect(url, origin=SITE) as idle,
    ):
        await busy.send_json(p11("RsaSignedDataP11", Data2BSigned="TBS"))
        await service.is_entered()
        await agent.serving.release("secure")
        assert (await idle.receive(timeout=20)).type is WSMsgType.CLOSE
        assert service.gate is not None
        service.gate.set()
        assert "RV" in await busy.receive_json(timeout=20)
        assert (await busy.receive(timeout=20)).type is WSMsgType.CLOSE
    assert agent.serving.left == (agent.serving.others["secure"].wanted,)
