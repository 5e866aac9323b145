"""What a million members cost the member service: the same on an empty database beside a full one.

Both are asked in turns, so that a busy machine slows both.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from agent.portal.members import card_login
from agent.portal.staff import sessions as staff_sessions
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.virtualcard.issuer import TestIssuer
from tests.bench.portal_members import contact, load_file, load_server
from tests.bench.portal_requests import (
    log_in,
    look_at_queue,
    send_application,
    small_photo,
    upgrade,
)
from tests.portal.balanced import PROXIED, Balanced, BalancedVisitor
from tests.portal.postgres import is_installed, running_cluster
from tests.portal.programs import Program, running
from tests.portal.support import Person, issue, publish

EMPTY, FULL = "empty", "full"
WORKERS = 8
LOGIN, SENDING, QUEUE = "login", "way-4 sending", "reviewers' queue"
COUNTED = (LOGIN, SENDING, QUEUE)
WAITING = 50  # members of the "empty" database, whose applications wait: a page of the queue
EVERY = 10  # members of the full one of whom one has an application that waits, and one had one
_FIRST_ID_NUMBER = 500_000  # those before are of people with cards
_NUMBERS = count()


@dataclass(frozen=True)
class PortalEffort:
    """How much is measured.

    Attributes:
        members: that are in the full database before.
        samples: of each operation, on each database.
        rounds: of counting what is done in a second, on each database in turns.
        seconds: of one of them.

    """

    members: int = 1_000_000
    samples: int = 40
    rounds: int = 3
    seconds: float = 2.0


@dataclass
class PortalTimes:
    """Seconds, and how often a second, by operation and then by database."""

    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    counts: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, operation: str, database: str, seconds: float) -> None:
        """Add a sample."""
        self.seconds.setdefault(operation, {}).setdefault(database, []).append(seconds)

    def count(self, operation: str, database: str, rate: float) -> None:
        """Add a round."""
        self.counts.setdefault(operation, {}).setdefault(database, []).append(rate)

    def rate(self, operation: str, database: str) -> float:
        """Return how often a second it was done, the median of all rounds."""
        return statistics.median(self.counts[operation][database])

    def p95(self, operation: str, database: str) -> float:
        """Return what 95 of 100 take at most."""
        return statistics.quantiles(self.seconds[operation][database], n=20)[18]

    def ratio(self, operation: str) -> float:
        """Return the full database's p95 over the empty one's."""
        return self.p95(operation, FULL) / self.p95(operation, EMPTY)

    def median_ratio(self, operation: str) -> float:
        """Return the same of the medians, which a busy machine moves less."""
        found = self.seconds[operation]
        return statistics.median(found[FULL]) / statistics.median(found[EMPTY])


def kinds() -> tuple[str, ...]:
    """Return the kinds of database that can be measured here."""
    return ("sqlite", "postgresql") if is_installed() else ("sqlite",)


async def measure_portal(folder: Path, kind: str, effort: PortalEffort) -> PortalTimes:
    """Measure one kind of database; ``folder`` is empty."""
    issuer = TestIssuer.create(key_size=2048)
    people = [issue(issuer, number) for number in range(effort.samples)]
    publish(issuer, folder)
    with new_databases(folder, kind, (EMPTY, FULL)) as addresses:
        for name, address in addresses.items():
            members, every = (effort.members, EVERY) if name == FULL else (WAITING, 1)
            await asyncio.to_thread(_prepare, address, folder, members, every)
        reviewers = {
            name: await asyncio.to_thread(_reviewer, address, folder, people[0].der)
            for name, address in addresses.items()
        }
        async with _processes(folder, addresses) as processes:
            return await _measure(processes, people, reviewers, effort)


@contextmanager
def new_databases(folder: Path, kind: str, names: Sequence[str]) -> Iterator[dict[str, str]]:
    """Give the addresses of databases without tables, by name, while the block runs."""
    if kind == "sqlite":
        yield {name: str(folder / f"{name}.db") for name in names}
        return
    with running_cluster(durable=True) as cluster:
        yield {name: cluster.create_database(name) for name in names}


def make_tables(address: str, folder: Path) -> PortalDatabase:
    """Return a database with its tables, open in this thread; its key lies in the folder."""
    db = PortalDatabase(address, key_file=folder / "portal.key")
    db.open_here(may_migrate=True)
    return db


def _prepare(address: str, folder: Path, members: int, every: int) -> None:
    make_tables(address, folder).close_here()
    if "://" in address:
        load_server(address, members, every)
    else:
        load_file(Path(address), members, every)


def _reviewer(address: str, folder: Path, certificate: bytes) -> str:
    """Log a reviewer in, past the service; return the token of the session."""

    def work(tx: Transaction) -> str:
        staff = add_staff(tx, "林測試", card_login(tx, "C=TW", "bench"), [Role.REVIEWER])
        session = staff_sessions.open_session(tx).session
        return staff_sessions.log_in(tx, session, staff, certificate).token

    db = PortalDatabase(address, key_file=folder / "portal.key")
    db.open_here()
    try:
        return db.run_here(work)
    finally:
        db.close_here()


@asynccontextmanager
async def _processes(folder: Path, addresses: dict[str, str]) -> AsyncIterator[dict[str, Program]]:
    async with AsyncExitStack() as stack:
        records = str(folder / "issued.json")
        identity = await stack.enter_async_context(
            running("agent.portal.ics.standin", folder / "ics.log", "--records", records)
        )
        found = {}
        for name, address in addresses.items():
            arguments = [
                *("--port", "0", "--db", address, "--key-file", str(folder / "portal.key")),
                *("--ics-url", identity.ready["url"], "--anchors", str(folder / "root.cer")),
                *("--intermediates", str(folder / "ca.cer")),
                *("--crl", str(folder / "root.crl"), str(folder / "ca.crl"), *PROXIED),
            ]
            found[name] = await stack.enter_async_context(
                running("agent.portal", folder / f"{name}.log", *arguments)
            )
        yield found


async def _measure(
    processes: dict[str, Program],
    people: list[Person],
    reviewers: dict[str, str],
    effort: PortalEffort,
) -> PortalTimes:
    times, photo = PortalTimes(), await asyncio.to_thread(small_photo)
    async with AsyncExitStack() as stack:
        askers = [
            await stack.enter_async_context(_Asker(name, process, reviewers[name], photo))
            for name, process in processes.items()
        ]
        for sample, person in enumerate(people):
            for asker in askers if sample % 2 else reversed(askers):
                spent = await asker.ask_everything(sample, person)
                for operation, seconds in spent.items() if sample else ():
                    times.add(operation, asker.name, seconds)  # the first loads what stays loaded
    for _ in range(effort.rounds):
        for operation in COUNTED:
            for name, process in processes.items():
                new = partial(_Asker, name, process, reviewers[name], photo)
                times.count(operation, name, await _a_second(new, operation, effort.seconds))
    return times


class _Asker(BalancedVisitor):
    """Everybody who asks the process of one database, one after the other."""

    def __init__(self, name: str, process: Program, reviewer: str, photo: bytes) -> None:
        self.name = name
        self._reviewer = reviewer
        self._photo = photo
        super().__init__(Balanced([process]), next(_NUMBERS))

    async def ask_everything(self, sample: int, person: Person) -> dict[str, float]:
        """Ask for each thing once; return the seconds by what was asked for."""
        known = contact(sample * 7)
        self._be_another()
        await log_in(self, known)  # who is new in the empty database
        self._be_another()
        registered = await log_in(self, f"new{sample}@example.test")
        return {
            "registration": registered,
            "card upgrade": await upgrade(self, person),
            LOGIN: await self.ask(LOGIN, known),
            QUEUE: await self.ask(QUEUE),
            SENDING: await self.ask(SENDING),
        }

    async def ask(self, operation: str, known: str = "") -> float:
        """Ask for one thing, as somebody else than before; return how long the answers took."""
        self._be_another()
        number = next(_NUMBERS)
        if operation == QUEUE:
            self.tokens["__Secure-staff"] = self._reviewer
            return await look_at_queue(self)
        if operation == LOGIN:
            return await log_in(self, known or contact(number))
        await log_in(self, f"online{number}@example.test")
        return await send_application(self, _FIRST_ID_NUMBER + number, self._photo)

    def _be_another(self) -> None:
        self.become(next(_NUMBERS))


async def _a_second(new: Callable[[], _Asker], operation: str, seconds: float) -> float:
    """Return how often a second something is done for some people at once."""
    end = time.perf_counter() + seconds

    async def work() -> int:
        done = 0
        async with new() as asker:
            while time.perf_counter() < end:
                await asker.ask(operation)
                done += 1
        return done

    begun = time.perf_counter()
    done = sum(await asyncio.gather(*(work() for _ in range(WORKERS))))
    return done / (time.perf_counter() - begun)
