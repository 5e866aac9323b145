"""A disk that is full while people work: each step says so, changes nothing, and is done later."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.pki.reading import read_certificate
from agent.portal import audit
from agent.portal.members import card_login
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.transaction import Transaction
from agent.virtualcard.issuer import TestIssuer
from tests.portal.databases import CHOSEN, DatabaseKind
from tests.portal.desk_support import QUEUE, TICKED, Reviewer
from tests.portal.programs import Program, running, whole_site
from tests.portal.staff_support import APPLICATION
from tests.portal.support import Person, Visitor, issue
from tests.portal.test_online_pages import FORM, Page, picture, post, upload

pytestmark = pytest.mark.both_databases
TABLES = ("audit", "online_case", "online_picture", "upgrade", "visit", "session", "otp")
COUNTED = """
SELECT (SELECT count(*) FROM upgrade), (SELECT count(*) FROM audit), (SELECT count(*) FROM visit),
    (SELECT count(*) FROM online_picture), (SELECT count(*) FROM online_case),
    (SELECT count(*) FROM online_step), (SELECT count(*) FROM member WHERE grade = 'gold')
"""
REFUSING = """
CREATE FUNCTION refuse_as_full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
"""


@dataclass
class Service:
    """A portal as a program of its own, with a member, a clerk and a reviewer."""

    portal: Program
    folder: Path
    visitor: Visitor
    staff: Reviewer

    @asynccontextmanager
    async def full_disk(self) -> AsyncIterator[None]:
        """Let nothing be written while the block runs."""
        if CHOSEN.kind is DatabaseKind.SQLITE:
            self.limit_files(0)  # Python ignores SIGXFSZ, and the write fails
            yield
            self.limit_files(resource.RLIM_INFINITY)
        else:
            await asyncio.to_thread(self.change, [REFUSING, *map(_refuse, TABLES)])
            yield
            await asyncio.to_thread(self.change, ["DROP FUNCTION refuse_as_full CASCADE"])

    def limit_files(self, octets: int) -> None:
        pid = self.portal.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (octets, hard))

    def change(self, statements: list[str]) -> None:
        db = CHOSEN.open_in(self.folder)
        try:
            for each in statements:
                db.run_here(_execute, each)
        finally:
            db.close_here()

    async def twice(self, step: Callable[[], Awaitable[Page]]) -> Page:
        """Do a step with a full disk, where it has to be refused, and again with room."""
        before = await asyncio.to_thread(self.kept)
        async with self.full_disk():
            refused = await step()
        assert refused.status == 503, refused.text
        assert 'data-code="unavailable"' in refused.text
        assert await asyncio.to_thread(self.kept) == before
        done = await step()
        assert done.status in {200, 303}, done.text
        return done

    def kept(self) -> list[tuple[object, ...]]:
        return CHOSEN.rows_in(self.folder, COUNTED)


def _refuse(table: str) -> str:
    """Return the statement that refuses whatever would make a table longer."""
    when = f"BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW"
    return f"CREATE TRIGGER full_disk {when} EXECUTE FUNCTION refuse_as_full()"


def _execute(tx: Transaction, statement: str) -> None:
    tx.execute(text(statement))


def hire(tx: Transaction, person: Person) -> None:
    facts = read_certificate(person.der)
    card = card_login(tx, facts.issuer, facts.subject_serial or "")
    add_staff(tx, "林測試", card, [Role.CLERK, Role.REVIEWER])


@pytest.fixture
async def service(test_issuer: TestIssuer, tmp_path: Path) -> AsyncIterator[Service]:
    async with whole_site(test_issuer, tmp_path) as arguments, AsyncExitStack() as stack:
        words = ("agent.portal", tmp_path / "log", *arguments)
        portal = await stack.enter_async_context(running(*words))
        origin = portal.ready["origins"][1]
        visitor = await stack.enter_async_context(Visitor(origin))
        staff = await stack.enter_async_context(Reviewer(origin))
        staff.person = issue(test_issuer, 41)
        db = await asyncio.to_thread(CHOSEN.open_in, tmp_path)
        await db.run(hire, staff.person)
        await db.close()
        await staff.come_back()
        yield Service(portal, tmp_path, visitor, staff)
        db = await asyncio.to_thread(CHOSEN.open_in, tmp_path)
        assert await db.read(audit.check_chain) is None
        await db.close()


async def test_the_counter_says_so_and_goes_on(service: Service) -> None:
    staff = service.staff
    begun = await service.twice(lambda: staff.send("/staff/counter", {"contact": "a@b.tw"}))
    visit = begun.location
    await staff.confirm(visit)
    await service.twice(lambda: staff.send(visit, APPLICATION | {"id_number": FORM["id_number"]}))
    assert (await service.visitor.register("a@b.tw"))["grade"] == "gold"


async def test_an_application_online_says_so_and_goes_on(service: Service) -> None:
    visitor, staff = service.visitor, service.staff
    await visitor.register()
    await service.twice(lambda: post(visitor, "/ways/online/begin"))
    await service.twice(lambda: post(visitor, "/ways/online/form", FORM))
    for side in ("front", "back"):
        await service.twice(lambda side=side: upload(visitor, side, picture()))
    sent = await service.twice(lambda: post(visitor, "/ways/online/check", {"consent": "yes"}))
    number = sent.path.rpartition("/")[2]
    case = f"{QUEUE}/cases/{number}"
    await service.twice(lambda: staff.send(f"{case}/claim", {}))
    page = await staff.open(case)
    await service.twice(lambda: staff.decide(number, page, "approve", **TICKED))
    assert (await visitor.member())["grade"] == "gold"
