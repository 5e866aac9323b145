"""Each ID number tried twice at once, by different ways, in two processes: how many become gold."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.portal import audit
from agent.portal.members import card_login
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.transaction import Transaction
from tests.bench.portal import make_tables, new_databases

_NAME = "upgrades"
_FIRST = (0, 100_001)  # contacts of each process; they differ in the way of each number, too
_SECONDS = 900.0  # for a machine that is stuck


@dataclass(frozen=True)
class Upgraded:
    """What came of all attempts.

    Attributes:
        gold: members who are gold.
        numbers: different ID numbers that they have.
        a_second: attempts, whatever came of them.

    """

    gold: int
    numbers: int
    a_second: float


def measure_upgrades(folder: Path, kind: str, numbers: int) -> Upgraded:
    """Try each of so many ID numbers twice, on one kind of database; ``folder`` is empty.

    Raises:
        RuntimeError: an attempt had neither of the two answers that it may have, or the audit is
            not whole.

    """
    with new_databases(folder, kind, (_NAME,)) as addresses:
        address = addresses[_NAME]
        db = make_tables(address, folder)
        try:
            staff = db.run_here(_hire)
            begun = time.perf_counter()
            outcomes = _race(address, folder / "portal.key", numbers, staff)
            spent = time.perf_counter() - begun
            if sorted(outcomes) != sorted(["gold", "id_number_taken"] * numbers):
                raise RuntimeError(f"upgrades: {outcomes}")
            if (broken := db.read_here(audit.check_chain)) is not None:
                raise RuntimeError(f"audit: {broken}")
            return Upgraded(*db.read_here(_count), a_second=len(outcomes) / spent)
        finally:
            db.close_here()


def _hire(tx: Transaction) -> int:
    card = card_login(tx, "C=TW", "bench")
    return add_staff(tx, "林測試", card, [Role.CLERK, Role.REVIEWER]).id


def _race(address: str, key: Path, numbers: int, staff: int) -> list[str]:
    """Let two processes begin together; return the outcome of every attempt."""
    with ExitStack() as stack:
        both = []
        for first in _FIRST:
            words = (address, str(key), str(first), str(numbers), str(staff))
            both.append(stack.enter_context(_process(*words)))
        for process in both:
            if process.stdout is None or process.stdout.readline() != "ready\n":
                raise RuntimeError("the process that upgrades did not begin")
        for process in both:
            if process.stdin is not None:
                process.stdin.write("\n")
                process.stdin.flush()
        return [
            word for process in both for word in process.communicate(timeout=_SECONDS)[0].split()
        ]


@contextmanager
def _process(*words: str) -> Iterator[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.portal.upgrader", *words], text=True, **pipes
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _count(tx: Transaction) -> tuple[int, int]:
    row = tx.connection.exec_driver_sql(
        "SELECT count(*), count(DISTINCT id_number_hash) FROM member WHERE grade = 'gold'"
    ).one()
    return int(row[0]), int(row[1])
