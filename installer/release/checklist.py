"""Write the list that a person goes through before a draft is published.

::

    python installer/release/checklist.py                       # .github/ISSUE_TEMPLATE/release.md
    python installer/release/checklist.py notes TABLE OUT       # a release's notes

What no machine of ours can show stands in the builders' ``elsewhere`` texts, which a build writes
into artefacts.json: each of their clauses becomes a box. The notes of a release list the same as
open, and the person who publishes takes out what was ticked.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "installer")]

from devkit.agreement import version_of  # noqa: E402  # found by what stands above
from linux.build import installer as linux  # noqa: E402
from macos.build import installer as macos  # noqa: E402
from windows.build import installer as windows  # noqa: E402

TEMPLATE: Final = ROOT / ".github" / "ISSUE_TEMPLATE" / "release.md"
TITLES: Final = {"windows": "Windows", "linux": "Linux", "macos": "macOS"}
_MACOS: Final = {"system": "macos", "elsewhere": macos.ELSEWHERE}
_FLOOR: Final = re.compile(r"glibc [\d.]+ or newer")
"""What a program needs, which the table says besides."""
HEAD: Final = """\
---
name: Release
about: What a person looks at before a draft is published
title: "Release "
labels: [release]
---

<!-- installer/release/checklist.py makes this list from what the installers say of themselves -->

Only what was seen on a real machine, with these very files, is ticked. What stays open is listed
in the release's notes.

## Before the tag

- [ ] `make proof` and `make reproduce` pass on the commit
- [ ] CHANGELOG.md has the version with its date; `installer/release/support.toml` has its row
- [ ] the last run of `systems` on this commit is green, or what failed is written below

## The draft

- [ ] every job of `release` is green
- [ ] `sha256sum --check SHA256SUMS` on a machine that is not GitHub's
- [ ] `gh attestation verify FILE` says this repository and this tag
- [ ] `SHA256SUMS.sig` is there and good, or the notes say that the sums are not signed
- [ ] Windows files are signed, or the notes say that they are not; macOS likewise
"""
TAIL: Final = """\
## Afterwards

- [ ] the manifest of updates names the version (`installer/release/manifest.py sign`)
- [ ] the repository for apt and dnf has the version, beside what it had (`installer/README.md`)
- [ ] boxes that stayed open are in the notes of the release
"""


def boxes(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return what is open for each system, each clause once.

    Args:
        rows: of artefacts.json; ``system`` and ``elsewhere`` of each are read.

    """
    found: dict[str, list[str]] = {}
    for row in rows:
        # A second sentence is advice, and nothing that could be ticked.
        for clause in re.split(r"; |, ", row["elsewhere"].split(". ")[0]):
            open_ones = found.setdefault(row["system"], [])
            if clause not in open_ones and not _FLOOR.fullmatch(clause):
                open_ones.append(clause)
    return found


def template() -> str:
    """Return the list for an issue."""
    rows = [
        {"system": "windows", "elsewhere": windows.ELSEWHERE},
        {"system": "windows", "elsewhere": windows.MSI_ELSEWHERE},
        {"system": "linux", "elsewhere": linux.ELSEWHERE},
        _MACOS,
    ]
    return "\n".join([HEAD, *_sections(rows, "- [ ] "), TAIL])


def notes(rows: Sequence[Mapping[str, Any]], *, signed: bool) -> str:
    """Return the notes of a release.

    Args:
        rows: of its artefacts.json.
        signed: whether there are sums of files from before they were signed.

    """
    told = "Windows files are signed." if signed else "No file is signed: systems will warn."
    lines = [
        f"Ankong {version_of(ROOT)}. What changed stands in CHANGELOG.md.\n",
        f"{told} What came down whole: `sha256sum --check SHA256SUMS`.",
        "Where it comes from: `gh attestation verify FILE`.\n",
        "Not tried with these files on a real machine:\n",
    ]
    # The package for macOS is made on Macs, which write no table.
    macs = [] if any(row["system"] == "macos" for row in rows) else [_MACOS]
    return "\n".join([*lines, *_sections([*rows, *macs], "- ")])


def _sections(rows: Iterable[Mapping[str, Any]], mark: str) -> list[str]:
    found = boxes(rows)
    return [
        f"## {title}\n\n" + "".join(f"{mark}{clause}\n" for clause in found[system])
        for system, title in TITLES.items()
        if system in found
    ]


def main(arguments: Sequence[str]) -> int:
    """Write the template, or the notes of a release; return the exit status."""
    if not arguments:
        TEMPLATE.write_text(template(), "utf-8")
        return 0
    if len(arguments) != 3 or arguments[0] != "notes":
        print("checklist: give nothing, or: notes TABLE OUT", file=sys.stderr)
        return 2
    table, out = map(Path, arguments[1:])
    rows = json.loads(table.read_text("utf-8"))
    before = {line.split()[0] for line in _lines(table.with_name("UNSIGNED-SHA256SUMS"))}
    signed = any(row["sha256"] not in before for row in rows if row["system"] == "windows")
    out.write_text(notes(rows, signed=signed), "utf-8")
    return 0


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
