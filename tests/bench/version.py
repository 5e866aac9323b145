"""The rows of the bench about ``ankong --version --json``, which fleets ask every computer."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.bench.daemon import PROGRAM, as_installed

if TYPE_CHECKING:
    from tests.bench.run import Table


def measure_version(table: "Table", times: int) -> None:
    """Add the rows: the command beside ``--version`` alone, and beside Python with nothing to do.

    Args:
        table: of the bench.
        times: each figure is the median of so many, taken in turns.

    """
    json, plain, nothing = ("-c", PROGRAM, "--version", "--json"), ("-c", PROGRAM, "--version"), ()
    seconds: dict[Sequence[str], list[float]] = {json: [], plain: [], nothing: []}
    for _ in range(times + 1):
        for words, taken in seconds.items():
            taken.append(_seconds(words or ("-c", "")))
    first, version, python = (statistics.median(taken[1:]) for taken in seconds.values())
    table.add("--version --json", first * 1000, "ms")
    table.add("--version --json over --version", first / version, "ratio", most=1.5)
    table.add("--version --json over an empty Python", first / python, "ratio")


def _seconds(words: Sequence[str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=as_installed())
    return time.perf_counter() - begun
