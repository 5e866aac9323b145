"""A small checkout, with a pack of two documents about it."""

import json
import subprocess
from pathlib import Path
from typing import Any

from devkit.procurement import prose, whole_pack
from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.procurement.kept_files import KeptFiles
from devkit.procurement.whole_pack import Finder
from devkit.results import source_state

FIRST = """
title = "First"
purpose = "To be judged."
[[section]]
title = "Said"
[[section.claim]]
item = "Shown"
text = "The source says it."
file = "SOURCE.md"
shows = "two promises"
[[section.claim]]
item = "Counted"
text = "There are {all}, of which {failed} failed."
source = "counted"
zero = "failed"
[[section.claim]]
item = "Missing"
text = "There are {all}."
source = "missing"
[[section.claim]]
item = "Box"
text = "For a person."
blank = true
"""
SECOND = """
title = "Second"
purpose = "A table."
[[section]]
title = "Table"
table = "counted.rows"
columns = ["one", "two"]
"""


def git(root: Path, *words: str) -> None:
    """Run Git as somebody who was invented."""
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    command = ["git", "-C", str(root), *who, *words]
    subprocess.run(command, check=True, capture_output=True)


def small_checkout(root: Path) -> Path:
    """Make a checkout with one commit, and prose beside it; return the folder of the prose."""
    root.mkdir()
    (root / "SOURCE.md").write_text("It has two\npromises.\n", "utf-8")
    (root / ".gitignore").write_text("/build/\n", "utf-8")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "Begin")
    folder = root.parent / "prose"
    folder.mkdir()
    (folder / "first.toml").write_text(FIRST, "utf-8")
    (folder / "second.toml").write_text(SECOND, "utf-8")
    (folder / prose.WORDS).write_bytes((prose.FOLDER / prose.WORDS).read_bytes())
    return folder


def inputs_of(root: Path, out: Path, since: str = "") -> PackInputs:
    """Return what a pack of a checkout is made from."""
    out.mkdir(exist_ok=True)
    return PackInputs(
        root=root,
        installers=root / "installers",
        version="1.2.3",
        state=source_state(root),
        kept=KeptFiles(out, root),
        words=prose.words(),
        since=since,
    )


def counted(failed: int = 0, rows: tuple[tuple[str, str], ...] = (("a", "b"),)) -> Finder:
    """Return what finds three things, so many of which failed, and rows about them."""

    def find(inputs: PackInputs) -> FactSheet:
        kept = (inputs.kept.keep_json("counted.json", {"all": 3, "failed": failed}, "a test"),)
        made = [ClaimRow(row, Status.SHOWN, kept) for row in rows]
        return FactSheet({"all": 3, "failed": failed}, kept, {"rows": made})

    return find


def missing(_inputs: PackInputs) -> FactSheet:
    """Find nothing."""
    return FactSheet(absent="no_results")


def small_pack(root: Path, folder: Path, find: Finder | None = None) -> Path:
    """Write a pack into ``pack`` beside the checkout; return its folder."""
    out = root.parent / "pack"
    finders = {"counted": find or counted(), "missing": missing}
    whole_pack.write(out, inputs_of(root, out), finders, folder)
    return out


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a file."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found
