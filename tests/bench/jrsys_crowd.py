"""An allowed site at two doors, while strangers crowd the one of the JRSYS family."""

import asyncio
import ssl
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from tests.bench.crowd import allow_sites, crowding, site_name, status_p99
from tests.bench.daemon import Daemon

PACE: Final = 25.0  # how often in a second those of a crowd come back who were cut off
CALLS: Final = 50  # of an allowed page, each on a WebSocket of its own


@dataclass
class JrsysCrowdCost:
    """What was measured, quiet and crowded in turns; seconds.

    Attributes:
        quiet: p99 of an allowed site's status at the native API, of each round.
        crowded: the same with the crowd.
        quiet_calls: p99 of an allowed page's call at the crowded door itself, of each round.
        crowded_calls: the same with the crowd.
        memory: MB that the agent has grown by at most; None where the system does not tell.

    """

    quiet: list[float] = field(default_factory=list)
    crowded: list[float] = field(default_factory=list)
    quiet_calls: list[float] = field(default_factory=list)
    crowded_calls: list[float] = field(default_factory=list)
    memory: float | None = None


async def measure_jrsys_crowd(
    state: Path, card: Path, sockets: int, *, rounds: int, seconds: float
) -> JrsysCrowdCost:
    """Measure an agent of which strangers crowd one door.

    Args:
        state: the agent's folder, which is made.
        card: the virtual card in its reader.
        sockets: of the crowd.
        rounds: how often to look at it quiet and then crowded.
        seconds: how long to look each time.

    """
    await asyncio.to_thread(_prepare, state)
    cost = JrsysCrowdCost()
    with Daemon(state, card, consent="ask") as daemon:
        authority = state / "tls" / "authority.pem"
        trust = ssl.create_default_context(cafile=authority)
        address = f"wss://127.0.0.1:{daemon.jrsys_port}/"
        await _calls_p99(address, trust)
        before, grown = daemon.memory(), []
        command = ["jrsys", str(sockets), str(PACE), str(daemon.jrsys_port), "0", str(authority)]
        for _ in range(rounds):
            cost.quiet.append(await status_p99(daemon.port, trust, seconds))
            cost.quiet_calls.append(await _calls_p99(address, trust))
            with crowding([command]):
                cost.crowded.append(await status_p99(daemon.port, trust, seconds))
                cost.crowded_calls.append(await _calls_p99(address, trust))
                grown.append(daemon.memory() or 0.0)
        cost.memory = None if before is None else max(grown) - before
    return cost


def _prepare(state: Path) -> None:
    allow_sites(state)
    (state / "config.toml").write_text("jrsys_ports = []\njrsys_tls_ports = [0]\n")


async def _calls_p99(address: str, trust: ssl.SSLContext) -> float:
    taken: list[float] = []
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector) as session:
        for _ in range(CALLS):
            begun = time.perf_counter()
            async with session.ws_connect(address, origin=site_name(0)) as socket:
                await socket.send_json({"MethodSelect": "IsGCACardPresent"})
                answer = await socket.receive_json()
            taken.append(time.perf_counter() - begun)
            if answer["Message"] is not True:
                raise RuntimeError(f"no card is there: {answer}")
    return statistics.quantiles(taken, n=100, method="inclusive")[98]
