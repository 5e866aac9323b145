"""After a signature, through whichever door the PIN came: where is there still a copy of it?

The card is not in the agent's process here but behind a private PC/SC daemon, because a virtual
card in the agent's own process knows its PIN.
"""

import asyncio
import base64
import http.client
import json
import os
import secrets
import ssl
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from agent.consent.site_store import Decision, SiteStore
from agent.errors import ServiceUnavailableError
from agent.origin import Origin
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.pcscd import PrivatePcscd
from agent.virtualcard.vpcd import VpcdConnection
from tests.tray.prompt.desktop import Desktop
from tests.tray.prompt.memory import (
    copies_in_files,
    copies_in_memory,
    core_size,
    family,
    said_about,
)
from tests.tray.prompt.running_agent import SITE, RunningAgent, running_agent, without_display

pytestmark = [
    pytest.mark.slow,
    pytest.mark.pcsc,
    pytest.mark.skipif(
        not sys.platform.startswith("linux") or os.geteuid() != 0,
        reason="looks into /proc, where only root can look at the agent",
    ),
]
CardFactory = Callable[..., VirtualCard]
PLAIN_SITE = SITE.replace("https:", "http:")
DOCUMENT = {"data": base64.b64encode(b"hello").decode(), "hash": "SHA-256", "format": "cms"}
FURTHER_REQUESTS = 30
MOST_COPIES_LATER = 1  # after so many; SECURITY.md says so too
MOST_COPIES = 2  # that a PIN in a page's request leaves behind in the agent's memory
AWAKE = 1.0  # seconds after which a window that is to be seen takes keys


@dataclass
class Bench:
    """A card behind a PC/SC daemon, the secret PIN that it has, and what an agent needs."""

    pin: str
    state: Path
    environment: dict[str, str]

    def serve(self, **more: str) -> AbstractContextManager[RunningAgent]:
        """Start an agent that knows the site, and sends a page's PIN without a question."""
        settings = 'unknown_tries = "allow"\njrsys_ports = [0]\n'
        (self.state / "config.toml").write_text(settings)
        return running_agent(self.state, {**self.environment, **more}, "--provider", "pcsc")

    @property
    def spellings(self) -> list[bytes]:
        """The PIN as bytes and str, whatever else is in the same str, may hold it."""
        return [self.pin.encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-32-le")]

    def copies(self, agent: RunningAgent) -> list[str]:
        """Find every copy in the agent's memory."""
        pid = agent.process.pid
        return [copy for secret in self.spellings for copy in copies_in_memory(pid, secret)]

    def insist_on_silence(self, agent: RunningAgent) -> None:
        """Fail if the PIN is in a file, an argument or the environment of the agent's family."""
        for secret in self.spellings:
            assert not copies_in_files(self.state, secret)
            for pid in family(agent.process.pid):
                assert secret not in said_about(pid)
                assert core_size(pid) == "0"


@pytest.fixture(params=["gen1", "gen2"])
def bench(
    request: pytest.FixtureRequest, make_card: CardFactory, tmp_path: Path
) -> Iterator[Bench]:
    """Put a card with a PIN that nothing else in the world looks like into a reader."""
    letters = string.ascii_letters + string.digits
    pin = "".join(secrets.choice(letters) for _ in range(8))
    state = tmp_path / "state"
    state.mkdir()
    store = SiteStore(state / "sites.sqlite")
    for site in (SITE, PLAIN_SITE):
        store.remember(Origin.parse_any(site), Decision.ALLOWED)
    store.close()
    pcscd = PrivatePcscd()
    try:
        pcscd.start()
    except ServiceUnavailableError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(f"no private pcscd here: {error}")
    door = VpcdConnection(make_card(request.param, pin=pin), "127.0.0.1", pcscd.ports[0])
    door.start()
    try:
        yield Bench(pin, state, {**without_display(), **pcscd.environment()})
    finally:
        door.remove()
        pcscd.stop()


def until_there_is_a_card(agent: RunningAgent) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        readers = agent.call("readers")["result"]["readers"]
        if any(reader["state"] == "card" for reader in readers):
            return
        time.sleep(0.05)
    raise AssertionError("no card came")


def until_the_command_line_sees_a_card(bench: Bench) -> None:
    command = [sys.executable, "-P", "-m", "agent", "certificates", "--provider", "pcsc", "--json"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done = subprocess.run(
            [*command, "--state-dir", str(bench.state)],
            env=bench.environment,
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            return
    raise AssertionError(done.stdout)


def test_the_search_finds_what_is_there(bench: Bench) -> None:
    # Without this, finding nothing would say nothing.
    script = "import sys; kept = sys.stdin.readline(); print(flush=True); sys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", script, bench.pin], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"國{bench.pin}\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        ascii_copies, utf16_copies, _ = (
            copies_in_memory(process.pid, secret) for secret in bench.spellings
        )
        assert ascii_copies
        assert utf16_copies
        assert bench.spellings[0] in said_about(process.pid)
        process.stdin.close()


def test_a_pin_typed_in_our_window(bench: Bench, desktop: Desktop) -> None:
    with bench.serve(DISPLAY=desktop.name) as agent:
        until_there_is_a_card(agent)
        signing = agent.start_call("sign", **DOCUMENT, document_name="合約.pdf")
        window = int(agent.next_window())
        desktop.see()
        time.sleep(AWAKE)
        desktop.do("xdotool", "type", "--delay", "20", bench.pin)
        while not (typed := copies_in_memory(window, bench.spellings[0])):
            time.sleep(0.05)  # keys are on their way
        assert len(typed) == 1
        bench.insist_on_silence(agent)
        desktop.press("Return")
        assert signing.result(60)["result"]
        bench.insist_on_silence(agent)
        assert bench.copies(agent) == []


def test_a_pin_that_a_page_hands_over(bench: Bench) -> None:
    with bench.serve() as agent:
        until_there_is_a_card(agent)
        answer = agent.call("sign", **DOCUMENT, document_name="合約.pdf", pin=bench.pin)
        assert answer["result"]
        bench.insist_on_silence(agent)
        # The request's body, once as it was received and once as it was put together: bytes that
        # Python gives back without wiping them. What we make of it is wiped.
        assert len(bench.copies(agent)) <= MOST_COPIES


def by_http(agent: RunningAgent, pin: str) -> None:
    agent.call("sign", **DOCUMENT, pin=pin)


def by_socket(agent: RunningAgent, pin: str) -> None:
    async def ask() -> None:
        trusted = ssl.create_default_context(cafile=agent.state / "tls" / "authority.pem")
        url = f"wss://localhost:{agent.ready['port']}/v1/socket"
        headers = {"Origin": SITE}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(url, ssl=trusted, protocols=("ankong.v1",)) as page,
        ):
            params = {**DOCUMENT, "pin": pin}
            await page.send_str(json.dumps({"id": 1, "method": "sign", "params": params}))
            while (await page.receive_json()).get("id") != 1:
                pass  # events

    asyncio.run(ask())


