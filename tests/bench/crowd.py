"""An allowed site, a new one and the panel, while strangers and another user crowd the agent."""

import asyncio
import http.client
import json
import os
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.consent.site_store import Decision, SiteStore
from agent.host.instance.panel_key import panel_address
from agent.host.machine.paths import Paths
from agent.origin import Origin
from tests.bench.daemon import SIGN, Daemon, Page
from tests.bench.load import connect_and_ask, latencies

ALLOWED: Final = 8
"""How many sites are allowed, of those that ask for the status: none comes near its rate."""
NOBODY: Final = 65534
_SECONDS: Final = 120
_INTERVAL: Final = 0.005  # between two questions for the status
_WINDOW: Final = """
import json, os, sys
asked = json.loads(sys.stdin.buffer.readline())["prompt"]
is_pest = "pest.example" in json.dumps(asked)
if is_pest:
    os.write(1, b"cancel")
else:
    os.write(1, b"always" if asked["kind"] == "allow_site" else b"yes")
"""
_PROGRAM: Final = f"""
import sys
sys.modules["rich"] = sys.modules["greenlet"] = None
from agent.consent import process
process.prompt_command = lambda: (sys.executable, "-S", "-c", {_WINDOW!r})
from agent.__main__ import main
sys.exit(main())
"""
"""The agent, with a citizen who refuses the page that crowds it and agrees to everybody else."""


@dataclass(frozen=True)
class CrowdSize:
    """How many there are of each kind, and how often in a second those of one kind come back.

    Attributes:
        websockets: of 40 names of one page.
        bodies: of 16 MiB each, of the same page, to both ports.
        handshakes: unfinished; of this user, and as many of another one.
        idle: connections of another user that say nothing.
        pace: how often they come back.

    """

    websockets: int = 255
    bodies: int = 60
    handshakes: int = 1500
    idle: int = 300
    pace: float = 25.0


@dataclass
class CrowdCost:
    """What was measured: quiet and crowded in turns; seconds, but for memory and lines.

    Attributes:
        quiet: p99 of an allowed site's status without the crowd, of each round.
        crowded: the same with it.
        quiet_connect: a new connection and one status over it, the median of each round.
        crowded_connect: the same with the crowd.
        sign: a signature of an allowed site in the crowd, the longest.
        panel: until the panel is there, in the crowd, the longest.
        honest: until a site that never asked before was asked about and allowed, the longest.
        memory: MB that the agent has grown by at most; None where the system does not tell.
        lines: that the agent logged in all.

    """

    quiet: list[float] = field(default_factory=list)
    crowded: list[float] = field(default_factory=list)
    quiet_connect: list[float] = field(default_factory=list)
    crowded_connect: list[float] = field(default_factory=list)
    sign: float = 0.0
    panel: float = 0.0
    honest: float = 0.0
    memory: float | None = None
    lines: int = 0

    @property
    def ratio(self) -> float:
        """Crowded over quiet, of the status; the median of the rounds."""
        return _median_ratio(self.crowded, self.quiet)

    @property
    def connect_ratio(self) -> float:
        """The same of a new connection."""
        return _median_ratio(self.crowded_connect, self.quiet_connect)


def _median_ratio(upper: list[float], lower: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(upper, lower, strict=True))


async def measure_crowd(
    state: Path, card: Path, size: CrowdSize, *, rounds: int, seconds: float
) -> CrowdCost:
    """Measure an agent in a crowd.

    Args:
        state: the agent's folder, which is made.
        card: the virtual card in its reader.
        size: of the crowd.
        rounds: how often to look at it quiet and then crowded.
        seconds: how long to look at the status each time.

    """
    await asyncio.to_thread(allow_sites, state)
    cost = CrowdCost()
    surroundings = {"DISPLAY": ":none"}  # the citizen's windows are programs of two lines
    with Daemon(state, card, consent="ask", program=_PROGRAM, environment=surroundings) as daemon:
        authority = state / "tls" / "authority.pem"
        trust = ssl.create_default_context(cafile=authority)
        await asyncio.to_thread(_sign, daemon, trust)  # the first reads the certificate
        await asyncio.to_thread(_open_panel, daemon, trust, state)  # and this its words
        before = daemon.memory()
        grown: list[float] = []
        for round_ in range(rounds):
            cost.quiet.append(await status_p99(daemon.port, trust, seconds))
            cost.quiet_connect.append(await _connect(daemon.port, trust))
            with crowd(daemon, authority, size):
                cost.crowded.append(await status_p99(daemon.port, trust, seconds))
                cost.crowded_connect.append(await _connect(daemon.port, trust))
                cost.sign = max(cost.sign, await _timed(_sign, daemon, trust))
                cost.panel = max(cost.panel, await _timed(_open_panel, daemon, trust, state))
                new = f"https://www.honest{round_}.example"
                asked = await _timed(_ask_to_be_allowed, daemon, trust, new)
                cost.honest = max(cost.honest, asked)
                grown.append(daemon.memory() or 0.0)
        cost.memory = None if before is None else max(grown) - before
        cost.lines = _count_log_lines(state)
    return cost


