"""What an agent with nothing to do costs: wake-ups of its threads, and processor time.

Linux only, where ``/proc`` tells of each thread.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from agent.errors import ServiceUnavailableError
from agent.virtualcard import cardfile
from agent.virtualcard.pcscd import PrivatePcscd
from agent.virtualcard.vpcd import VpcdConnection
from tests.bench.daemon import Daemon

SETTLE_SECONDS = 5.0  # after the start: the first look for updates, the last imports
QUIET = 3  # switches of an agent in a second that has ended its start
MOST_QUIET_SECONDS = 30  # to wait for such a second; a slow machine starts longer
_SWITCHES = "voluntary_ctxt_switches:"


@dataclass(frozen=True)
class Idleness:
    """What a process did in some time.

    Attributes:
        wakeups: voluntary context switches a second, of all its threads together.
        processor: percent of one core.

    """

    wakeups: float
    processor: float


@dataclass(frozen=True)
class _Usage:
    """What a process has used since its start."""

    at: float
    switches: dict[str, int]
    seconds: float

    @classmethod
    def of(cls, process_id: int) -> Self:
        process = Path("/proc", str(process_id))
        switches = {}
        for thread in (process / "task").iterdir():
            try:
                lines = (thread / "status").read_text().splitlines()
            except OSError:  # it has ended meanwhile
                continue
            (line,) = (line for line in lines if line.startswith(_SWITCHES))
            switches[thread.name] = int(line.removeprefix(_SWITCHES))
        # proc(5): utime and stime are the 14th and 15th field, the 2nd may have spaces.
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        return cls(time.monotonic(), switches, ticks / os.sysconf("SC_CLK_TCK"))

    def until(self, later: Self) -> Idleness:
        seconds = later.at - self.at
        count = sum(now - self.switches.get(name, 0) for name, now in later.switches.items())
        return Idleness(count / seconds, 100 * (later.seconds - self.seconds) / seconds)


def measure_idle(folder: Path, card: Path, seconds: float) -> dict[str, Idleness | None]:
    """Let agents that ask the citizen stand idle, all at once.

    Args:
        folder: for their files.
        card: a card file.
        seconds: how long.

    Returns:
        By provider; None for what cannot be measured here.

    """
    if not Path("/proc/self/task").exists():
        return {"virtual": None, "pcsc": None}
    with ExitStack() as stack:
        agents: dict[str, Daemon | None] = {
            "virtual": stack.enter_context(Daemon(folder / "virtual", card, consent="ask")),
            "pcsc": stack.enter_context(_agent_with_pcscd(folder / "pcsc", card)),
        }
        time.sleep(min(SETTLE_SECONDS, seconds))
        _wait_until_quiet([agent for agent in agents.values() if agent is not None])
        before = {
            name: None if d is None else _Usage.of(d.process_id) for name, d in agents.items()
        }
        time.sleep(seconds)
        found: dict[str, Idleness | None] = {}
        for name, agent in agents.items():
            first = before[name]
            found[name] = (
                None if agent is None or first is None else first.until(_Usage.of(agent.process_id))
            )
        return found


def _wait_until_quiet(agents: list[Daemon]) -> None:
    for _ in range(MOST_QUIET_SECONDS):
        before = [_Usage.of(agent.process_id) for agent in agents]
        time.sleep(1)
        after = [_Usage.of(agent.process_id) for agent in agents]
        if all(a.until(b).wakeups < QUIET for a, b in zip(before, after, strict=True)):
            return


@contextmanager
def _agent_with_pcscd(state: Path, card: Path) -> Iterator[Daemon | None]:
    """Run an agent with a real PC/SC daemon and a card; None where there is no such daemon."""
    with ExitStack() as stack:
        try:
            pcscd = stack.enter_context(PrivatePcscd())
        except ServiceUnavailableError:
            yield None
            return
        door = VpcdConnection(cardfile.load(card), "127.0.0.1", pcscd.ports[0])
        door.start()
        stack.callback(door.remove)
        daemon = Daemon(state, None, consent="ask", environment=pcscd.environment())
        yield stack.enter_context(daemon)
