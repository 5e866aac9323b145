"""The portal and its identity service as programs of their own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.virtualcard.issuer import TestIssuer
from tests.portal.databases import CHOSEN
from tests.portal.support import publish

SECONDS = 60.0  # for a start or an end that a fault would hold up


@dataclass
class Program:
    """A process that has said that it is ready."""

    process: asyncio.subprocess.Process
    ready: dict[str, Any]
    stderr: Path

    async def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), SECONDS)


@asynccontextmanager
async def running(
    module: str, stderr: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Run a module until the block ends; its log is added to ``stderr``."""
    with stderr.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), SECONDS)
        assert line, await asyncio.to_thread(stderr.read_text)
        yield Program(process, json.loads(line), stderr)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def database_arguments(folder: Path) -> list[str]:
    """Return the arguments that name the database of a folder."""
    settings = CHOSEN.settings_in(folder)
    key = settings.get("key_file")
    return ["--db", settings["db"], *(("--key-file", key) if key else ())]


def portal_arguments(folder: Path, ics_url: str) -> list[str]:
    """Return the arguments of a portal whose issuer published into ``folder``."""
    return [
        *("--port", "0", "--ics-url", ics_url, *database_arguments(folder)),
        *("--anchors", str(folder / "root.cer"), "--intermediates", str(folder / "ca.cer")),
        *("--crl", str(folder / "root.crl"), str(folder / "ca.crl")),
    ]


@asynccontextmanager
async def whole_site(issuer: TestIssuer, folder: Path) -> AsyncIterator[list[str]]:
    """Run the identity service; give the arguments of a portal that asks it."""
    await asyncio.to_thread(publish, issuer, folder)
    records = str(folder / "issued.json")
    standin = "agent.portal.ics.standin"
    async with running(standin, folder / "ics.log", "--records", records) as identity:
        assert identity.ready["ready"] is True
        yield portal_arguments(folder, identity.ready["url"])
        assert await identity.end(signal.SIGTERM) == 0
