"""What the kits cost: other languages' verifiers, a page's modules, the start of a session."""

import gzip
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from agent.cms.document import Document
from agent.kits.vectors.__main__ import FOLDER, MANIFEST
from agent.testkit.agent_process import running_agent
from tests.kits.afternoon import SITES, play
from tests.kits.kit_support import RUNNERS, build, run_vectors

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "agent" / "web" / "sdk"
MINIFY = ("--bundle", "--minify", "--format=esm", "--charset=utf8")
MODULES = {"ankong.js": 7, "element.js": 4, "fake.js": 16}
"""The modules of a page, and the most that each may have, in KiB."""
BESIDE = ("ankong.js", "digest.js", "explain.js", "pdf.js")


@dataclass(frozen=True)
class LanguageRun:
    """One language's run over the vectors; None where it is not on this computer.

    Attributes:
        rate: logins a second.
        wrong: vectors that it judged wrongly.
        seconds: of the whole run, and of compiling.

    """

    rate: float | None = None
    wrong: int | None = None
    seconds: float | None = None


def language_runs() -> Iterator[tuple[str, LanguageRun]]:
    """Return each language's run."""
    for language, program in RUNNERS.items():
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                lines = run_vectors(build(language, program, Path(folder)), FOLDER / MANIFEST)
            except (FileNotFoundError, subprocess.CalledProcessError):
                yield language, LanguageRun()
                continue
        seconds = time.perf_counter() - begin
        rate = next(float(line["logins_per_second"]) for line in lines if "name" not in line)
        wrong = sum(1 for line in lines if "name" in line and not line["ok"])
        yield language, LanguageRun(rate, wrong, seconds)


def afternoon_times(folder: Path) -> Iterator[tuple[str, float | None]]:
    """Return how long each kit's README takes from an empty folder to a login, in seconds.

    The packages are built first. None where what the kit needs is not on this computer.
    """
    packages = folder / "packages"
    command = [sys.executable, ROOT / "installer" / "dev.py", "kits"]
    subprocess.run(command, stdout=sys.stderr, check=True)
    shutil.copytree(ROOT / "dist" / "kits", packages)
    for kit in SITES:
        place = folder / kit
        place.mkdir()
        try:
            with redirect_stdout(sys.stderr):
                yield kit, play(kit, packages, place)
        except (AssertionError, FileNotFoundError):  # a program is missing
            yield kit, None


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
