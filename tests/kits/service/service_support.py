"""The validation service for tests: inside this process, and as the command that runs it."""

import asyncio
import base64
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from asn1crypto import cms

from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.relying.path import utc_now
from agent.validator.app import ServiceApp
from agent.validator.config import Config, parse_config
from agent.validator.judging import Judging, judging
from agent.validator.metrics import ServiceMetrics
from agent.validator.worker import serve

ROOT = Path(__file__).resolve().parents[3]
FOUND: dict[str, Any] = json.loads((FOLDER / MANIFEST).read_text("ascii"))
CASES: dict[str, dict[str, Any]] = FOUND["cases"]
AT = datetime.fromisoformat(FOUND["at"])
KEY = "a-key-of-this-test-alone-0123456789"
TRUST: dict[str, list[str]] = FOUND["trust"]


def quoted(names: Sequence[str]) -> str:
    return json.dumps([str(FOLDER / name) for name in names])


def config_text(
    *,
    listen: str = '"127.0.0.1:0"',
    origins: Sequence[str] = FOUND["origins"],
    trust: dict[str, list[str]] | None = None,
    lists: str = "",
    more: str = "",
    clients: str = "",
) -> str:
    """Return a configuration that trusts the authorities of the vectors."""
    chosen = trust or TRUST
    own = "" if clients else f"origins = {json.dumps(list(origins))}\n"
    return (
        f"listen = {listen}\n{own}{more}\n"
        f"[trust]\nroots = {quoted(chosen['roots'])}\nintermediates = {quoted(chosen['cas'])}\n"
        f"[lists]\n{lists or 'files = ' + quoted(chosen['crls'])}\n{clients}\n"
    )


def config_of(folder: Path = ROOT, **parts: Any) -> Config:
    return parse_config(config_text(**parts), folder)


def login_of(name: str = "valid", **parts: str) -> dict[str, str]:
    """Return the request that verifies a vector."""
    case = CASES[name]
    token = base64.b64encode((FOLDER / case["file"]).read_bytes()).decode()
    challenge = case.get("challenge", FOUND["challenge"])
    purpose = case.get("purpose", FOUND["purpose"])
    return {"token": token, "challenge": challenge, "purpose": purpose, **parts}


def certificate_of(name: str = "valid") -> str:
    """Return the signer's certificate of a vector, DER in base64."""
    signed = cms.ContentInfo.load((FOLDER / CASES[name]["file"]).read_bytes())["content"]
    return base64.b64encode(signed["certificates"][0].chosen.dump()).decode()


class InProcess:
    """A service of this process, and a client of it."""

    def __init__(self, app: ServiceApp, port: int, http: aiohttp.ClientSession) -> None:
        self.app = app
        self.port = port
        self._http = http

    async def ask(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        """Post JSON; return status and answer."""
        url = f"http://127.0.0.1:{self.port}/v1/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Content-Type"] = "application/json"
        async with self._http.post(url, data=json.dumps(body), headers=named) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> tuple[int, str]:
        async with self._http.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text()

    async def raw(self, *pieces: bytes) -> bytes:
        """Send octets; return all that comes until the service hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def service(
    config: Config | None = None, *, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[InProcess]:
    """Run a service inside the block."""
    async with judging(config or config_of(), clock) as ready, running(ready) as found:
        yield found


@asynccontextmanager
async def running(ready: Judging) -> AsyncIterator[InProcess]:
    app, stop, begun = ServiceApp(ready, ServiceMetrics()), asyncio.Event(), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        port = sock.getsockname()[1]
        task = asyncio.create_task(serve(app, [sock], stop, begun.set))
        await begun.wait()
        try:
            async with aiohttp.ClientSession() as http:
                yield InProcess(app, port, http)
        finally:
            stop.set()
            await task


class Command:
    """The command ``ankong-verify serve`` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.ready: dict[str, Any] = {}
        self.lines: list[dict[str, Any]] = []

    async def said(self, event: str) -> dict[str, Any]:
        """Read the log up to the line of an event."""
        assert self.process.stderr is not None
        while raw := await self.process.stderr.readline():
            line: dict[str, Any] = json.loads(raw)
            self.lines.append(line)
            if line["event"] == event:
                return line
        raise AssertionError(f"no {event} in {self.lines}")

    async def ended(self) -> int:
        """Wait for its end; return its status."""
        assert self.process.stderr is not None
        for raw in (await self.process.stderr.read()).splitlines():
            self.lines.append(json.loads(raw))
        return await self.process.wait()

    def address(self) -> str:
        found: str = self.ready["listen"][0]
        return found


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


@asynccontextmanager
async def command(config: Path, **more: str) -> AsyncIterator[Command]:
    """Run the command until the end of the block, and wait until it says that it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent.validator", "serve", "--config", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(**more),
    )
    found = Command(process)
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if line:
            found.ready = json.loads(line)
        yield found
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()
        process._transport.close()  # type: ignore[attr-defined]


async def exchange(address: str, request: bytes) -> tuple[int, Any]:
    """Send one request to where a service listens; return status and answer."""
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    else:
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    found = await answer_of(reader)
    writer.close()
    return found


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
    body = await reader.readexactly(length)
    return int(head.split()[1]), json.loads(body)


def post(path: str, body: object, **headers: str) -> bytes:
    raw = json.dumps(body).encode()
    named = {"Content-Type": "application/json", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    head = (
        f"POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {len(raw)}\r\n\r\n"
    )
    return head.encode() + raw


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
