"""Every cell of the matrix, and the table of what became of them."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import structlog
from structlog.typing import EventDict

from agent.errors import ErrorCode
from agent.virtualcard.model import CITIZEN_GENERATIONS
from agent.virtualcard.pcscd import PrivatePcscd
from tests.faults.cell import OK, Cell, Operation, Outcome, Row, Sight, count_commands, play
from tests.faults.doors import Door, PcscDoor, VirtualDoor
from tests.faults.kinds import DAEMON_KINDS, KINDS
from tests.text_table import TextTable

ROWS: Final = tuple(
    Row(generation, operation, sight)
    for generation in CITIZEN_GENERATIONS
    for operation in Operation
    for sight in Sight
)
SAMPLES: Final = 2
"""Commands of each request that the sample disturbs, for each fault."""
_STRIDE: Final = 5  # from one fault's first command to the next one's
_PROCESSES: Final = max(1, min(4, os.cpu_count() or 1))


TABLE: Final = TextTable(
    (
        ("fault", 28),
        ("cells", 7),
        ("survived", 10),
        ("ok", 7),
        ("VERIFY", 8),
        ("lost", 6),
        ("misread", 9),
        ("internal", 11),
    )
)


@dataclass(slots=True)
class Line:
    """What became of the cells of one kind of fault."""

    cells: int = 0
    survived: int = 0
    answered: int = 0
    internal: int = 0
    verifies: int = 0
    attempts_lost: int = 0
    misread: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one cell."""
        self.cells += 1
        self.survived += not outcome.wrong
        self.answered += outcome.code == OK
        self.internal += outcome.code == ErrorCode.INTERNAL
        self.verifies += outcome.verifies
        self.attempts_lost += outcome.attempts_lost
        self.misread += outcome.misread

    def text(self, name: str) -> str:
        """Return the line of the table; "misread" counts what a first signature cannot see."""
        share = 100 * self.internal / self.cells if self.cells else 0.0
        return TABLE.line(
            name,
            self.cells,
            self.survived,
            self.answered,
            self.verifies,
            self.attempts_lost,
            self.misread,
            f"{share:.1f} %",
        )


@dataclass(slots=True)
class Report:
    """The table, and every cell that died.

    Attributes:
        lines: by the name of the fault, or of the request.
        dead: the cells that did not survive, with what is wrong.

    """

    lines: dict[str, Line] = field(default_factory=dict)
    dead: list[tuple[Cell, Outcome]] = field(default_factory=list)

    def add(self, door: str, cell: Cell, outcome: Outcome) -> None:
        """Count one cell, under its fault, its request and its door."""
        for name in (cell.kind, str(cell.row), door, "all"):
            self.lines.setdefault(name, Line()).add(outcome)
        if outcome.wrong:
            self.dead.append((cell, outcome))

    def text(self) -> str:
        """Return the table."""
        names = [*KINDS, *DAEMON_KINDS, *map(str, ROWS), *DOORS, "all"]
        return "\n".join([TABLE.head, *(self.lines[n].text(n) for n in names if n in self.lines)])


def cells_of(row: Row, door: Door) -> Iterator[Cell]:
    """Return every fault at every command of a request."""
    commands = count_commands(row, door)
    for kind in KINDS:
        for index in range(1, commands + 1):
            yield Cell(row, kind, index)


def sample_of(row: Row, door: Door) -> Iterator[Cell]:
    """Return every fault at a few commands of a request, others for each fault."""
    commands = count_commands(row, door)
    for number, kind in enumerate(KINDS):
        for step in range(SAMPLES):
            yield Cell(row, kind, 1 + (number * _STRIDE + step * commands // SAMPLES) % commands)


def daemon_cells_of(row: Row, door: Door) -> Iterator[Cell]:
    """Return the daemon's faults at every command of a request, before and after it in turn."""
    commands = count_commands(row, door)
    for index in range(1, commands + 1):
        for number, kind in enumerate(DAEMON_KINDS):
            if row.remembered or index % len(DAEMON_KINDS) == number:
                yield Cell(row, kind, index)


def be_quiet() -> None:
    """Keep the agent from logging each fault anywhere but to the judge."""
    structlog.configure(processors=[_drop])


def _drop(_logger: object, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


def play_everything(tell: Callable[[str], None]) -> Report:
    """Play the whole matrix, on every core; ``tell`` is told of each request that is done."""
    report = Report()
    spawn = multiprocessing.get_context("spawn")
    # A new process for each row: a program talks to one daemon as long as it lives.
    with ProcessPoolExecutor(_PROCESSES, spawn, be_quiet, max_tasks_per_child=1) as pool:
        for door, playing in [(d, pool.map(play_row, ROWS)) for d, play_row in DOORS.items()]:
            for row, played in zip(ROWS, playing, strict=True):
                dead = sum(bool(outcome.wrong) for _, outcome in played)
                tell(f"{row} {door}: {len(played)} cells, {dead} died")
                for cell, outcome in played:
                    report.add(door, cell, outcome)
    return report


def _play_in_process(row: Row) -> list[tuple[Cell, Outcome]]:
    door = VirtualDoor()
    return [(cell, _play(cell, door)) for cell in cells_of(row, door)]


def _play_through_pcscd(row: Row) -> list[tuple[Cell, Outcome]]:
    with PrivatePcscd() as pcscd:
        os.environ.update(pcscd.environment())
        door = PcscDoor(pcscd)
        cells = chain(sample_of(row, door), daemon_cells_of(row, door))
        return [(cell, _play(cell, door)) for cell in cells]


DOORS: Final = {"in this process": _play_in_process, "through pcscd": _play_through_pcscd}
"""The ways to a card, and what plays a request on each: all of it, or a sample and the daemon."""


def _play(cell: Cell, door: Door) -> Outcome:
    try:
        return play(cell, door)
    except Exception as error:  # noqa: BLE001  # the rest of the matrix is worth playing
        door.abandon()
        return Outcome(wrong=[f"could not be played: {error!r}"])
