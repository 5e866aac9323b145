"""How the tests of ``make test`` ended, bound to the very sources that they ran on.

Results are kept for one state of the sources: a commit, and what differs from it. Those of another
state are forgotten when the first of a new one are written. A test that was run again keeps how it
ended before, so that nobody can call flaky what was mended, or the other way round.
"""

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devkit.shell import ROOT

FILE: Final = Path("build", "results.json")
PASSED: Final = "passed"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"


@dataclass(frozen=True)
class SourceState:
    """What the sources are.

    Attributes:
        commit: 40 hex digits; "" where Git knows none.
        changes: SHA-256 over what differs from it, in hex; "" where nothing does.

    """

    commit: str
    changes: str


@dataclass(frozen=True)
class KeptRun:
    """How tests ended.

    Attributes:
        state: of the sources that they ran on.
        tests: how each ended, the first run first.
        is_whole: whether all tests ran once at least.

    """

    state: SourceState
    tests: Mapping[str, Sequence[str]]
    is_whole: bool


def source_state(root: Path = ROOT) -> SourceState:
    """Return what the sources of a checkout are; what Git ignores does not count."""
    commit = _git(root, "rev-parse", "HEAD").decode("ascii", "replace").strip()
    if not commit:
        return SourceState("", "")
    changed = _git(root, "diff", "HEAD", "--name-only", "-z", "--no-renames")
    new = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    names = sorted({name for name in (changed + new).split(b"\0") if name})
    digest = hashlib.sha256()
    for name in names:
        path = root / name.decode("utf-8", "surrogateescape")
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        for item in (name, content):
            digest.update(len(item).to_bytes(8, "big") + item)
    return SourceState(commit, digest.hexdigest() if names else "")


def _git(root: Path, *words: str) -> bytes:
    """Return what Git printed; nothing where it failed or is not there."""
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return b""
    return done.stdout if done.returncode == 0 else b""


def record(
    state: SourceState, outcomes: Mapping[str, str], *, is_whole: bool, root: Path = ROOT
) -> None:
    """Add how tests ended to what is kept of this state; another state's results go.

    Args:
        state: what the sources were when the tests began.
        outcomes: by pytest's name of each test.
        is_whole: whether all tests were asked for, and none was left when they ended.
        root: the checkout.

    """
    if not outcomes or not state.commit or source_state(root) != state:
        return  # nobody can say what was tested
    kept = _read(root)
    if kept is None or kept.state != state:
        kept = KeptRun(state, {}, is_whole=False)
    tests = {name: list(how) for name, how in kept.tests.items()}
    for name, how in outcomes.items():
        tests.setdefault(name, []).append(how)
    written = {
        "commit": state.commit,
        "changes": state.changes,
        "whole": kept.is_whole or is_whole,
        "tests": dict(sorted(tests.items())),
    }
    path = root / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(written, ensure_ascii=False, indent=0) + "\n", "utf-8")


def results_of(state: SourceState, root: Path = ROOT) -> KeptRun | None:
    """Return how the tests ended on these sources; None where none ran."""
    kept = _read(root)
    return kept if kept and state.commit and kept.state == state else None


def _read(root: Path) -> KeptRun | None:
    """Return what is kept; None where it cannot be read as such."""
    try:
        found = json.loads((root / FILE).read_text("utf-8"))
        tests = found["tests"]
        state = SourceState(str(found["commit"]), str(found["changes"]))
        is_fit = all(how and {*how} <= {PASSED, FAILED, SKIPPED} for how in tests.values())
        return KeptRun(state, tests, is_whole=found["whole"] is True) if is_fit else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
