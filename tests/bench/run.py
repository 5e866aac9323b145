"""Measure agent and member service; print one JSON table: ``make bench`` (``--short``: a look).

``make bench ARGS="--only service"`` measures the member service alone, ``--only waiting`` what a
person waits for (windows, panel, icon), ``--only kits`` what a site's server verifies with,
``--only documents`` PDFs, ``--only agent`` the rest.

Every time is a median over many runs. Ratios are between two things that were measured in turns
within this one run, so that a busy machine slows both. "15d1a31" is what that commit had.
"""

import argparse
import asyncio
import json
import os
import platform
import ssl
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from enum import StrEnum, unique
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.commands.output import log_aside
from agent.virtualcard.model import Generation
from agent.virtualcard.piv_key import PivKeyKind
from tests.bench.cards import GENERATIONS, BareCard, CardCase, Cost
from tests.bench.crowd import CrowdSize, measure_crowd
from tests.bench.daemon import BareServer, Daemon, Page
from tests.bench.documents import PdfEffort, measure_documents
from tests.bench.idle import measure_idle
from tests.bench.jrsys_crowd import measure_jrsys_crowd
from tests.bench.kit_rows import measure_kits
from tests.bench.lists import measure_list
from tests.bench.load import latencies, requests_per_second
from tests.bench.pictures import measure_pictures
from tests.bench.portal import EMPTY, FULL, PortalEffort, kinds, measure_portal
from tests.bench.rest import measure_rest
from tests.bench.service import ServiceEffort
from tests.bench.upgrades import measure_upgrades
from tests.bench.uploads import measure_uploads
from tests.bench.version import measure_version

if TYPE_CHECKING:
    from tests.bench.hipki import Row

SIGNATURE_MS = 500  # about what a real card's RSA takes
LONG_SIGNATURE_MS = 3000
BASELINE = "15d1a31"
SHORT_READ = 200  # bytes: what the vendor's own software asks for at most
FIRST, REMEMBERED, LISTED = "first sight and sign", "remembered sign", "remembered list"
MOST_COMMANDS = {
    "gen1": {FIRST: 21, REMEMBERED: 10, LISTED: 4},
    "gen2": {FIRST: 29, REMEMBERED: 13, LISTED: 4},
}
COMMANDS_BEFORE = {
    "gen1": {FIRST: 22, REMEMBERED: 10, LISTED: 4},
    "gen2": {FIRST: 30, REMEMBERED: 13, LISTED: 4},
}
"""Of 15d1a31; the first sight is that of a card that others made."""
MOST_PIV_COMMANDS = 8  # of a later signature
WAKEUPS_BEFORE = {"virtual": 13, "pcsc": None}  # a second, of 15d1a31
SITES = 200  # taking turns, so that none of them meets its rate limit


@dataclass(frozen=True)
class Effort:
    """How often and how long to measure; all in all within half an hour."""

    starts: int = 7
    signatures: int = 40
    slow_signatures: int = 5
    rounds: int = 5
    seconds: float = 1.0
    stalls: int = 2
    watched: float = 2.0
    idle: float = 60.0
    browser: bool = True
    listed: int = 150_000
    crowd: CrowdSize = field(default_factory=CrowdSize)
    crowded: int = 3
    portal: PortalEffort = field(default_factory=PortalEffort)
    pictures: int = 7
    logins: int = 300
    kept: int = 200_000
    validation: ServiceEffort = field(default_factory=ServiceEffort)
    uploads: int = 100
    upgrades: int = 100
    documents: PdfEffort = field(default_factory=PdfEffort)
    short_waits: bool = False


SHORT = Effort(
    starts=1,
    signatures=2,
    slow_signatures=1,
    rounds=1,
    seconds=0.1,
    stalls=1,
    watched=0.1,
    idle=6.0,
    browser=False,
    listed=1000,
    crowd=CrowdSize(websockets=60, bodies=12, handshakes=150, idle=50, pace=10.0),
    crowded=1,
    portal=PortalEffort(members=2000, samples=4, rounds=1, seconds=0.5),
    pictures=1,
    logins=5,
    kept=1000,
    validation=ServiceEffort(1, 0.4, 1000),
    uploads=4,
    upgrades=6,
    documents=PdfEffort(times=1, pages=20, large=1_000_000),
    short_waits=True,
)


