"""Two people at one computer, each with an agent: the port of old pages follows who is in front."""

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.portal.demo.programs import free_port
from agent.virtualcard import cardfile
from agent.virtualcard.model import Faults
from tests.conftest import TEST_PIN, CardFactory
from tests.seat.fake_logind import FakeLogind, Session
from tests.tray.conftest import Bus

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or shutil.which("setpriv") is None,
        reason="needs root, and setpriv of Linux",
    ),
    pytest.mark.slow,
]

FIRST, SECOND = 1, 65534  # daemon and nobody: the bus takes only users that the system knows
SECONDS = 60.0
_LISTEN = "0A"
_LOOPBACK = "0100007F"
SIGN = """
import http.client, json, sys
port, pin = sys.argv[1:]
body = "tbsPackage=" + json.dumps({"tbs": "TBS", "pin": pin, "hashAlgorithm": "SHA256"})
client = http.client.HTTPConnection("localhost", int(port), timeout=60)
client.request("POST", "/sign", body.encode())
print(json.loads(client.getresponse().read())["ret_code"])
"""
PING = """
import http.client, sys
client = http.client.HTTPConnection("localhost", int(sys.argv[1]), timeout=60)
client.request("GET", "/v1/ping")
print(client.getresponse().status)
"""


def holder(port: int) -> int | None:
    """Return the user who listens on a port; None where nobody does."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[1] == f"{_LOOPBACK}:{port:04X}" and columns[3] == _LISTEN:
            return int(columns[7])
    return None


async def held_by(port: int, user: int) -> float:
    """Wait until a user listens on a port; return how many seconds it took."""
    begun = time.monotonic()
    async with asyncio.timeout(SECONDS):
        while holder(port) != user:  # noqa: ASYNC110  # another process does it
            await asyncio.sleep(0.01)
    return time.monotonic() - begun


def as_user(user: int, *command: str) -> list[str]:
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]


@dataclass
class Agent:
    user: int
    folder: Path
    ready: dict[str, Any]
    card: Path

    def ask(self, script: str, *words: str) -> list[str]:
        return as_user(self.user, sys.executable, "-P", "-c", script, *words)

    def status(self) -> dict[str, Any]:
        command = as_user(
            self.user,
            *(sys.executable, "-m", "agent", "status", "--json"),
            *("--state-dir", str(self.folder / "state")),
        )
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
        told: dict[str, Any] = json.loads(done.stdout)
        return told


@dataclass
class Computer:
    logind: FakeLogind
    folder: Path
    port: int
    make_card: CardFactory

    @asynccontextmanager
    async def agent(self, user: int) -> AsyncIterator[Agent]:
        folder = self.folder / str(user)
        folder.mkdir(mode=0o700)
        card = folder / "card.json"
        data = self.make_card("gen2").data
        data = dataclasses.replace(data, attempts_left=2, faults=Faults(rsa_delay_ms=4000))
        cardfile.save(card, data)
        for each in (folder, card):
            os.chown(each, user, user)
        command = as_user(
            user,
            *(sys.executable, "-m", "agent", "serve", "--state-dir", str(folder / "state")),
            *("--virtual-card", str(card), "--consent", "allow"),
            *("--port", "0", "--hipki-port", str(self.port)),
        )
        environment = {**os.environ, "HOME": str(folder)}
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(SECONDS):
                ready = json.loads(await process.stdout.readline())
            yield Agent(user, folder, ready, card)
        finally:
            process.send_signal(signal.SIGTERM)
            await process.wait()


@pytest.fixture
def computer(
    logind: FakeLogind, system_bus: Bus, open_folder: Path, make_card: CardFactory
) -> Computer:
    del system_bus
    return Computer(logind, open_folder, free_port(), make_card)


@pytest.fixture
async def people(
    computer: Computer,
) -> AsyncIterator[tuple[Agent, Session, Agent, Session]]:
    """Sign two people in; the first one is in front."""
    first, second = (computer.logind.sign_in(each) for each in (FIRST, SECOND))
    computer.logind.switch_to(first)
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(computer.agent(FIRST))
        two = await stack.enter_async_context(computer.agent(SECOND))
        yield one, first, two, second


async def test_the_port_changes_hands_with_the_screen(
    computer: Computer, people: tuple[Agent, Session, Agent, Session]
) -> None:
    one, first, two, second = people
    logind, port = computer.logind, computer.port
    assert one.ready["hipki_port"] == port
    assert (two.ready["hipki_port"], two.ready["left"]) == (None, [port])
    assert "hipki_error" not in two.ready
    took = []
    for _ in range(3):
        for session, agent in ((second, two), (first, one)):
            logind.switch_to(session)
            took.append(await held_by(port, agent.user))
            done = await asyncio.create_subprocess_exec(
                *agent.ask(PING, str(port)), stdout=subprocess.PIPE
            )
            assert (await done.communicate())[0].strip() == b"200"
    print("seconds until the port has changed hands:", [round(each, 2) for each in took])  # noqa: T201
    told = await asyncio.to_thread(two.status)
    assert told["ports"]["left"] == [port]
    assert told["ports"]["missing"] == []


async def test_a_signature_under_way_is_finished_for_its_page(
    computer: Computer, people: tuple[Agent, Session, Agent, Session]
) -> None:
    one, _, two, second = people
    port = computer.port
    page = await asyncio.create_subprocess_exec(
        *one.ask(SIGN, str(port), TEST_PIN), stdout=subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS):
        while cardfile.load(one.card).data.attempts_left != 3:  # noqa: ASYNC110  # the card has taken the PIN
            await asyncio.sleep(0.01)
    computer.logind.switch_to(second)
    took = await held_by(port, two.user)
    assert page.returncode is None  # the card is still at it
    print(f"seconds until the port has changed hands, card at work: {took:.2f}")  # noqa: T201
    assert (await page.communicate())[0].strip() == b"0"