def by_jrsys_socket(agent: RunningAgent, pin: str) -> None:
    async def ask() -> None:
        (port,) = agent.ready["jrsys_ports"]
        async with (
            aiohttp.ClientSession(headers={"Origin": PLAIN_SITE}) as session,
            session.ws_connect(f"ws://127.0.0.1:{port}/") as page,
        ):
            block = {"DigestAlg": 7, "Data2BSigned": "x", "PIN": pin}
            await page.send_json({"MethodSelect": "RsaSignedDataP11", "ComPKCS11Para": block})
            assert (await page.receive_json())["RV"] in {0, 160}

    asyncio.run(ask())


def by_old_protocol(agent: RunningAgent, pin: str) -> None:
    body = "tbsPackage=" + json.dumps({"tbs": "x", "pin": pin, "hashAlgorithm": "SHA256"})
    connection = http.client.HTTPConnection("localhost", agent.ready["hipki_port"], timeout=60)
    connection.request("POST", "/sign", body, {"Origin": SITE})
    connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize("door", [by_http, by_socket, by_old_protocol, by_jrsys_socket])
def test_what_is_left_of_a_page_s_pin_after_further_requests(
    bench: Bench, door: Callable[[RunningAgent, str], None]
) -> None:
    with bench.serve() as agent:
        until_there_is_a_card(agent)
        for pin in (bench.pin, bench.pin[::-1]):  # the right one and a wrong one
            bench.pin = pin
            door(agent, pin)
            for _ in range(FURTHER_REQUESTS):
                agent.call("readers")
            assert len(bench.copies(agent)) <= MOST_COPIES_LATER


def test_a_pin_in_a_request_of_an_existing_page(bench: Bench) -> None:
    with bench.serve() as agent:
        until_there_is_a_card(agent)
        package = {"tbs": "國", "pin": bench.pin, "hashAlgorithm": "SHA256"}
        body = b"tbsPackage=" + json.dumps(package, ensure_ascii=False).encode()
        connection = http.client.HTTPConnection("localhost", agent.ready["hipki_port"], timeout=60)
        connection.request("POST", "/sign", body, {"Origin": SITE})
        reply = json.loads(connection.getresponse().read())
        connection.close()
        assert reply["ret_code"] == 0, reply
        bench.insist_on_silence(agent)
        assert len(bench.copies(agent)) <= MOST_COPIES


def test_a_pin_on_the_command_line_s_standard_input(bench: Bench, tmp_path: Path) -> None:
    until_the_command_line_sees_a_card(bench)
    document, out = tmp_path / "document.txt", tmp_path / "document.p7m"
    document.write_text("hello")
    command = [sys.executable, "-P", "-m", "agent", "sign", str(document), "--out", str(out)]
    with subprocess.Popen(
        [*command, "--provider", "pcsc", "--pin-stdin", "--state-dir", str(bench.state)],
        env=bench.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdin is not None
        said = said_about(process.pid)
        process.stdin.write(bench.pin.encode() + b"\n")
        process.stdin.close()
        assert process.stdout is not None
        told = process.stdout.read()
    assert process.returncode == 0, told
    for secret in bench.spellings:
        assert secret not in said
        assert secret not in told
        assert secret not in out.read_bytes()
        assert not copies_in_files(bench.state, secret)