class Table:
    """The rows of the answer."""

    def __init__(self) -> None:
        """Begin without rows."""
        self.rows: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        value: float | None,
        unit: str,
        *,
        most: float | None = None,
        least: float | None = None,
        exactly: float | None = None,
        before: float | None = None,
    ) -> None:
        """Add a row.

        Args:
            name: what was measured.
            value: the figure; None where it cannot be measured here.
            unit: of the figure.
            most: what the project aims at, at most.
            least: likewise, at least.
            exactly: likewise, no more and no less.
            before: the figure of the baseline.

        """
        row: dict[str, Any] = {"measure": name, "value": None, "unit": unit}
        if value is not None:
            row["value"] = round(value, 4)
        if most is not None:
            row |= {"aim": f"<= {most:g}", "met": value is not None and value <= most}
        if least is not None:
            row |= {"aim": f">= {least:g}", "met": value is not None and value >= least}
        if exactly is not None:
            row |= {"aim": f"= {exactly:g}", "met": value == exactly}
        if before is not None:
            row[BASELINE] = before
        self.rows.append(row)


class Bench:
    """One run: where its files are, how much effort it takes, and what it found."""

    def __init__(self, folder: Path, effort: Effort) -> None:
        """Make the cards and the folder of the agents."""
        self._state = folder / "state"
        self._effort = effort
        self._cards = CardCase(folder)
        self.table = Table()

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._state / "tls" / "authority.pem")

    def start_and_memory(self) -> None:
        """Measure the first start, later starts, and the memory of an agent with nothing to do."""
        card = self._cards.file(GENERATIONS[0], "start")
        with Daemon(self._state, card) as daemon:
            self.table.add("first start to ready, certificates made", daemon.ready_seconds, "s")
        ours: list[float] = []
        bare: list[float] = []
        for _ in range(self._effort.starts):
            with Daemon(self._state, card) as daemon:
                ours.append(daemon.ready_seconds)
            with BareServer(self._state / "tls", "{}") as server:
                bare.append(server.ready_seconds)
        self.table.add("start to ready", statistics.median(ours), "s", most=0.6)
        self.table.add("start to ready, bare handler", statistics.median(bare), "s")
        ratios = [mine / other for mine, other in zip(ours, bare, strict=True)]
        self.table.add("start over bare handler", statistics.median(ratios), "ratio")
        held = measure_rest(self._state, card, self._trust(), self._effort.starts)
        self.table.add("resident memory, idle", held.idle, "MB", most=60)
        self.table.add("resident memory, bare handler", held.bare, "MB")
        self.table.add("resident memory, after signatures", held.worked, "MB")
        self.table.add("resident memory, idle after signatures", held.rested, "MB", most=60)

    async def commands(self) -> None:
        """Count what one operation costs on the card."""
        for generation in GENERATIONS:
            for what, cost in (await self._costs(generation)).items():
                name = f"{generation}: {what}"
                most, before = MOST_COMMANDS[generation][what], COMMANDS_BEFORE[generation][what]
                self.table.add(
                    f"{name}, commands", cost.commands, "commands", most=most, before=before
                )
                self.table.add(f"{name}, transferred", cost.transferred, "bytes")
            for what, cost in (await self._costs(generation, SHORT_READ)).items():
                name = f"{generation}: {what}, reads of {SHORT_READ} bytes only"
                self.table.add(name, cost.commands, "commands")

        for key in (PivKeyKind.RSA2048, PivKeyKind.P256, PivKeyKind.RSA4096):
            is_longest = key is PivKeyKind.RSA4096  # which takes extended length to be so few
            async with BareCard(self._cards.piv_file(key, extended=is_longest)) as bare:
                for _ in range(3):  # the card is asked which it is beside the first two
                    cost = await bare.sign()
            name = f"piv {key}: {REMEMBERED}, commands"
            self.table.add(name, cost.commands, "commands", most=MOST_PIV_COMMANDS)

    async def _costs(self, generation: Generation, max_read: int = 0) -> dict[str, Cost]:
        async with BareCard(self._cards.file(generation, "count", max_read=max_read)) as bare:
            first, remembered = await bare.sign(), await bare.sign()
            await bare.list_certificates()
            listed = await bare.list_certificates()
        return {FIRST: first, REMEMBERED: remembered, LISTED: listed}

    def idle(self) -> None:
        """Measure an agent that has nothing to do."""
        card = self._cards.file(GENERATIONS[0], "idle")
        for provider, found in measure_idle(self._state.parent, card, self._effort.idle).items():
            wakeups = None if found is None else found.wakeups
            processor = None if found is None else found.processor
            before = WAKEUPS_BEFORE[provider]
            name = f"idle, {provider}"
            self.table.add(f"{name}: wake-ups, all threads", wakeups, "1/s", most=1, before=before)
            self.table.add(f"{name}: processor", processor, "%", most=0.05)

    def lists(self) -> None:
        """Measure what a long revocation list costs a server that verifies signatures."""
        for narrowed in (False, True):
            cost = measure_list(self._state.parent, self._effort.listed, narrowed=narrowed)
            kind = "narrowed" if narrowed else "complete"
            name = f"{kind} list of {self._effort.listed} entries"
            self.table.add(f"{name}: six validations at once, first", cost.first * 1000, "ms")
            self.table.add(f"{name}: a later validation", cost.later * 1000, "ms", most=5)
            self.table.add(f"{name}: event loop held", cost.held * 1000, "ms", most=20)

    async def signatures(self) -> None:
        """Compare a signature through the agent with the time that the card alone needs."""
        for generation in GENERATIONS:
            for delay, times in (
                (SIGNATURE_MS, self._effort.slow_signatures),
                (0, self._effort.signatures),
            ):
                agent, card = await self._sign_in_turns(generation, delay, times)
                name = f"{generation}: signature with {delay} ms RSA"
                self.table.add(f"{name}, card alone", card * 1000, "ms")
                self.table.add(f"{name}, through the agent", agent * 1000, "ms")
                most = 1.05 if delay else None
                self.table.add(f"{name}, agent over card", agent / card, "ratio", most=most)
                self.table.add(f"{name}, added by the agent", (agent - card) * 1000, "ms", most=6)

    async def _sign_in_turns(self, generation: Any, delay: int, times: int) -> tuple[float, float]:
        ours = self._cards.file(generation, "daemon", delay)
        theirs = self._cards.file(generation, "bare", delay)
        agent: list[float] = []
        card: list[float] = []
        async with BareCard(theirs) as bare:
            with Daemon(self._state, ours) as daemon:
                page = Page(daemon.port, self._trust())
                await bare.sign()  # the first of each reads the certificate
                page.sign()
                for _ in range(times):
                    agent.append(await asyncio.to_thread(page.sign))
                    card.append((await bare.sign()).card_seconds)
                page.close()
        return statistics.median(agent), statistics.median(card)

    async def status(self) -> None:
        """Compare the status with a bare handler, and with itself while a card signs."""
        card = self._cards.file(GENERATIONS[0], "stall", LONG_SIGNATURE_MS)
        with Daemon(self._state, card) as daemon:
            trust = self._trust()
            page = Page(daemon.port, trust)
            with BareServer(self._state / "tls", page.status()) as bare:
                await self._throughput(daemon.port, bare.port, trust)
            await self._stall(daemon.port, page, trust)
            page.close()

    async def _throughput(self, ours: int, bare: int, trust: ssl.SSLContext) -> None:
        rates: dict[int, list[float]] = {ours: [], bare: []}
        for _ in range(self._effort.rounds):
            for port, found in rates.items():
                rate = await requests_per_second(
                    port, trust, seconds=self._effort.seconds, connections=4, sites=SITES
                )
                found.append(rate)
        ratios = [mine / other for mine, other in zip(rates[ours], rates[bare], strict=True)]
        self.table.add("status requests", statistics.median(rates[ours]), "1/s")
        self.table.add("status requests, bare handler", statistics.median(rates[bare]), "1/s")
        self.table.add("status over bare handler", statistics.median(ratios), "ratio", least=0.7)

    async def _stall(self, port: int, page: Page, trust: ssl.SSLContext) -> None:
        quiet: list[float] = []
        busy: list[float] = []
        for _ in range(self._effort.stalls):
            seconds = self._effort.watched
            quiet += await latencies(port, trust, seconds=seconds, interval=0.005, sites=SITES)
            signing = asyncio.create_task(asyncio.to_thread(page.sign))
            await asyncio.sleep(0.2)
            busy += await latencies(port, trust, seconds=seconds, interval=0.005, sites=SITES)
            if signing.done():
                raise RuntimeError("the signature was over before the measurement")
            await signing
        self.table.add("status p99, reader idle", _p99(quiet) * 1000, "ms")
        self.table.add("status p99, reader signing for 3 s", _p99(busy) * 1000, "ms")
        self.table.add("status p99, signing over idle", _p99(busy) / _p99(quiet), "ratio", most=1.5)

    async def crowded(self) -> None:
        """Measure an allowed site, a new one and the panel while strangers crowd the agent."""
        cost = await measure_crowd(
            self._state.parent / "crowded",
            self._cards.file(GENERATIONS[0], "crowded"),
            self._effort.crowd,
            rounds=self._effort.crowded,
            seconds=self._effort.watched,
        )
        add = self.table.add
        add("status p99, not crowded", statistics.median(cost.quiet) * 1000, "ms")
        add("status p99, crowded", statistics.median(cost.crowded) * 1000, "ms")
        add("status p99, crowded over not crowded", cost.ratio, "ratio", most=3)
        add("a new connection, crowded over not crowded", cost.connect_ratio, "ratio")
        add("signature in a crowd, page's PIN", cost.sign * 1000, "ms")
        add("panel opened in a crowd", cost.panel * 1000, "ms")
        add("new site asked about and allowed in a crowd", cost.honest, "s", most=5)
        add("memory that a crowd costs", cost.memory, "MB", most=30)
        add("log of a crowd", cost.lines, "lines", most=50)
        await self._jrsys_crowded()

    async def _jrsys_crowded(self) -> None:
        cost = await measure_jrsys_crowd(
            self._state.parent / "jrsys-crowded",
            self._cards.file(GENERATIONS[0], "jrsys-crowded"),
            self._effort.crowd.websockets,
            rounds=self._effort.crowded,
            seconds=self._effort.watched,
        )
        add, median = self.table.add, statistics.median
        status = median(cost.crowded) / median(cost.quiet)
        calls = median(cost.crowded_calls) / median(cost.quiet_calls)
        # Those who come back have a TLS handshake each, which is most of what is seen here.
        add("status p99, JRSYS door crowded over not crowded", status, "ratio", most=5)
        add("call at the JRSYS door p99, crowded over not crowded", calls, "ratio", most=3)
        add("memory that a crowd at the JRSYS door costs", cost.memory, "MB", most=30)

    async def member_service(self) -> None:
        """Compare the member service's full database with an empty one, on each kind."""
        for kind in kinds():
            folder = self._state.parent / f"portal-{kind}"
            folder.mkdir()
            times = await measure_portal(folder, kind, self._effort.portal)
            members = f"{self._effort.portal.members} members"
            for operation in times.seconds:
                name = f"portal on {kind}: {operation}"
                for database, what in ((EMPTY, "empty"), (FULL, members)):
                    p95 = times.p95(operation, database) * 1000
                    self.table.add(f"{name} p95, {what}", p95, "ms")
                self.table.add(
                    f"{name} p95, full over empty", times.ratio(operation), "ratio", most=1.5
                )
                self.table.add(
                    f"{name} median, full over empty", times.median_ratio(operation), "ratio"
                )
            for operation in times.counts:
                for database, what in ((EMPTY, "empty"), (FULL, members)):
                    rate = times.rate(operation, database)
                    self.table.add(f"portal on {kind}: {operation} a second, {what}", rate, "1/s")

    def upgrades(self) -> None:
        """Count who becomes gold where two processes try the same ID numbers by all ways."""
        numbers = self._effort.upgrades
        for kind in kinds():
            folder = self._state.parent / f"upgrades-{kind}"
            folder.mkdir()
            found = measure_upgrades(folder, kind, numbers)
            name = f"portal on {kind}: {2 * numbers} upgrades at once"
            self.table.add(f"{name}, gold", found.gold, "members", exactly=numbers)
            self.table.add(f"{name}, their ID numbers", found.numbers, "numbers", exactly=numbers)
            self.table.add(f"{name}, attempts", found.a_second, "1/s")

    def pictures(self) -> None:
        """Measure what a photo of 12 megapixels costs the member service."""
        found = measure_pictures(self._effort.pictures)
        for kind, cost in (found or {}).items():
            name = f"picture of 12 megapixels made anew, {kind}: processor"
            self.table.add(name, cost * 1000, "ms", most=400 if kind == "JPEG" else None)

    async def uploads(self) -> None:
        """Measure the memory of the member service while many send photos at once."""
        folder = self._state.parent / "uploads"
        folder.mkdir()
        at_once = self._effort.uploads
        memory = await measure_uploads(folder, at_once)
        self.table.add(f"portal: most memory, {at_once} uploads at once", memory, "MB", most=300)

    async def existing_pages(self) -> None:
        """Measure the door for existing pages, in a real browser."""
        from tests.bench.hipki import HipkiEffort, hipki_rows  # needs Playwright

        self._add(await hipki_rows(HipkiEffort()))

    async def waiting(self) -> None:
        """Measure what a person waits for, on a display and in a browser of our own."""
        from tests.bench.waiting import SHORT_WAITS, WaitingEffort, waiting_rows  # needs Playwright

        effort = SHORT_WAITS if self._effort.short_waits else WaitingEffort()
        self._add(await waiting_rows(effort))

    def _add(self, rows: "list[Row]") -> None:
        for row in rows:
            self.table.add(row.name, row.value, row.unit, most=row.most, least=row.least)


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[98]


