"""Results of the tests of built artefacts on this machine, by the hash of the files.

``make test-installers`` keeps, under the SHA-256 of each artefact, how each of its tests ended.
The table of the artefacts prints only claims of which every test has passed on that file.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devkit.shell import ROOT

TESTS: Final = ROOT / "tests" / "installer" / "built"
RESULTS: Final = ROOT / "build" / "proofs"
"""A file for each folder of tests, so that those of two systems may run at once."""
PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_RUN: Final = "not run"

Outcomes = Mapping[str, str]
"""How each test ended: its name as pytest writes it from :data:`TESTS`, and the outcome."""


@dataclass(frozen=True)
class Claim:
    """A claim about an artefact, and the tests that prove it.

    Attributes:
        text: what is claimed.
        tests: files below :data:`TESTS`; every test in them counts.

    """

    text: str
    tests: tuple[str, ...]


def is_proven(claim: Claim, sha256: str) -> bool:
    """Return whether every test of ``claim`` has passed here on the file with this hash."""
    outcomes = outcomes_of(sha256)
    return all(
        _all_passed(f"{name}::{test}", outcomes)
        for name in claim.tests
        for test in names_of_tests(TESTS / name)
    )


def _all_passed(test: str, outcomes: Outcomes) -> bool:
    """Return whether a test was run and passed, with each of its parameters."""
    found = [how for name, how in outcomes.items() if name.partition("[")[0] == test]
    return bool(found) and all(how == PASSED for how in found)


def names_of_tests(path: Path) -> list[str]:
    """Return the names of the tests in a file.

    Raises:
        ValueError: there is none.

    """
    tree = ast.parse(path.read_text("utf-8"))
    found = [
        each.name
        for each in tree.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        and each.name.startswith("test_")
    ]
    if not found:
        raise ValueError(f"{path.name} has no tests")
    return found


def outcomes_of(sha256: str) -> dict[str, str]:
    """Return how each test ended that was run on the file with this hash, or could have been."""
    found: dict[str, str] = {}
    for path in sorted(RESULTS.glob("*.json")):
        found.update(_read(path).get(sha256, {}))
    return found


def record(hashes: Iterable[str], outcomes: Outcomes) -> None:
    """Save test results for the artefacts with these hashes; results of other tests are kept."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    hashes = list(hashes)
    for folder in {name.partition("/")[0] for name in outcomes}:
        own = {name: how for name, how in outcomes.items() if name.startswith(f"{folder}/")}
        _record(RESULTS / f"{folder}.json", hashes, own)


def _record(path: Path, hashes: Iterable[str], outcomes: Outcomes) -> None:
    known = _read(path)
    for sha256 in hashes:
        before = known.get(sha256, {})
        ended = {name: how for name, how in outcomes.items() if how != NOT_RUN}
        known[sha256] = {**outcomes, **before, **ended}
    path.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _read(path: Path) -> dict[str, dict[str, str]]:
    """Return the saved results; none where they cannot be read."""
    try:
        found: dict[str, dict[str, str]] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
