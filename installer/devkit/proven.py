"""What is promised and which tests prove it, and how they ended when ``make proven`` ran.

``installer/release/proofs.toml`` names the promises. Those of an artefact have the claims that its
builder makes; others name their tests, or the chore that proves them. The outcomes come from that
run, from ``make test-installers`` (by the hash of the files) and from the chores themselves (by
the commit); installer/release/proven.json is made of them, and of nothing else.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from devkit.proofs import NOT_RUN, PASSED, names_of_tests
from devkit.shell import ROOT, SetupError, output

PROMISES: Final = ROOT / "installer" / "release" / "proofs.toml"
CHORES: Final = ROOT / "build" / "chores.json"
TESTS: Final = ROOT / "tests"
BUILT: Final = "installer/built/"
FAILED: Final = "failed"
SKIPPED: Final = "skipped"
ENDS: Final = (PASSED, FAILED, SKIPPED, NOT_RUN)
BY_WEIGHT: Final = (NOT_RUN, PASSED, SKIPPED, FAILED)
"""Of two ends of one test, the later in this order counts."""
MADE: Final = ("installer/README.md", "installer/release/proven.json")
"""What a run writes of its own, which may differ from what was committed."""

Counts = Mapping[str, int]
"""How many tests ended in each of the ways of :data:`ENDS`."""
NOTHING: Final[Counts] = {PASSED: 0, FAILED: 0, SKIPPED: 0, NOT_RUN: 0}


def said() -> dict[str, Any]:
    """Return what proofs.toml says."""
    return tomllib.loads(PROMISES.read_text("utf-8"))


def promises() -> list[dict[str, Any]]:
    """Return its rows."""
    rows: list[dict[str, Any]] = said()["row"]
    return rows


def _own_claims() -> list[dict[str, Any]]:
    """Return the claims that no builder makes."""
    return [claim for row in promises() for claim in row.get("claims", ())]


def promising_chores() -> set[str]:
    """Return the chores that prove a promise by themselves."""
    return {claim["chore"] for claim in _own_claims() if "chore" in claim}


def ordinary_tests() -> list[str]:
    """Return the files of tests that are run for the table, from the top of the repository."""
    named = [name for claim in _own_claims() for name in claim.get("tests", ())]
    return [f"tests/{name}" for name in dict.fromkeys(named) if not name.startswith(BUILT)]


def commit() -> str:
    """Return the commit that lies here.

    Raises:
        SetupError: this is no clone, or something that was committed is changed.

    """
    found = (output(["git", "rev-parse", "HEAD"]) or "").strip()
    besides = [f":(exclude){name}" for name in MADE]
    changed = output(["git", "status", "--porcelain", "--untracked-files=no", "--", ".", *besides])
    if not found or changed is None:
        raise SetupError("what is proven is a commit: this needs a clone made with git")
    if changed.strip():
        raise SetupError(f"what is proven is a commit: commit first\n{changed}")
    return found


def committed() -> str:
    """Return the commit that lies here; "" where it is none, or something is changed."""
    try:
        return commit()
    except SetupError:
        return ""


def keep(chore: str, status: int, begun: str) -> None:
    """Save how a chore ended on a commit; nothing where another state lies here by now.

    Args:
        chore: that ran.
        status: its exit status.
        begun: what :func:`committed` returned before it ran.

    """
    proven = committed()
    if not proven or proven != begun:
        return
    known = kept()
    known[chore] = {"commit": proven, "end": FAILED if status else PASSED}
    CHORES.parent.mkdir(exist_ok=True)
    CHORES.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


def kept() -> dict[str, dict[str, str]]:
    """Return how chores ended; nothing where none was kept."""
    try:
        found: dict[str, dict[str, str]] = json.loads(CHORES.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def end_of_chore(chore: str, proven: str) -> str:
    """Return how a chore ended on a commit."""
    found = kept().get(chore, {})
    return found["end"] if found.get("commit") == proven else NOT_RUN


def outcomes_in(report: str) -> dict[str, str]:
    """Return how each test of pytest's report ended, by its file below ``tests`` and its name.

    Args:
        report: XML of the family ``xunit1``, which names files.

    """
    found: dict[str, str] = {}
    for case in ET.fromstring(report).iter("testcase"):  # noqa: S314  # pytest wrote it
        name = f"{case.get('file', '').removeprefix('tests/')}::{case.get('name', '')}"
        kinds = {each.tag for each in case}
        end = FAILED if kinds & {"failure", "error"} else SKIPPED if "skipped" in kinds else PASSED
        # What failed to be torn down has a second entry.
        found[name] = max(end, found.get(name, end), key=BY_WEIGHT.index)
    return found


def counted(files: Iterable[str], outcomes: Mapping[str, str], folder: Path = TESTS) -> Counts:
    """Count how the tests in files ended; one of which nothing was heard was not run.

    Args:
        files: below ``folder``.
        outcomes: by file and name, with the parameters of each.
        folder: of the tests.

    """
    ends = dict.fromkeys(ENDS, 0)
    for file in files:
        for test in names_of_tests(folder / file):
            wanted = f"{file}::{test}"
            heard = [how for name, how in outcomes.items() if name.partition("[")[0] == wanted]
            for how in heard or [NOT_RUN]:
                ends[how] += 1
    return ends


def is_proven(counts: Counts) -> bool:
    """Return whether tests were run and all have passed."""
    return counts[PASSED] > 0 and sum(counts.values()) == counts[PASSED]


def told(counts: Counts) -> str:
    """Return what became of tests, for a table."""
    return ", ".join(f"{counts[end]} {end}" for end in ENDS if counts[end]) or NOT_RUN


def pytest_words(report: Path, files: Sequence[str]) -> list[str]:
    """Return the command line with which pytest writes such a report."""
    return ["pytest", "-n", "0", "-o", "junit_family=xunit1", f"--junitxml={report}", *files]
