"""Build the installers that can be built here, and tell what each of them is.

One module builds for one system; each has ``build(out)``, which writes finished artefacts into a
folder and says what was proven of them here.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from devkit.shell import ROOT, SetupError, say

OUT = ROOT / "dist" / "installers"
SUMS = "SHA256SUMS"
TABLE = "artefacts.json"
SYSTEMS = ("linux", "windows", "macos")


@dataclass(frozen=True)
class Artefact:
    """One file of the table.

    Attributes:
        name: of the file, in the folder of the artefacts.
        system: one of :data:`SYSTEMS`.
        proven: what is shown of it on the machine that built it.
        elsewhere: what only a real machine can show.

    """

    name: str
    system: str
    proven: str
    elsewhere: str


class Builder(Protocol):
    """What the module of a system has."""

    def build(self, out: Path) -> Sequence[Artefact]:
        """Write the artefacts into ``out``.

        Raises:
            SetupError: something is missing or failed; the text says what and how to mend it.

        """


def build(systems: Sequence[str]) -> int:
    """Build for ``systems``, write sums and table, and print them; return the exit status.

    Raises:
        SetupError: nothing at all could be built.

    """
    OUT.mkdir(parents=True, exist_ok=True)
    made: list[Artefact] = []
    failed = []
    for system in systems:
        say(f"building for {system}")
        try:
            made.extend(_builder(system).build(OUT))
        except SetupError as error:
            failed.append(system)
            print(f"  {error}", flush=True)
    if not made:
        raise SetupError("no installer could be built (see above)")
    _publish(made)
    return 1 if failed else 0


def _builder(system: str) -> Builder:
    module: Builder = import_module(f"devkit.build_{system}")
    return module


def _publish(made: Sequence[Artefact]) -> None:
    """Write what a visitor needs to check a download, and print the table."""
    rows = []
    for artefact in made:
        with (OUT / artefact.name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        rows.append({**asdict(artefact), "size": size, "sha256": digest})
    (OUT / TABLE).write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", "utf-8")
    sums = "".join(f"{row['sha256']}  {row['name']}\n" for row in rows)
    (OUT / SUMS).write_text(sums, "utf-8")
    for row in rows:
        print(f"{row['name']}  {row['size'] / 1e6:.1f} MB  {row['sha256']}", flush=True)
        print(f"  proven here: {row['proven']}", flush=True)
        print(f"  only on a real machine: {row['elsewhere']}", flush=True)