@unique
class BenchPart(StrEnum):
    """What can be measured by itself."""

    AGENT = "agent"
    WAITING = "waiting"
    SERVICE = "service"
    KITS = "kits"
    DOCUMENTS = "documents"


async def measure(effort: Effort, part: BenchPart | None) -> dict[str, Any]:
    """Run one part, or everything for None; return what is printed."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), effort)
        if part in (None, BenchPart.AGENT):
            await _measure_agent(bench, effort)
        if part in (None, BenchPart.WAITING):
            await bench.waiting()
        if part in (None, BenchPart.SERVICE):
            await bench.member_service()
            await asyncio.to_thread(bench.upgrades)
            await asyncio.to_thread(bench.pictures)
            await bench.uploads()
        if part in (None, BenchPart.KITS):
            await measure_kits(bench.table, effort, Path(folder))
        if part in (None, BenchPart.DOCUMENTS):
            await measure_documents(bench.table, effort, Path(folder))
    return {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "cores": os.cpu_count(),
        "table": bench.table.rows,
    }


async def _measure_agent(bench: Bench, effort: Effort) -> None:
    bench.start_and_memory()
    measure_version(bench.table, 3 * effort.starts)
    bench.idle()
    await bench.commands()
    await bench.signatures()
    await bench.status()
    await bench.crowded()
    await asyncio.to_thread(bench.lists)
    if effort.browser:
        await bench.existing_pages()


def main() -> int:
    """Measure and print; return the exit status, which does not judge the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--short", action="store_true", help="a few seconds, to see that it works")
    parser.add_argument("--only", type=BenchPart, choices=list(BenchPart), help="one part alone")
    options = parser.parse_args()
    log_aside()  # the table must be all there is on standard output
    found = asyncio.run(measure(SHORT if options.short else Effort(), options.only))
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
