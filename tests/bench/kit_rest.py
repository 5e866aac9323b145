"""What the kits cost: other languages' verifiers, a page's modules, the start of a session."""

import gzip
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from agent.cms.document import Document
from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.testkit.agent_process import running_agent
from tests.kits.kit_support import RUNNERS, build, run_vectors

SDK = Path(__file__).resolve().parents[2] / "agent" / "web" / "sdk"
MINIFY = ("--bundle", "--minify", "--format=esm", "--charset=utf8")
MODULES = {"ankong.js": 7, "element.js": 4, "fake.js": 16}
"""The modules of a page, and the most that each may have, in KiB."""
BESIDE = ("ankong.js", "digest.js", "explain.js")


def language_rates() -> Iterator[tuple[str, float | None, int | None]]:
    """Return for each language logins a second, and how many vectors it judged wrongly.

    None where what the language needs is not on this computer.
    """
    for language, program in RUNNERS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                lines = run_vectors(build(language, program, Path(folder)), FOLDER / MANIFEST)
            except (FileNotFoundError, subprocess.CalledProcessError):
                yield language, None, None
                continue
        speed = next(float(line["logins_per_second"]) for line in lines if "name" not in line)
        wrong = sum(1 for line in lines if "name" in line and not line["ok"])
        yield language, speed, wrong


def module_sizes() -> Iterator[tuple[str, float, int]]:
    """Return for each module of the page kit its size minified and compressed, and its aim, KiB."""
    for name, most in MODULES.items():
        outside = [f"--external:./{each}" for each in BESIDE if each != name]
        words = [SDK / "node_modules" / ".bin" / "esbuild", name, *MINIFY, *outside]
        done = subprocess.run(words, cwd=SDK, capture_output=True, check=True)
        yield name, len(gzip.compress(done.stdout, mtime=0)) / 1024, most


def session_start(times: int) -> float:
    """Return how long the agent of a test session takes to be ready, in seconds: the median."""
    taken = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            begin = time.perf_counter()
            with running_agent(Path(folder, "state")):
                taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def import_time(module: str, times: int) -> float:
    """Return the processor time of importing a module into a fresh Python, in seconds."""
    code = f"import time; a = time.process_time(); import {module}; print(time.process_time() - a)"
    words = [sys.executable, "-c", code]
    runs = (subprocess.run(words, capture_output=True, check=True) for _ in range(times))
    return statistics.median(float(done.stdout) for done in runs)


def reserved_search(size: int, times: int) -> float:
    """Return how long a document is searched for what only a login may hold, in seconds."""
    document = Document(data=bytes(size))
    taken = []
    for _ in range(times):
        begin = time.process_time()
        if document.holds_reserved():
            raise AssertionError("zeros are no login")
        taken.append(time.process_time() - begin)
    return statistics.median(taken)
