"""One ID number by two ways at once, in two processes: one gold member, on both databases."""

import random
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from agent.portal import audit
from agent.portal.members import card_login
from agent.portal.staff.register import Role, add_staff
from agent.portal.store.transaction import Transaction
from tests.portal.databases import CHOSEN, DatabaseKind

SECONDS = 500  # on a loaded machine; alone it takes a tenth
FIRST = (0, 100_001)  # of each process's contacts; the ways differ, too

pytestmark = [pytest.mark.both_databases, pytest.mark.slow, pytest.mark.timeout(SECONDS + 100)]


def hire(tx: Transaction) -> int:
    roles = (Role.CLERK, Role.REVIEWER)
    return add_staff(tx, "林測試", card_login(tx, "C=TW", "staff"), roles).id


class Upgrader:
    """A process that tries every number once."""

    def __init__(self, folder: Path, first: int, numbers: int, staff: int) -> None:
        settings = CHOSEN.settings_in(folder)
        key = settings.get("key_file", f"{settings['db']}.key")
        words = (settings["db"], key, str(first), str(numbers), str(staff))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.portal.upgrader", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def outcomes(self) -> list[str]:
        out, _ = self.process.communicate(timeout=SECONDS)
        return out.split()


@pytest.fixture
def numbers() -> int:
    """How many ID numbers; a file waits for the disk at each commit."""
    return 100 if CHOSEN.kind is DatabaseKind.POSTGRESQL else 12


@pytest.fixture
def staff(tmp_path: Path) -> int:
    db = CHOSEN.open_in(tmp_path)
    try:
        return db.run_here(hire)
    finally:
        db.close_here()


def judged(folder: Path) -> dict[str, int]:
    """Count what has to be as many as there are numbers; the audit has to be whole."""
    counted = {
        "gold": "SELECT count(*) FROM member WHERE grade = 'gold'",
        "numbers": "SELECT count(DISTINCT id_number_hash) FROM member",
        "upgrades": "SELECT count(*) FROM upgrade",
        "told": "SELECT count(DISTINCT member) FROM notice WHERE kind = 'gold'",
    }
    db = CHOSEN.open_in(folder)
    try:
        assert db.read_here(audit.check_chain) is None
    finally:
        db.close_here()
    return {name: CHOSEN.rows_in(folder, sql)[0][0] for name, sql in counted.items()}


def exactly(numbers: int) -> dict[str, int]:
    return dict.fromkeys(("gold", "numbers", "upgrades", "told"), numbers)


def test_every_number_makes_one_gold_member_whichever_way(
    tmp_path: Path, numbers: int, staff: int
) -> None:
    with ExitStack() as stack:
        both = [stack.enter_context(Upgrader(tmp_path, first, numbers, staff)) for first in FIRST]
        for each in both:
            each.go()
        found = Counter(outcome for each in both for outcome in each.outcomes())
    assert found == {"gold": numbers, "id_number_taken": numbers}
    assert judged(tmp_path) == exactly(numbers)
    ways = {way for (way,) in CHOSEN.rows_in(tmp_path, "SELECT way FROM upgrade")}
    assert len(ways) >= 2


def test_a_killed_process_leaves_no_number_half_and_none_twice(tmp_path: Path, staff: int) -> None:
    numbers = 12
    with ExitStack() as stack:
        killed, other, again = (
            stack.enter_context(Upgrader(tmp_path, first, numbers, staff))
            for first in (*FIRST, 200_002)
        )
        killer = threading.Timer(random.uniform(0, 2), killed.process.kill)  # noqa: S311 - any
        killed.go()
        other.go()
        killer.start()
        answered = killed.outcomes()
        killer.cancel()
        assert "never" not in [*answered, *other.outcomes()]
        again.go()
        # The other one has tried all numbers: each is somebody's.
        assert set(again.outcomes()) == {"id_number_taken"}
    assert judged(tmp_path) == exactly(numbers)
