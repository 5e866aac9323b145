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


@dataclass(frozen=True)
class Remark:
    """A line of the table about a system of which no file can be made here.

    Attributes:
        system: one of :data:`SYSTEMS`.
        proven: what is shown here all the same.
        elsewhere: what only a real machine can do and show.

    """

    system: str
    proven: str
    elsewhere: str


class Builder(Protocol):
    """What the module of a system has."""

    def build(self, out: Path) -> Sequence[Artefact | Remark]:
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
    made: list[Artefact | Remark] = []
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
    artefacts = [each for each in made if isinstance(each, Artefact)]
    if artefacts:
        _publish(artefacts)
    for each in made:
        if isinstance(each, Remark):
            _print(f"{each.system}: no file is made here", each.proven, each.elsewhere)
    say("make test-installers proves it of these very files; with SHORT=1 not the long part")
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
    show_table()


def show_table() -> None:
    """Print what was built last: artefact, size, SHA-256, what is proven, and what is not."""
    try:
        rows = json.loads((OUT / TABLE).read_text("utf-8"))
    except FileNotFoundError:
        say("nothing was built yet: make installers")
        return
    for row in rows:
        title = f"{row['name']}  {row['size'] / 1e6:.1f} MB  {row['sha256']}"
        _print(title, row["proven"], row["elsewhere"])


def _print(title: str, proven: str, elsewhere: str) -> None:
    print(title, flush=True)
    print(f"  proven here: {proven}", flush=True)
    print(f"  only on a real machine: {elsewhere}", flush=True)
