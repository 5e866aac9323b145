"""Print the figures, and fail where one is worse than the committed one.

python -m tests.house             print and compare
python -m tests.house --update    print and write the figures anew
"""

import json
import sys
from pathlib import Path

from tests.house import road, shape

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = Path(__file__).with_name("figures.json")


def measure() -> dict[str, float]:
    """Measure everything; less is better in every line."""
    found = shape.figures(ROOT)
    found["modules with a parameter called pin"] = len(shape.modules_with_parameter(ROOT, "pin"))
    return {**found, **road.figures()}


def worse(found: dict[str, float], committed: dict[str, float]) -> list[str]:
    """List the figures that are higher than the committed ones, or missing there."""
    return [name for name, value in found.items() if value > committed.get(name, -1)]


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    found = measure()
    if "--update" in arguments:
        COMMITTED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    committed = json.loads(COMMITTED.read_text("utf-8"))
    for name, value in found.items():
        print(f"{value:>6g}  {committed.get(name, '?'):>6}  {name}")
    got_worse = worse(found, committed)
    for name in got_worse:
        print(f"worse than committed: {name}")
    print(f"class names used twice: {', '.join(shape.class_names_used_twice(ROOT))}")
    return 1 if got_worse else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
