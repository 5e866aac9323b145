"""Build the installers that can be built here, and print a table of them.

``build/installer.py`` beside the sources of each system builds for it: its ``build(out)`` writes
finished artefacts into a folder and names the proofs that ``make test-installers`` has for them.
"""

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from devkit.agreement import version_of
from devkit.proofs import Claim, is_proven, sha256_of
from devkit.runners import asked_of
from devkit.shell import ROOT, SetupError, say, told_as

OUT = ROOT / "dist" / "installers"
SUMS = "SHA256SUMS"
TABLE = "artefacts.json"
SYSTEMS = ("linux", "windows", "macos")


@dataclass(frozen=True)
class BuiltFile:
    """A file that was built.

    Attributes:
        name: of the file, in the folder of the artefacts.
        system: one of :data:`SYSTEMS`.
        claims: that tests can prove; see :mod:`devkit.proofs`.
        elsewhere: what only a real machine can prove.

    """

    name: str
    system: str
    claims: Sequence[Claim]
    elsewhere: str


@dataclass(frozen=True)
class Remark:
    """A line of the table about a system of which no file can be made here.

    Attributes:
        system: one of :data:`SYSTEMS`.
        proven: what is proven here all the same.
        elsewhere: what only a real machine can do and prove.

    """

    system: str
    proven: str
    elsewhere: str


class Builder(Protocol):
    """The interface of a system's ``build/installer.py``."""

    def build(self, out: Path) -> Sequence[BuiltFile | Remark]:
        """Write the artefacts into ``out``.

        Raises:
            SetupError: something is missing or failed; the text says what, and what to do.

        """


def build(systems: Sequence[str]) -> int:
    """Build for ``systems`` at once, write sums and table, and print them; return the exit status.

    Raises:
        SetupError: nothing at all could be built.

    """
    OUT.mkdir(parents=True, exist_ok=True)
    # What takes long in each has one thread: freezing, and packing with the tightest compression.
    wanted = list(dict.fromkeys(systems))
    with ThreadPoolExecutor(max_workers=len(wanted)) as threads:
        results = dict(zip(wanted, threads.map(_build, wanted), strict=True))
    made = [each for result in results.values() for each in result or ()]
    failed = [system for system, result in results.items() if result is None]
    if not made:
        raise SetupError("no installer could be built (see above)")
    artefacts = [each for each in made if isinstance(each, BuiltFile)]
    if artefacts:
        _publish(artefacts)
    for each in made:
        if isinstance(each, Remark):
            _print(f"{each.system}: no file is made here", [each.proven], [], each.elsewhere)
    say("make test-installers proves it of these very files; with SHORT=1 not the long part")
    return 1 if failed else 0


def _build(system: str) -> Sequence[BuiltFile | Remark] | None:
    """Build for one system; return what was made, None where it failed, which was printed."""
    say(f"building for {system}")
    told_as(system)
    try:
        return _builder(system).build(OUT)
    except SetupError as error:
        print(f"  {system}: {error}", flush=True)
        return None


def _builder(system: str) -> Builder:
    module: Builder = import_module(f"{system}.build.installer")
    return module


def _publish(made: Sequence[BuiltFile]) -> None:
    """Write SHA256SUMS and the table, and print the table.

    Both cover every file of this version in the folder, whenever it was built.
    """
    rows = {row["name"]: row for row in _rows()}
    rows.update((artefact.name, asdict(artefact)) for artefact in made)
    there = [path for path in _of_this_version() if path.name in rows]
    table = [{**rows[path.name], **_measured(path)} for path in there]
    (OUT / TABLE).write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", "utf-8")
    sums = "".join(f"{sha256_of(path)}  {path.name}\n" for path in _of_this_version())
    (OUT / SUMS).write_text(sums, "utf-8")
    show_table()


def _of_this_version() -> list[Path]:
    """List the files in the folder whose name has the agent's version."""
    version = re.compile(rf"(?<![\d.]){re.escape(version_of(ROOT))}(?!\.?\d)")
    return [path for path in sorted(OUT.iterdir()) if path.is_file() and version.search(path.name)]


def artefact_names() -> list[str]:
    """Return the names of the artefacts of this version in the folder."""
    return [path.name for path in _of_this_version()] if OUT.is_dir() else []


def artefact_hashes() -> list[str]:
    """Return the SHA-256 of each artefact of this version in the folder."""
    return [sha256_of(OUT / name) for name in artefact_names()]


def _measured(path: Path) -> dict[str, str | int]:
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}


def _rows() -> list[dict[str, Any]]:
    """Return the rows of the table; none without a table."""
    try:
        rows: list[dict[str, Any]] = json.loads((OUT / TABLE).read_text("utf-8"))
    except FileNotFoundError:
        return []
    return rows


def show_table() -> None:
    """Print what was built: file, size, SHA-256, what this machine proved, and what not."""
    rows = _rows()
    if not rows:
        say("nothing was built yet: make installers")
    for row in rows:
        title = f"{row['name']}  {row['size'] / 1e6:.1f} MB  {row['sha256']}"
        claims = [Claim(**claim) for claim in row["claims"]]
        proven = [claim.text for claim in claims if is_proven(claim, row["sha256"])]
        open_claims = [claim.text for claim in claims if claim.text not in proven]
        _print(title, proven, open_claims, row["elsewhere"], asked_of(row["name"]))


def _print(
    title: str,
    proven: Sequence[str],
    unproven: Sequence[str],
    elsewhere: str,
    machines: Sequence[str] = (),
) -> None:
    print(title, flush=True)
    if proven:
        print(f"  proven here: {'; '.join(proven)}", flush=True)
    if unproven:
        print(f"  not proven here: {'; '.join(unproven)}", flush=True)
    if machines:
        print(f"  asked of hosted machines, not proven here: {', '.join(machines)}", flush=True)
    print(f"  only on a real machine: {elsewhere}", flush=True)
