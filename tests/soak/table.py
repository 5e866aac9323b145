"""What a stage of the soak counted, and the table of all stages."""

import os
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.text_table import TextTable

STEEPEST = 1.0  # MiB that the resident memory may grow by in 10 000 signatures
FEWEST_FOR_SLOPE = 5000  # signatures: with fewer the slope tells of the start, not of a leak
POOL = min(32, (os.cpu_count() or 1) + 4)
"""Threads that asyncio keeps once it has needed them."""
_MIB = 1024 * 1024
_TABLE = TextTable(
    (
        ("stage", 44),
        ("ok", 7),
        ("refused", 9),
        ("no end", 8),
        ("VERIFY", 8),
        ("most", 6),
        ("tries lost", 12),
        ("MiB/10k", 9),
        ("descriptors", 14),
        ("threads", 10),
    )
)


@dataclass(slots=True)
class Stage:
    """One stage; requests may be counted from several threads.

    Attributes:
        name: what was done.
        ok: requests that were answered as asked.
        refused: the others, by the code that the page got.
        endless: requests without an answer in time.
        verifies: VERIFY commands that cards got.
        most_verifies: of one request, where requests followed one another.
        signatures: requests that may have sent a PIN.
        lost: PIN attempts that are missing at the end.
        memory: of the agent, in bytes, with the signatures made before.
        descriptors: open files of the agent, before and after.
        threads: of the agent, before and after.
        wrong: what else should not be.

    """

    name: str
    ok: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    endless: int = 0
    verifies: int = 0
    most_verifies: int = 0
    signatures: int = 0
    lost: int = 0
    memory: list[tuple[int, int]] = field(default_factory=list)
    descriptors: tuple[int, int] = (0, 0)
    threads: tuple[int, int] = (0, 0)
    wrong: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, code: str | None) -> None:
        """Count one request: ``None`` if it was answered as asked, otherwise the page's code."""
        with self._lock:
            if code is None:
                self.ok += 1
            else:
                self.refused[code] += 1

    def count_endless(self) -> None:
        """Count a request without an end."""
        with self._lock:
            self.endless += 1

    @property
    def slope(self) -> float | None:
        """MiB of memory for 10 000 signatures; None where there are too few to tell."""
        settled = self.memory[len(self.memory) // 4 :]
        if len(settled) < 2 or settled[-1][0] < FEWEST_FOR_SLOPE:
            return None
        return _slope(settled) * 10_000 / _MIB

    def faults(self) -> list[str]:
        """Return what breaks a promise; empty if all is well."""
        found = list(self.wrong)
        if self.endless:
            found.append(f"{self.endless} requests have no end")
        if self.verifies > self.signatures or self.most_verifies > 1:
            found.append("a PIN was sent more than once for a signature")
        if self.lost:
            found.append(f"{self.lost} PIN attempts are lost")
        if self.descriptors[1] > self.descriptors[0]:
            found.append(f"descriptors grew from {self.descriptors[0]} to {self.descriptors[1]}")
        if self.threads[1] > self.threads[0] + POOL:
            found.append(f"threads grew from {self.threads[0]} to {self.threads[1]}")
        if self.slope is not None and self.slope > STEEPEST:
            found.append(f"memory grows by {self.slope:.2f} MiB in 10 000 signatures")
        return found

    def line(self) -> str:
        """Return the row of the table."""
        slope = "-" if self.slope is None else f"{self.slope:.2f}"
        return _TABLE.line(
            self.name,
            self.ok,
            self.refused.total(),
            self.endless,
            self.verifies,
            self.most_verifies,
            self.lost,
            slope,
            _change(self.descriptors),
            _change(self.threads),
        )


def table(stages: Sequence[Stage]) -> str:
    """Return the table, the codes of refused requests, and what is wrong."""
    lines = [_TABLE.head, *(stage.line() for stage in stages)]
    for stage in stages:
        if stage.refused:
            codes = ", ".join(f"{code} {count}" for code, count in stage.refused.most_common())
            lines.append(f"refused, {stage.name}: {codes}")
    lines += [f"FAILED, {stage.name}: {fault}" for stage in stages for fault in stage.faults()]
    return "\n".join(lines)


def _change(values: tuple[int, int]) -> str:
    return f"{values[0]} -> {values[1]}"


def _slope(points: Sequence[tuple[int, int]]) -> float:
    """Return the slope of the line of least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    over = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return over / sum((x - mean_x) ** 2 for x, _ in points)
