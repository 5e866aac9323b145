"""Run a program and write down whatever keeps its event loop to itself: how long, and what.

    python -m tests.loop_watch REPORT MODULE ARGUMENT…

What counts is the time that the loop's thread computes, not the clock on the wall: a machine that
does other things too makes nothing slower here.
"""

import asyncio
import runpy
import sys
import time
from pathlib import Path

LONGEST = 0.05  # seconds that one step of the loop may compute


def watch(report: Path) -> None:
    """Have every step of every event loop measured from now on."""
    run = asyncio.Handle._run

    def measured(self: asyncio.Handle) -> None:
        loaded = frozenset(sys.modules)
        before = time.thread_time()
        run(self)
        taken = time.thread_time() - before
        if taken > LONGEST:
            news = sorted(set(sys.modules) - loaded)
            with report.open("a") as file:
                file.write(f"{taken:.3f} {self!r} loaded {news}\n")

    asyncio.Handle._run = measured  # type: ignore[method-assign]


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.touch()
    watch(path)
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
