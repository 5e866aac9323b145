"""Two processes on one PostgreSQL: who becomes gold, and what a kill or a lost database leaves."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from agent.portal import audit
from agent.portal.store.transaction import Transaction
from agent.virtualcard.issuer import TestIssuer
from tests.portal.balanced import ORIGIN, PROXIED, Balanced, BalancedVisitor
from tests.portal.databases import CHOSEN, PostgresTests
from tests.portal.programs import Program, running, whole_site
from tests.portal.support import Person, issue, signed

PEOPLE = 100
ROUNDS = 3  # kills, while all are at work
TRIES = 200
SECONDS = 600  # on a loaded machine

pytestmark = [pytest.mark.postgresql, pytest.mark.slow, pytest.mark.timeout(SECONDS)]


async def become_gold(visitor: BalancedVisitor, contact: str, person: Person) -> str:
    """Do all that a person does, from the beginning where a connection broke; give the outcome."""
    for _ in range(TRIES):
        try:
            outcome = await _become_gold(visitor, contact, person)
        except aiohttp.ClientError:
            outcome = "unavailable"
        if outcome != "unavailable":
            return outcome
        visitor.tokens.pop("__Host-session", None)
        await asyncio.sleep(0.1)
    return "never"


async def _become_gold(visitor: BalancedVisitor, contact: str, person: Person) -> str:
    status, sent = await visitor.post("/api/otp", {"contact": contact})
    if status != 200:
        return str(sent["error"]["code"])
    body = {"contact": contact, "code": sent["demo_code"]}
    status, done = await visitor.post("/api/otp/confirm", body)
    if status != 200:
        return str(done["error"]["code"])
    if done["member"]["grade"] == "gold":
        return "ok"  # the answer was lost, what it said was not
    asked = {"id_number": person.id_number}
    status, challenge = await visitor.post("/api/upgrade/card/challenge", asked)
    if status != 200:
        return str(challenge["error"]["code"])
    return await visitor.code("/api/upgrade/card", signed(challenge, person, ORIGIN))


@asynccontextmanager
async def two_processes(
    issuer: TestIssuer, folder: Path, *more: str
) -> AsyncIterator[tuple[list[str], list[Program]]]:
    """Run the identity service and two portals on the database of ``folder``."""
    async with whole_site(issuer, folder) as arguments, AsyncExitStack() as stack:
        words = [*arguments, *PROXIED, *more]
        yield (
            words,
            [
                await stack.enter_async_context(running("agent.portal", folder / "log", *words))
                for _ in range(2)
            ],
        )


@pytest.fixture(scope="module")
def people(test_issuer: TestIssuer) -> list[Person]:
    return [issue(test_issuer, 1000 + number) for number in range(PEOPLE)]


@pytest.fixture(autouse=True)
def on_postgresql(postgres: PostgresTests) -> None:
    """Whatever else a test runs on, these run on PostgreSQL."""
    CHOSEN.use_postgresql(postgres)


async def everybody(processes: Sequence[Program], people: Sequence[Person]) -> Counter[str]:
    """Let two members try to become gold with each person's card, all at once."""
    proxy = Balanced(processes)
    async with AsyncExitStack() as stack:
        attempts = []
        for number in range(2 * len(people)):
            visitor = await stack.enter_async_context(BalancedVisitor(proxy, number))
            person = people[number % len(people)]
            attempts.append(become_gold(visitor, f"{number}@example.test", person))
        return Counter(await asyncio.gather(*attempts))


def _judge(tx: Transaction) -> dict[str, int]:
    counted = {
        "gold": "SELECT count(*) FROM member WHERE grade = 'gold'",
        "numbers": "SELECT count(DISTINCT id_number_hash) FROM member WHERE grade = 'gold'",
        "cards": "SELECT count(*) FROM login WHERE kind = 'card'",
        "audited": "SELECT count(DISTINCT member) FROM audit"
        " WHERE event = 'upgrade_card' AND outcome = 'ok'",
        "members": "SELECT count(*) FROM member",
    }
    assert audit.check_chain(tx) is None
    return {
        name: int(tx.connection.exec_driver_sql(sql).scalar() or 0) for name, sql in counted.items()
    }


def judged(folder: Path) -> dict[str, int]:
    db = CHOSEN.open_in(folder)
    try:
        return db.read_here(_judge)
    finally:
        db.close_here()


EXACTLY = {
    "gold": PEOPLE,
    "numbers": PEOPLE,
    "cards": PEOPLE,
    "audited": PEOPLE,
    "members": 2 * PEOPLE,
}


async def test_two_hundred_upgrades_of_a_hundred_id_numbers_make_a_hundred_gold(
    test_issuer: TestIssuer, people: list[Person], tmp_path: Path
) -> None:
    async with two_processes(test_issuer, tmp_path) as (_, processes):
        found = await everybody(processes, people)
    assert found == {"ok": PEOPLE, "id_number_taken": PEOPLE}
    assert await asyncio.to_thread(judged, tmp_path) == EXACTLY


async def test_a_kill_at_any_moment_loses_nothing_and_makes_nothing_twice(
    test_issuer: TestIssuer, people: list[Person], tmp_path: Path
) -> None:
    async with two_processes(test_issuer, tmp_path) as (words, processes), AsyncExitStack() as more:
        working = asyncio.create_task(everybody(processes, people))
        ports = [str(process.ready["port"]) for process in processes]
        for number in range(ROUNDS):
            await asyncio.sleep(random.uniform(0, 1))  # noqa: S311 - any moment is as good
            which = number % 2
            assert await processes[which].end(signal.SIGKILL) == -signal.SIGKILL
            again = [*words, "--port", ports[which]]
            processes[which] = await more.enter_async_context(
                running("agent.portal", tmp_path / "log", *again)
            )
        found = await working
    assert found == {"ok": PEOPLE, "id_number_taken": PEOPLE}
    assert await asyncio.to_thread(judged, tmp_path) == EXACTLY
