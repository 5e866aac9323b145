"""One agent with every mount, and for each mount a request that passes all checks."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import web

from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError
from agent.host.settings.config import Settings
from agent.origin import LOCAL_PROGRAM, Origin
from agent.web.front.answer import answer
from agent.web.front.audience import Audience
from agent.web.front.guard import RequestPurpose
from agent.web.front.limits import Limits
from agent.web.front.mount import Mount, Route, Routes
from agent.web.front.refusal import refusal
from agent.web.hipki.hipki_mount import HipkiMount
from agent.web.jrsys.jrsys_mount import JrsysMount
from agent.web.native.routes import NativeMount
from agent.web.panel.door import PanelMount
from agent.web.service import Service
from tests.web.conftest import SITE, Agent, AgentFactory
from tests.web.panel.panel_door import Door, PanelService, open_door


class ToyMount(Mount):
    """A protocol that the front has never heard of: its callers, headers and errors are its own."""

    headers: ClassVar[Mapping[str, str]] = {"X-Toy": "yes"}

    def __init__(self, service: Service | None = None) -> None:
        self.closed = False

        async def read(request: web.BaseRequest, caller: Origin | None) -> web.Response:
            assert service is not None
            service.snapshot()
            return await _who(request, caller)

        routes: Routes = {
            "/toy/who": {"GET": Route(_who, Audience.EVERYBODY, None, refuse=_toy_refusal)},
            "/toy/read": {
                "POST": Route(read, Audience.ALLOWED_SITE, RequestPurpose.CALL, limit=16)
            },
            "/toy/fails": {
                "GET": Route(_fail, Audience.EVERYBODY, None, refuse=_toy_refusal),
            },
        }
        super().__init__(routes)

    def claims(self, path: str) -> bool:
        return path.startswith("/toy/")

    def identify(self, request: web.BaseRequest) -> Origin | None:
        if "X-Program" in request.headers:
            return LOCAL_PROGRAM
        return super().identify(request)

    def refuse(self, error: AgentError, caller: Origin | None) -> web.Response:
        del caller
        return refusal(error, None)

    async def close(self) -> None:
        self.closed = True


async def _who(_request: web.BaseRequest, caller: Origin | None) -> web.Response:
    return answer(str(caller).encode(), caller, content_type="text/plain")


async def _fail(_request: web.BaseRequest, _caller: Origin | None) -> web.Response:
    raise RuntimeError("nobody expected it")


def _toy_refusal(error: AgentError, _caller: Origin | None) -> web.Response:
    return web.Response(text=f"toy:{error.code}", status=418)


@dataclass(frozen=True)
class Sent:
    """A request."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def but(self, **changes: Any) -> "Sent":
        """Return the same request with something else; headers that are None are left out."""
        headers = {**self.headers, **changes.pop("headers", {})}
        kept = {name: value for name, value in headers.items() if value is not None}
        return replace(self, headers=kept, **changes)


@dataclass(frozen=True)
class Received:
    """The head and the body of an answer; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Everything:
    """An agent with all mounts.

    Attributes:
        agent: listens.
        good: for each mount a request that it answers.
        is_ours: whether the programs that connect are this user's.

    """

    agent: Agent = field(init=False)
    good: dict[str, Sent] = field(default_factory=dict)
    is_ours: bool = True

    async def ask(self, mount: str, sent: Sent) -> Received:
        """Send it over a connection of its own."""
        port = self._port(mount)
        headers = {
            "Host": f"localhost:{port}",
            "Content-Length": str(len(sent.body)),
            **sent.headers,
        }
        lines = [f"{sent.method} {sent.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        reader, writer = await self.agent.raw(plain=mount in PLAIN, port=port)
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode() + sent.body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            found = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(found.get("content-length", "0")))
            return Received(int(head[0].split()[1]), found, body.decode())
        finally:
            writer.close()

    def _port(self, mount: str) -> int | None:
        if mount in PLAIN:
            return self.agent.plain_port
        return self.agent.secure_port if mount in SECURE else self.agent.serving.port


CLASSES: Mapping[str, type[Mount]] = {
    "toy": ToyMount,
    "native": NativeMount,
    "panel": PanelMount,
    "hipki": HipkiMount,
    "hipki's own pages": HipkiMount,
    "jrsys": JrsysMount,
}
PLAIN = ("hipki", "hipki's own pages")
SECURE = ("jrsys",)
GOOD_STATUS = {"jrsys": 101}
"""The status of a good answer, where it is not 200: a WebSocket begins."""
_JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def everything(
    start_agent: AgentFactory, certificate: Any, folder: Path, limits: Limits
) -> AsyncIterator[Everything]:
    """Start an agent with all mounts, on which every page of ours is open."""
    service = PanelService(certificate)
    hipki = await asyncio.to_thread(HipkiMount, service, AlwaysAllow(), Settings(), limits)
    made = Everything()
    async with open_door(
        start_agent,
        certificate,
        folder,
        service=service,
        mounts=(ToyMount(service),),
        plain_mounts=(hipki,),
        tls_mounts=(await asyncio.to_thread(JrsysMount, service, Settings(), limits),),
        limits=limits,
        is_our_peer=lambda *_: made.is_ours,
    ) as door:
        made.agent = door.agent
        made.good |= _good(door)
        made.good["hipki's own pages"] = await _own_page(made)
        yield made


def _good(door: Door) -> dict[str, Sent]:
    site = {"Origin": SITE, **_JSON}
    decision = {"origin": "https://shop.example", "action": "forget"}
    handshake = {
        "Origin": SITE,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    }
    package = {"tbs": "TBS", "pin": "123456"}
    return {
        "toy": Sent("POST", "/toy/read", site, b"{}"),
        "native": Sent("POST", "/v1/certificates", site, b"{}"),
        "panel": Sent("POST", "/panel/api/sites", door.headers(), json.dumps(decision).encode()),
        "jrsys": Sent("GET", "/", handshake),
        "hipki": Sent(
            "POST", "/sign", {"Origin": SITE}, b"tbsPackage=" + json.dumps(package).encode()
        ),
    }


async def _own_page(made: Everything) -> Sent:
    name = "hipki's own pages"
    page = await made.ask(name, Sent("GET", "/selfTest.htm"))
    token = page.body.partition('name="token" content="')[2].partition('"')[0]
    own = {"Origin": made.agent.plain_url, **_JSON}
    return Sent("POST", "/popup/readers", own, json.dumps({"token": token}).encode())
