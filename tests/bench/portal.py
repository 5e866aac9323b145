"""What a million members cost the member service: the same on an empty database beside a full one.

Both are asked in turns, so that a busy machine slows both.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from agent.portal.members import card_login
from agent.portal.staff import sessions as staff_sessions
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.database import PortalDatabase
from agent.portal.store.transaction import Transaction
from agent.virtualcard.issuer import TestIssuer
from tests.bench.portal_members import contact, load_file, load_server
from tests.portal.balanced import ORIGIN, PROXIED, Balanced, BalancedVisitor
from tests.portal.postgres import is_installed, running_cluster
from tests.portal.programs import Program, running
from tests.portal.support import Person, issue, publish, signed

EMPTY, FULL = "empty", "full"
WORKERS = 8
WAITING = 50  # members of the "empty" database, whose applications wait: a page of the queue


@dataclass(frozen=True)
class PortalEffort:
    """How much is measured.

    Attributes:
        members: that are in the full database before.
        samples: of each operation, on each database.
        seconds: for how long logins are counted.

    """

    members: int = 1_000_000
    samples: int = 100
    seconds: float = 3.0


@dataclass
class PortalTimes:
    """Seconds by operation and then by database, and logins a second by database."""

    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    logins: dict[str, float] = field(default_factory=dict)

    def add(self, operation: str, database: str, seconds: float) -> None:
        """Add a sample."""
        self.seconds.setdefault(operation, {}).setdefault(database, []).append(seconds)

    def p95(self, operation: str, database: str) -> float:
        """Return what 95 of 100 take at most."""
        return statistics.quantiles(self.seconds[operation][database], n=20)[18]

    def ratio(self, operation: str) -> float:
        """Return the full database's p95 over the empty one's."""
        return self.p95(operation, FULL) / self.p95(operation, EMPTY)


def kinds() -> tuple[str, ...]:
    """Return the kinds of database that can be measured here."""
    return ("sqlite", "postgresql") if is_installed() else ("sqlite",)


async def measure_portal(folder: Path, kind: str, effort: PortalEffort) -> PortalTimes:
    """Measure one kind of database; ``folder`` is empty."""
    issuer = TestIssuer.create(key_size=2048)
    people = [issue(issuer, number) for number in range(effort.samples)]
    publish(issuer, folder)
    with _addresses(folder, kind) as addresses:
        for name, address in addresses.items():
            members = effort.members if name == FULL else WAITING
            await asyncio.to_thread(_prepare, address, folder, members)
        reviewers = {
            name: await asyncio.to_thread(_reviewer, address, folder, people[0].der)
            for name, address in addresses.items()
        }
        async with _processes(folder, addresses) as processes:
            return await _measure(processes, people, reviewers, effort)


@contextmanager
def _addresses(folder: Path, kind: str) -> Iterator[dict[str, str]]:
    if kind == "sqlite":
        yield {name: str(folder / f"{name}.db") for name in (EMPTY, FULL)}
        return
    with running_cluster(durable=True) as cluster:
        yield {name: cluster.create_database(name) for name in (EMPTY, FULL)}


def _prepare(address: str, folder: Path, members: int) -> None:
    db = PortalDatabase(address, key_file=folder / "portal.key")
    db.open_here(may_migrate=True)
    db.close_here()
    every = max(
        1, members // WAITING // 20
    )  # the queue has a page in both, and more in the full one
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
    times, numbers = PortalTimes(), count()
    async with AsyncExitStack() as stack:
        visitors = {
            name: await stack.enter_async_context(BalancedVisitor(Balanced([process]), 0))
            for name, process in processes.items()
        }
        for sample, person in enumerate(people):
            for name, visitor in visitors.items():
                visitor.become(next(numbers))
                known = contact(sample * 7)
                await _log_in(visitor, known)  # who is new in the empty database
                visitor.become(next(numbers))
                registered = await _log_in(visitor, f"new{sample}@example.test")
                upgraded = await _upgrade(visitor, person)
                if sample:  # the first of each loads what is loaded once
                    times.add("registration", name, registered)
                    times.add("card upgrade", name, upgraded)
                    visitor.become(next(numbers))
                    times.add("login", name, await _log_in(visitor, known))
                    visitor.become(next(numbers))
                    visitor.tokens["__Secure-staff"] = reviewers[name]
                    times.add("reviewers' queue", name, await _look_at_queue(visitor))
    for name, process in processes.items():
        times.logins[name] = await _logins_a_second(process, numbers, effort.seconds)
    return times


async def _log_in(visitor: BalancedVisitor, address: str) -> float:
    """Log in, or register, by a one-time code; return how long the two requests took."""
    status, sent = await visitor.post("/api/otp", {"contact": address})
    if status != 200:
        raise RuntimeError(str(sent))
    asked = visitor.spent
    body = {"contact": address, "code": sent["demo_code"]}
    status, done = await visitor.post("/api/otp/confirm", body)
    if status != 200:
        raise RuntimeError(str(done))
    return asked + visitor.spent


async def _upgrade(visitor: BalancedVisitor, person: Person) -> float:
    """Become gold with a card; return how long the service took, without the card."""
    asked = {"id_number": person.id_number}
    status, challenge = await visitor.post("/api/upgrade/card/challenge", asked)
    if status != 200:
        raise RuntimeError(str(challenge))
    spent = visitor.spent
    code = await visitor.code("/api/upgrade/card", signed(challenge, person, ORIGIN))
    if code != "ok":
        raise RuntimeError(code)
    return spent + visitor.spent


async def _look_at_queue(visitor: BalancedVisitor) -> float:
    status, text = await visitor.page("/staff/desk")
    if status != 200 or "W" not in text:
        raise RuntimeError(f"the queue: {status}")
    return visitor.spent


async def _logins_a_second(process: Program, numbers: Iterator[int], seconds: float) -> float:
    end = time.perf_counter() + seconds

    async def work() -> int:
        done = 0
        async with BalancedVisitor(Balanced([process]), next(numbers)) as visitor:
            while time.perf_counter() < end:
                visitor.become(next(numbers))
                await _log_in(visitor, contact(next(numbers)))
                done += 1
        return done

    begun = time.perf_counter()
    done = sum(await asyncio.gather(*(work() for _ in range(WORKERS))))
    return done / (time.perf_counter() - begun)
