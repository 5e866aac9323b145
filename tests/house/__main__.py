"""Print the figures, and fail where one is worse than the committed one.

python -m tests.house             measure, run the tests of each change, print and compare
python -m tests.house --update    likewise, and write the figures anew
python -m tests.house --names     print which names are used twice, and where the PIN goes
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from tests.house import change, recipes, road, shape

ROOT: Final = Path(__file__).resolve().parents[2]
COMMITTED: Final = Path(__file__).with_name("figures.json")

AIMS: Final[Mapping[str, float]] = {
    "lines of a function, median": 10,
    "lines of the longest function": 60,
    "class names used twice": 0,
    "functions without all types": 0,
    "public functions that raise and do not say so": 0,
    "modules with a parameter called pin": 10,
    "frames when the digest is prepared": 6,
    "frames at VERIFY": 13,
    "climbs from a driver back to its user": 0,
    "modules on the PIN's way to VERIFY": 10,
    "turns back on the PIN's way to VERIFY": 0,
    "times that a POST asks whether the site is allowed": 2,  # the door once, the service once
    "times that a POST parses an origin": 1,
    "times that a POST hashes the document": 1,
    "files to add a command": 6,  # of which four are what it says of itself in each language
    "files to add a policy setting": 7,  # likewise
    "files to add an error code": 8,  # likewise
    "files to add a language": 2,
    "files to add a card generation": 5,
}
"""How much there is to be at most, where that was ever said."""

ONLY_TOLD: Final = frozenset({"modules", "lines of a module, median", "file names used twice"})
"""Figures of which neither more nor less is better in itself."""


def measure(*, prove: bool) -> dict[str, float]:
    """Measure everything; less is better in every line but those of :data:`ONLY_TOLD`.

    Args:
        prove: whether the tests of each change are run too, which takes a minute.

    Raises:
        AssertionError: a change cannot be made as its recipe says: a test fails with it.

    """
    found = shape.figures(ROOT)
    found["modules with a parameter called pin"] = len(shape.modules_with_parameter(ROOT, "pin"))
    return {
        **found,
        **road.figures(),
        **change.figures(ROOT, recipes.CHANGES, prove=prove),
    }


def worse(found: Mapping[str, float], committed: Mapping[str, float]) -> list[str]:
    """List the figures that are higher than the committed ones, not committed, or gone."""
    higher = [
        name
        for name, value in found.items()
        if name not in committed or (name not in ONLY_TOLD and value > committed[name])
    ]
    return [*higher, *(name for name in committed if name not in found)]


def table(found: Mapping[str, float], committed: Mapping[str, float]) -> str:
    """Write a line for each figure: now, committed, aim, name."""

    def line(now: object, was: object, aim: object, name: str) -> str:
        return f"{now:>7}{was:>11}{aim:>6}  {name}"

    def shown(figures: Mapping[str, float], name: str) -> str:
        return f"{figures[name]:g}" if name in figures else "-"

    names = dict.fromkeys((*found, *committed))
    lines = [line(shown(found, n), shown(committed, n), shown(AIMS, n), n) for n in names]
    return "\n".join([line("now", "committed", "aim", ""), *lines])


def print_names() -> None:
    """Print which names are used twice, and which modules have a parameter called pin."""
    print("class names used twice:", *shape.class_names_used_twice(ROOT))
    print("file names used twice:", *shape.file_names_used_twice(shape.modules(ROOT)))
    print("modules with a parameter called pin:", *shape.modules_with_parameter(ROOT, "pin"))
    print("public functions that raise and do not say so:", *shape.silent_raises(ROOT))


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    if "--names" in arguments:
        print_names()
        return 0
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    found = measure(prove=True)
    if "--update" in arguments:
        COMMITTED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    committed = json.loads(COMMITTED.read_text("utf-8"))
    print(table(found, committed))
    got_worse = worse(found, committed)
    for name in got_worse:
        print(f"worse than committed, or not compared: {name}")
    return 1 if got_worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
