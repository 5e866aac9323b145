"""Run a program and write down whatever keeps its event loop to itself: how long, and what.

    python -m tests.loop_watch REPORT MODULE ARGUMENT…

What counts is the time that the loop's thread computes, not the clock on the wall: a machine that
does other things too makes nothing slower here. A module of ours that a step loads counts however
little time it takes, because the next machine is slower.
"""

import asyncio
import contextlib
import importlib.abc
import runpy
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

LONGEST = 0.05  # seconds that one step of the loop may compute


def watch(report: Path) -> None:
    """Have every step of every event loop measured from now on."""
    run = asyncio.Handle._run
    loads = _Loads()
    sys.meta_path.insert(0, loads)

    def measured(self: asyncio.Handle) -> None:
        before = time.thread_time()
        with loads.seen() as modules:
            run(self)
        taken = time.thread_time() - before
        if taken > LONGEST or modules:
            with report.open("a") as file:
                file.write(f"{taken:.3f} {self!r} loaded {modules}\n")

    asyncio.Handle._run = measured  # type: ignore[method-assign]


class _Loads(importlib.abc.MetaPathFinder):
    """Finds no module, and sees which ones of ours a thread looks for."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @contextlib.contextmanager
    def seen(self) -> Iterator[list[str]]:
        """Return the names that this thread loads while the context lasts."""
        names: list[str] = []
        self._of_thread.names = names
        try:
            yield names
        finally:
            self._of_thread.names = []

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Take note of a module, and leave it to the other finders."""
        del path, target
        if fullname.startswith("agent."):
            getattr(self._of_thread, "names", []).append(fullname)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.touch()
    watch(path)
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
