"""Two processes that deliver one outbox, and one that is killed while it does."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from agent.portal import members
from agent.portal.contact import parse_contact
from agent.portal.notices.claims import BATCH, LEASE
from agent.portal.notices.outbox import NoticeKind, tell
from agent.portal.store.transaction import Transaction
from tests.portal.databases import CHOSEN
from tests.portal.smtp_server import MailServer, mail_server

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.both_databases

NOW = 1_790_000_000
TOLD = 40


@pytest.fixture
def outbox(tmp_path: Path) -> list[str]:
    """Fill the outbox of a new database with notices to one member; return what names it."""

    def work(tx: Transaction) -> None:
        member = members.register(tx, parse_contact("tester@example.test"))
        for number in range(TOLD):
            tell(tx, member, NoticeKind.CASE_DECIDED, case=f"C-{number:04}")

    db = CHOSEN.open_in(tmp_path, clock=lambda: NOW)
    db.run_here(work)
    db.close_here()
    return list(CHOSEN.settings_in(tmp_path).values())


@asynccontextmanager
async def delivering(outbox: list[str], port: int, now: int = NOW) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.portal.deliver_outbox", str(port), str(now), *outbox),
        stdin=PIPE,
        stdout=PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def run_to_the_end(process: Process) -> int:
    assert process.stdin is not None
    process.stdin.write(b"\n")
    await process.stdin.drain()
    return await process.wait()


def arrived(server: MailServer) -> Counter[str]:
    """Count what arrived by what it says; each thing said has one Message-ID."""
    said = [(mail.get_body(("plain",)).get_content(), mail["Message-ID"]) for mail in server.mails]  # type: ignore[union-attr]  # a test fails on None as well
    cases = [(text.partition("C-")[2][:4], identity) for text, identity in said]
    assert len(set(cases)) == len({case for case, _ in cases}) == len({each for _, each in cases})
    return Counter(case for case, _ in cases)


async def test_two_processes_send_nothing_twice(outbox: list[str]) -> None:
    async with (
        mail_server() as server,
        delivering(outbox, server.port) as one,
        delivering(outbox, server.port) as other,
    ):
        assert await asyncio.gather(run_to_the_end(one), run_to_the_end(other)) == [0, 0]
    assert arrived(server) == Counter(f"{number:04}" for number in range(TOLD))


async def test_a_process_that_is_killed_loses_nothing(outbox: list[str]) -> None:
    async with mail_server() as server:
        async with delivering(outbox, server.port) as killed:
            begun = count(1)

            def kill() -> None:
                if next(begun) == BATCH + 3:
                    killed.kill()

            server.on_mail = kill
            assert await run_to_the_end(killed) != 0
        server.on_mail = None
        async with delivering(outbox, server.port) as other:
            assert await run_to_the_end(other) == 0
        assert len(arrived(server)) < TOLD  # what the first one had claimed waits for its lease
        async with delivering(outbox, server.port, NOW + LEASE + 1) as later:
            assert await run_to_the_end(later) == 0
    counts = arrived(server)
    assert len(counts) == TOLD
    assert sum(counts.values()) <= TOLD + BATCH  # again: only what was on its way
