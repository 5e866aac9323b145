"""What an agent holds that has nothing to do: after its start, and after work."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from agent.host.machine.resting import QUIET_ROUNDS
from agent.periodic import INTERVAL
from tests.bench.daemon import BareServer, Daemon, Page

_REST_SECONDS = (QUIET_ROUNDS + 2) * INTERVAL  # by then an agent has noticed


@dataclass(frozen=True)
class HeldMemory:
    """Resident memory in MB; None where the system does not tell.

    Attributes:
        idle: of an agent whose start is over.
        worked: of one that has just signed.
        rested: of the same, once it noticed that nothing follows.
        bare: of the least that aiohttp can do.

    """

    idle: float | None
    worked: float | None
    rested: float | None
    bare: float | None


def measure_rest(state: Path, card: Path, trust: ssl.SSLContext, signatures: int) -> HeldMemory:
    """Start an agent, let it rest, have it sign so many times, and let it rest again."""
    with BareServer(state / "tls", "{}") as server:
        bare = server.memory()
    with Daemon(state, card) as daemon:
        time.sleep(_REST_SECONDS)
        idle = daemon.memory()
        page = Page(daemon.port, trust)
        for _ in range(signatures):
            page.sign()
        page.close()
        worked = daemon.memory()
        time.sleep(_REST_SECONDS)
        rested = daemon.memory()
    return HeldMemory(idle, worked, rested, bare)
