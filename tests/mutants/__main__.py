"""Print how many mutants the tests notice, and fail where it is a smaller part than committed.

python -m tests.mutants                          every mutant of every package; takes hours
python -m tests.mutants agent/cards --sample 50  50 mutants of one package, the same each time
python -m tests.mutants --update                 likewise, and write the scores that are higher
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from tests.mutants.mutation import Mutant, mutants_of
from tests.mutants.packages import PACKAGES
from tests.mutants.trial import Outcome, run_trial
from tests.text_table import TextTable

ROOT: Final = Path(__file__).resolve().parents[2]
COMMITTED: Final = Path(__file__).with_name("scores.json")
EQUIVALENT: Final = Path(__file__).with_name("equivalent.txt")
AIM: Final = 90  # per cent
_AT_ONCE: Final = 50  # mutants that are made before the first is tried
_TABLE: Final = TextTable(
    (
        ("package", 24),
        ("wanted", 7),
        ("tried", 7),
        ("killed", 7),
        ("%", 7),
        ("committed", 11),
        ("aim", 5),
    )
)

Committed = Mapping[str, Mapping[str, float]]
"""Per cent of the mutants that were killed, by package and by how many were tried."""


@dataclass(frozen=True)
class Score:
    """What became of the mutants of a package.

    Attributes:
        package: its folder.
        size: how many mutants were wanted: ``"all"``, or a number.
        killed: how many a test noticed.
        survivors: those that none did.

    """

    package: str
    size: str
    killed: int
    survivors: tuple[Mutant, ...]

    @property
    def tried(self) -> int:
        """How many mutants could be tried."""
        return self.killed + len(self.survivors)

    @property
    def percent(self) -> float:
        """How many of them were killed, rounded down to a tenth; 0 where none could be tried."""
        return self.killed * 1000 // max(self.tried, 1) / 10


def known_equivalent(text: str) -> frozenset[str]:
    """Return the lines of the list of mutants that do what the code does; # begins a comment."""
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


def judge(package: str, sample: int | None, jobs: int) -> Score:
    """Try the mutants of a package.

    Args:
        package: one of PACKAGES.
        sample: how many mutants at most; None for all.
        jobs: how many at the same time.

    """
    equivalent = known_equivalent(EQUIVALENT.read_text("utf-8"))
    tests = [str(path) for pattern in PACKAGES[package] for path in sorted(ROOT.glob(pattern))]
    left = (each for each in mutants_of(ROOT, package) if each.text not in equivalent)
    wanted = sys.maxsize if sample is None else sample
    killed = 0
    survivors: list[Mutant] = []
    with ThreadPoolExecutor(jobs) as pool:
        while chosen := list(islice(left, min(_AT_ONCE, wanted - killed - len(survivors)))):
            for mutant, outcome in pool.map(lambda each: _attempt(each, tests), chosen):
                killed += outcome is Outcome.KILLED
                survivors += [mutant] * (outcome is Outcome.SURVIVED)
    return Score(package, str(sample or "all"), killed, tuple(survivors))


def _attempt(mutant: Mutant, tests: Sequence[str]) -> tuple[Mutant, Outcome]:
    outcome = run_trial(ROOT, mutant, tests)
    print(f"{outcome:<9} {mutant}", flush=True)
    return mutant, outcome


def table(scores: Sequence[Score], committed: Committed) -> str:
    """Write a line for each package: tried, killed, per cent, and what is committed."""
    lines = [_TABLE.head]
    for score in scores:
        was = committed.get(score.package, {}).get(score.size, "-")
        figures = (score.size, score.tried, score.killed, score.percent, was, AIM)
        lines.append(_TABLE.line(score.package, *figures))
    return "\n".join(lines)


def lower(scores: Sequence[Score], committed: Committed) -> list[str]:
    """Return the packages whose score is lower than the committed one of the same size."""
    return [
        score.package
        for score in scores
        if score.percent < committed.get(score.package, {}).get(score.size, 0)
    ]


def raised(scores: Sequence[Score], committed: Committed) -> dict[str, dict[str, float]]:
    """Return the committed scores with those that are higher now."""
    found = {package: dict(sizes) for package, sizes in committed.items()}
    for score in scores:
        sizes = found.setdefault(score.package, {})
        sizes[score.size] = max(score.percent, sizes.get(score.size, 0))
    return dict(sorted(found.items()))


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; exit where it makes no sense."""
    parser = argparse.ArgumentParser("tests.mutants", description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=", ".join(PACKAGES))
    parser.add_argument("--sample", type=int, help="how many mutants of each package; default: all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at the same time")
    parser.add_argument("--update", action="store_true", help="write the scores that are higher")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.packages if name not in PACKAGES]
    if unknown or (options.sample is not None and options.sample < 1) or options.jobs < 1:
        parser.error(f"no such package: {' '.join(unknown)}" if unknown else "not a number above 0")
    return options


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return the exit status."""
    options = read_arguments(arguments)
    committed: Committed = json.loads(COMMITTED.read_text("utf-8"))
    packages = options.packages or list(PACKAGES)
    scores = [judge(package, options.sample, options.jobs) for package in packages]
    for score in scores:
        for mutant in score.survivors:
            print(f"nobody noticed: {mutant}")
    print(table(scores, committed))
    if options.update:
        text = json.dumps(raised(scores, committed), indent=2) + "\n"
        COMMITTED.write_text(text, encoding="utf-8")
    got_lower = lower(scores, committed)
    for package in got_lower:
        print(f"lower than committed: {package}")
    return 1 if got_lower else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
