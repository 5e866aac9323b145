"""An agent with virtual cards behind this door, and what a page's kit does at it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp

from agent.signing.service import SigningService
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.signing.attempts_support import Windows
from tests.signing.permission_support import MemoryPermissions
from tests.web.conftest import SITE, Agent

PIN = "123456"
WRONG_PIN = "654321"
PLAIN_SITE = "http://shop.example"
FIRST = READER_NAME.format(0)
SECOND = READER_NAME.format(1)
DRIVER = {"P11DriverName": "anything.dll"}


def newer(method: str, block: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a request as the newer kit writes it."""
    blocks = {} if block is None else {block: fields}
    around = {"DialogTheme": "green", "Authenticode": "id", "LicenseXml": ""}
    return {"MethodSelect": method, **blocks, **around}


def p11(method: str, **fields: Any) -> dict[str, Any]:
    """Return the newer kit's request for something about a card."""
    return newer(method, "ComPKCS11Para", **DRIVER, **fields)


def older(method: str, data: Mapping[str, Any] | None = None, **pro: Any) -> dict[str, Any]:
    """Return a request as the older kit writes it."""
    blocks = {} if data is None else {"Data": data, "Pro": {"autoChoose": True, **pro}}
    return {"MethodSelect": method, **blocks}


@dataclass
class JrsysRig:
    """A listening agent, and the citizen at its windows."""

    agent: Agent
    service: SigningService
    provider: VirtualProvider
    cards: tuple[VirtualCard | None, ...]
    permissions: MemoryPermissions
    windows: Windows = field(default_factory=Windows)

    @property
    def card(self) -> VirtualCard:
        """The first reader's card."""
        assert self.cards[0] is not None
        return self.cards[0]

    @property
    def tries(self) -> int:
        """PIN attempts that the first card has left."""
        return self.card.data.attempts_left

    def address(self, site: str | None = SITE) -> str:
        """Return where a site's page asks: with TLS, unless it is plain HTTP itself."""
        if site is not None and site.startswith("http:"):
            return f"ws://127.0.0.1:{self.agent.plain_port}/"
        return f"wss://127.0.0.1:{self.agent.secure_port}/"

    @asynccontextmanager
    async def socket(
        self, site: str | None = SITE, address: str | None = None
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket as a page of ``site``."""
        address = address or self.address(site)
        opened = self.agent.http.ws_connect(address, origin=site, max_msg_size=0)
        async with opened as socket:
            yield socket

    async def call(self, request: Mapping[str, Any] | str, site: str = SITE) -> dict[str, Any]:
        """Ask on a WebSocket of its own, as the newer kit does; return the one answer."""
        async with self.socket(site) as socket:
            text = request if isinstance(request, str) else json.dumps(request)
            await socket.send_str(text)
            return await answer_of(socket)


async def answer_of(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """Wait for one answer, and check what both kits rely on."""
    message = await socket.receive(20)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    answer = cast("dict[str, Any]", json.loads(message.data))
    check_form(answer)
    return answer


def check_form(answer: Mapping[str, Any]) -> None:
    """Check what both kits look into without asking whether it is there."""
    number = answer["RV"]
    assert type(number) is int
    assert answer["Pro"]["rv"] == number
    assert isinstance(answer["MethodSelect"], str)
    assert answer["IsError"] is answer["isError"] is (number != 0)
    assert bool(answer["ErrorMessage"]) is (number != 0)
    assert not set(str(answer["Message"]) + answer["ErrorMessage"]) & set("<>&")
    certificate = answer["ComCertificatePara"]
    assert len(certificate) == 14
    assert all(isinstance(value, str) for value in certificate.values())
    assert all(isinstance(value, str) for key, value in answer["Pro"].items() if key != "rv")
    assert len(answer["Pro"]) == 3 + 13