@contextmanager
def crowd(daemon: Daemon, authority: Path, size: CrowdSize) -> Iterator[None]:
    """Crowd the agent for as long as the context lasts; of another user only where we are root."""
    wanted: list[tuple[str, int, bool]] = [
        ("websocket", size.websockets, False),
        ("body", size.bodies, False),
        ("handshake", size.handshakes, False),
    ]
    if sys.platform != "win32" and os.geteuid() == 0:
        wanted += [("handshake", size.handshakes, True), ("idle", size.idle, True)]
    commands = [
        [
            *(kind, str(count), str(size.pace), str(daemon.port), str(daemon.old_port)),
            *(str(authority), *([str(NOBODY)] if is_foreign else [])),
        ]
        for kind, count, is_foreign in wanted
        if count
    ]
    with crowding(commands):
        yield


@contextmanager
def crowding(commands: Sequence[Sequence[str]]) -> Iterator[None]:
    """Run programs of :mod:`tests.bench.crowd_member`, until each of their members has come."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.crowd_member", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    try:
        for each in running:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        yield
    finally:
        for each in running:
            each.communicate(timeout=_SECONDS)


def site_name(number: int) -> str:
    """Return the name of a site as :func:`tests.bench.load.status_requests` makes it."""
    return f"https://site{number:05}.example"


def allow_sites(state: Path) -> None:
    """Remember that the citizen allowed the sites; before the agent starts."""
    state.mkdir(mode=0o700)
    with closing(SiteStore(state / "sites.sqlite")) as store:
        for number in range(ALLOWED):
            store.remember(Origin.parse(site_name(number)), Decision.ALLOWED).result()


async def status_p99(port: int, trust: ssl.SSLContext, seconds: float) -> float:
    taken = await latencies(port, trust, seconds=seconds, interval=_INTERVAL, sites=ALLOWED)
    return statistics.quantiles(taken, n=100, method="inclusive")[98]


async def _connect(port: int, trust: ssl.SSLContext) -> float:
    return statistics.median([await connect_and_ask(port, trust, ALLOWED) for _ in range(9)])


async def _timed(work: Any, *arguments: Any) -> float:
    begun = time.perf_counter()
    await asyncio.to_thread(work, *arguments)
    return time.perf_counter() - begun


def _sign(daemon: Daemon, trust: ssl.SSLContext) -> None:
    page = Page(daemon.port, trust, origin=site_name(0))
    page.call("sign", SIGN)
    page.close()


def _ask_to_be_allowed(daemon: Daemon, trust: ssl.SSLContext, site: str) -> None:
    page = Page(daemon.port, trust, origin=site)
    assert page.call("connect", {"method": "connect"}) == {"allowed": True}
    page.close()


def _open_panel(daemon: Daemon, trust: ssl.SSLContext, state: Path) -> None:
    """Open the panel as a browser does that the icon's menu has called, up to its first facts."""
    address, _, fragment = panel_address(Paths.choose(state)).partition("#token=")
    asking = http.client.HTTPSConnection("localhost", daemon.port, context=trust, timeout=_SECONDS)
    headers = {"Origin": f"https://localhost:{daemon.port}", "Content-Type": "application/json"}

    def ask(method: str, path: str, body: str | None = None) -> http.client.HTTPResponse:
        asking.request(method, f"/panel/{path}", body, headers)
        answer = asking.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{address}{path} was refused: {answer.status}")
        return answer

    ask("GET", "").read()
    headers["X-Ankong-Panel"] = "open"
    opened = ask("POST", "api/open", json.dumps({"token": fragment}))
    headers["X-Ankong-Panel"] = json.loads(opened.read())["key"]
    headers["Cookie"] = opened.headers["Set-Cookie"].partition(";")[0]
    ask("GET", "api/state").read()
    asking.close()


def _count_log_lines(state: Path) -> int:
    return sum(len(file.read_text().splitlines()) for file in state.rglob("ankong.log*"))
