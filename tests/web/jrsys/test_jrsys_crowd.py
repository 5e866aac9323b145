"""Strangers who crowd this door, in every way at once, take nothing from an allowed site."""

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest

from agent.host.settings.config import Settings
from agent.origin import Origin
from agent.signing.model import CardCertificate
from agent.virtualcard.card import VirtualCard
from agent.web.front.limits import Limits
from agent.web.front.unread import Unread, UnreadBytes
from agent.web.jrsys import component, jrsys_mount
from agent.web.jrsys.answers import Answer
from agent.web.jrsys.call import Call
from agent.web.jrsys.computing import COMPUTING
from agent.web.jrsys.jrsys_mount import MAX_STRANGERS_HELD, MAX_STRANGERS_UNREAD, JrsysMount
from agent.web.jrsys.methods import Method
from agent.web.jrsys.values import Formats
from tests.web.conftest import SITE, AgentFactory, FakeService
from tests.web.jrsys.conftest import RigFactory
from tests.web.jrsys.rig import PIN, JrsysRig, newer, p11

MIB: Final = 2**20
FAST: Final = Limits(rate=1e6, burst=10**6, stranger_rate=1e6, stranger_burst=10**6)
LONG: Final = json.dumps(newer("HexToBase64", "ComUtilsPara", HexString="41" * (MIB // 2)))
SIGNING: Final = p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned="text", PIN=PIN)


def stranger(number: int) -> str:
    """Name half of them below one domain, and give the others a domain each."""
    return f"https://{number % 40}.pest.example" if number % 2 else f"https://pest{number}.example"


async def test_an_allowed_site_goes_on_among_255_strangers(
    start_rig: RigFactory, make_card: Callable[..., VirtualCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 0

    class Counting(UnreadBytes):
        def _check(self, unread: Unread) -> None:
            nonlocal most
            super()._check(unread)
            held = (each.length for each in self._open if each.site != Origin.parse(SITE))
            most = max(most, sum(held))

    monkeypatch.setattr(jrsys_mount, "UnreadBytes", Counting)
    rig: JrsysRig = await start_rig(make_card(), limits=FAST)
    async with AsyncExitStack() as stack:
        for number in range(255):
            socket = await stack.enter_async_context(rig.socket(stranger(number)))
            connection = socket._conn
            if connection is None or connection.transport is None:
                continue  # cut off already
            transport: Any = connection.transport
            if number % 3 == 0:
                transport.write(bytes([0x81, 0xFF]) + (4 * MIB).to_bytes(8, "big") + bytes(4))
                transport.write(bytes(3 * MIB))  # and no more
            elif number % 3 == 1:
                transport.write(bytes([0x01, 0x80, 0, 0, 0, 0]))  # a message that never ends
                transport.write(bytes([0x00, 0x81, 0, 0, 0, 0, 0x20]) * 200)
        flooding = [
            asyncio.create_task(_flood(rig, f"https://flood{number}.example"))
            for number in range(6)
        ]
        try:
            for _ in range(3):
                assert (await rig.call(LONG))["RV"] == 0
                assert (await rig.call(SIGNING))["RV"] == 0
                assert await rig.agent.alive()
                assert (await rig.agent.post("certificates", {}))[0] == 200
        finally:
            for each in flooding:
                each.cancel()
            await asyncio.gather(*flooding, return_exceptions=True)
    assert most <= MAX_STRANGERS_UNREAD


async def _flood(rig: JrsysRig, site: str) -> None:
    """Have a long text converted again and again, whatever becomes of it."""
    while True:
        try:
            async with rig.socket(site) as socket:
                for _ in range(4):
                    await socket.send_str(LONG)
                await socket.receive(20)
        except (OSError, RuntimeError):
            await asyncio.sleep(0)


async def test_long_messages_of_strangers_that_wait_leave_room_for_an_allowed_site(
    start_agent: AgentFactory, card_certificate: CardCertificate
) -> None:
    """Strangers' requests wait in the citizen's windows for as long as they like."""
    gate = asyncio.Event()
    service = FakeService(card_certificate, gate=gate)
    mount = JrsysMount(service, Settings(), FAST)
    agent = await start_agent(service=service, tls_mounts=(mount,))
    nobody: Any = None
    rig = JrsysRig(agent, nobody, nobody, (), nobody)
    waiting = p11("RsaSignedDataP11", DigestAlg=7, Data2BSigned="A")
    text = json.dumps(waiting)[:-1] + ', "more": "' + "x" * (4 * MIB - 1000) + '"}'
    async with AsyncExitStack() as stack:
        for number in range(20):
            socket = await stack.enter_async_context(rig.socket(f"https://pest{number}.example"))
            await socket.send_str(text)
            ways = [
                asyncio.ensure_future(each) for each in (service.is_entered(), socket.receive())
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for each in ways:
                each.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        assert len(service.asked) * len(text) <= MAX_STRANGERS_HELD
        assert (await rig.call(LONG))["RV"] == 0
        gate.set()


async def test_what_there_is_no_room_for_is_not_read(
    start_rig: RigFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read a long message costs every site some time: strangers' wait for a turn for it."""
    monkeypatch.setattr(jrsys_mount, "MAX_STRANGERS_HELD", 0)
    rig: JrsysRig = await start_rig(None, limits=FAST)
    answer = await rig.call(LONG[:-1], "https://pest.example")
    assert (answer["MethodSelect"], answer["RV"]) == ("HexToBase64", 6)


async def test_an_allowed_site_does_not_wait_for_certificates_of_strangers(
    start_rig: RigFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was made to take long takes two tenths of a second, and there may be many."""
    begun, go_on = threading.Event(), threading.Event()

    def decode(call: Call, formats: Formats) -> Answer:
        del formats
        if call.get("HexDerCertValue") == "slow":
            begun.set()
            assert go_on.wait(60)
        return Answer()

    changed = {**COMPUTING, Method.DECODE_CERTIFICATE: decode}
    monkeypatch.setattr(component, "COMPUTING", changed)
    rig: JrsysRig = await start_rig(None)
    block = "ComCertificatePara"
    try:
        async with rig.socket("https://pest.example") as socket:
            slow = newer("DecodeCertificate", block, HexDerCertValue="slow")
            await socket.send_str(json.dumps(slow))
            assert await asyncio.to_thread(begun.wait, 20)
            quick = newer("DecodeCertificate", block, HexDerCertValue="00")
            assert (await rig.call(quick))["RV"] == 0
    finally:
        go_on.set()
