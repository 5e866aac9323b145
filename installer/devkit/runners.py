"""What hosted machines are asked to show of an installer, by installer/release/runners.toml.

It is a plan beside the proofs of :mod:`devkit.proofs`, and no proof: what they showed, the runs of
the workflows say.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from devkit.shell import ROOT

PLAN: Final = ROOT / "installer" / "release" / "runners.toml"


def plan() -> dict[str, Any]:
    """Return what the table says: ``shows``, and ``machines`` with the kinds of files for each."""
    return tomllib.loads(PLAN.read_text("utf-8"))


def asked_of(name: str) -> list[str]:
    """Return the machines that are asked to try a file, by the ending of its name."""
    ending = Path(name).suffix
    return [machine for machine, endings in plan()["machines"].items() if ending in endings]
