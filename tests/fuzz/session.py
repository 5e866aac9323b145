"""One target under atheris for some seconds, in a process of its own, and what came of it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from tests.fuzz import target

SLOW: Final = 10  # seconds for one input, after which it counts as a crash
MEMORY: Final = 2048  # MiB
_FACTS: Final = {
    "executions": re.compile(r"stat::number_of_executed_units: (\d+)"),
    "edges": re.compile(r"\bcov: (\d+) ft:"),
}
_DONE: Final = re.compile(r"^#(\d+)\t", re.MULTILINE)


@dataclass(frozen=True)
class Session:
    """What ran, and what it found.

    Attributes:
        executions: inputs that were read.
        edges: of the code's branches, that were reached.
        crashes: files with inputs that crashed, hung, or took too much memory.
        told: the end of what libFuzzer said.

    """

    target: str
    executions: int
    edges: int
    crashes: tuple[Path, ...]
    told: str


def run(name: str, seconds: int, work: Path) -> Session:
    """Run a target; ``work`` keeps its corpus for the next time.

    Raises:
        RuntimeError: it did not run at all, or was ended by something that kept no input.

    """
    found = target.load(name)
    corpus, crashes = work / "corpus" / name, work / "crashes" / name
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for raw in (*(raw for raw, _ in found.seeds()), *(p.read_bytes() for p in target.kept(name))):
        (corpus / sha256(raw).hexdigest()[:16]).write_bytes(raw)
    before = {path: path.stat().st_mtime_ns for path in crashes.iterdir()}
    options: Mapping[str, object] = {
        "max_total_time": seconds,
        "timeout": SLOW,
        "rss_limit_mb": MEMORY,
        "max_len": target.longest_of(found),
        "dict": _dictionary(work / "dictionaries" / name, target.words_of(found)),
        "artifact_prefix": f"{crashes}/",
        "print_final_stats": 1,
    }
    status, told = _libfuzzer(name, corpus, options)
    executions, edges = (_last(pattern, told) for pattern in _FACTS.values())
    executions = executions or _last(_DONE, told)
    if not executions:
        raise RuntimeError(f"{name} did not run:\n{told[-3000:]}")
    # An input that crashed it in an earlier session, too, is written anew.
    kept = (path for path in crashes.iterdir() if before.get(path) != path.stat().st_mtime_ns)
    found_now = tuple(sorted(kept))
    if status != 0 and not found_now:
        raise RuntimeError(f"{name} ended with {status}:\n{told[-3000:]}")
    return Session(name, executions, edges, found_now, told)


def minimise(name: str, work: Path, into: Path) -> None:
    """Keep of a corpus what reaches all that the whole of it reaches."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    _libfuzzer(name, into, {"merge": 1, "timeout": SLOW}, work / "corpus" / name)


def _libfuzzer(
    name: str, corpus: Path, options: Mapping[str, object], *more: Path
) -> tuple[int, str]:
    """Return the exit status, and what was said."""
    words = [f"-{option}={value}" for option, value in options.items()]
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.guided",
        name,
        *words,
        str(corpus),
        *map(str, more),
    ]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def _last(pattern: re.Pattern[str], told: str) -> int:
    return max(map(int, pattern.findall(told)), default=0)


def _dictionary(path: Path, words: tuple[bytes, ...]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    quoted = ("".join(f"\\x{octet:02x}" for octet in word) for word in words or (b"\0",))
    path.write_text("".join(f'"{word}"\n' for word in quoted))
    return path
