"""Write the pack: ``make procurement`` makes ``dist/procurement`` anew.

It writes documents of prose and findings, the files that show what they claim, and one list of all
of it; then it is judged as whoever gets it would. The same sources, results and date give the same
bytes.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from frozen import freeze

from devkit.agreement import version_of
from devkit.installers import OUT as INSTALLERS
from devkit.installers import SUMS
from devkit.procurement import (
    access_facts,
    bill_facts,
    pack_judge,
    package_facts,
    prose,
    quarter_facts,
    repo_facts,
    run_facts,
    scan_facts,
    signing_trial,
)
from devkit.procurement.claim_rows import FactSheet, PackDocument, Status
from devkit.procurement.inputs import PackInputs
from devkit.procurement.kept_files import KeptFiles
from devkit.procurement.sheet import Sheets
from devkit.proofs import sha256_of
from devkit.results import source_state
from devkit.shell import ROOT, SetupError, say

OUT: Final = ROOT / "dist" / "procurement"
SCHEMA: Final = "procurement.schema.json"
Finder = Callable[[PackInputs], FactSheet]
FINDERS: Final[Mapping[str, Finder]] = {
    "bill": bill_facts.finding,
    "tests": run_facts.tests,
    "attacks": run_facts.rules,
    "fuzz_tests": run_facts.picked(("fuzz/",)),
    "artefacts": run_facts.artefacts,
    "axe": run_facts.picked(access_facts.JUDGED_BY_AXE),
    "keyboard": run_facts.picked(access_facts.BY_KEYBOARD),
    "contrast": run_facts.picked(access_facts.CONTRAST),
    "criteria": access_facts.finding,
    "ruff": scan_facts.ruff,
    "bandit": scan_facts.bandit,
    "code_scanning": scan_facts.code_scanning,
    "audit": scan_facts.audit,
    "msi": package_facts.msi,
    "setup": package_facts.setup,
    "deb": package_facts.deb,
    "ports": repo_facts.ports,
    "promises": repo_facts.promises,
    "events": repo_facts.events,
    "inventory": repo_facts.inventory,
    "support": repo_facts.support,
    "contact": repo_facts.contact,
    "fuzzing": repo_facts.fuzzing,
    "quarter": quarter_facts.finding,
    "signing": signing_trial.finding,
}
"""What finds out what the prose asks for."""


def build(since: str, reports: Sequence[Path]) -> int:
    """Write the pack about this checkout, judge it, and say what it lacks; return the status.

    Args:
        since: a tag; "" for none.
        reports: files of a run elsewhere.

    Raises:
        SetupError: something is unfit; the text says what.

    """
    state = source_state()
    inputs = PackInputs(
        root=ROOT,
        installers=INSTALLERS,
        version=version_of(ROOT),
        state=state,
        kept=KeptFiles(OUT, ROOT),
        words=prose.words(),
        since=since,
        reports=reports,
    )
    if since:
        quarter_facts.commit_of(inputs)  # said before anything long begins
    check_sums(INSTALLERS)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    documents = write(OUT, inputs, FINDERS)
    found = pack_judge.faults(OUT, prose.names())
    for line in found:
        print(f"  {line}", flush=True)
    _tell(inputs, documents)
    say("the pack is not fit to be given out (see above)" if found else f"{OUT.relative_to(ROOT)}")
    return 1 if found else 0


def check_sums(folder: Path) -> None:
    """Check the installers against the sums that were written when they were built.

    Raises:
        SetupError: one has changed since.

    """
    sums = folder / SUMS
    for line in sums.read_text("utf-8").splitlines() if sums.is_file() else ():
        sha256, _, name = line.partition("  ")
        if (folder / name).is_file() and sha256_of(folder / name) != sha256:
            raise SetupError(f"{name} is not what {SUMS} says: make installers")


def write(
    out: Path, inputs: PackInputs, finders: Mapping[str, Finder], folder: Path = prose.FOLDER
) -> list[PackDocument]:
    """Write the files of a pack into an empty folder; return its documents.

    Args:
        out: the folder.
        inputs: what it is made from.
        finders: what the prose may ask for.
        folder: of the prose.

    Raises:
        SetupError: a finding or the prose is unfit.

    """
    findings = {name: finder(inputs) for name, finder in finders.items()}
    writer = prose.ProseWriter(folder, findings, inputs.kept)
    documents = [writer.document(name) for name in prose.names(folder)]
    sheets = Sheets(inputs.words, build_facts(inputs), inputs.kept.files)
    counts = [_counts(document) for document in documents]
    for document in documents:
        (out / f"{document.name}.html").write_text(sheets.page(document), "utf-8")
        _write_json(out / f"{document.name}.json", {**_about(inputs), **document.as_json()})
    (out / "index.html").write_text(sheets.index(documents, counts), "utf-8")
    schema = Path(__file__).with_name(SCHEMA)
    shutil.copyfile(schema, out / SCHEMA)
    _write_json(out / pack_judge.INDEX, _index(inputs, documents, counts))
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    sums = (f"{sha256_of(path)}  {path.relative_to(out).as_posix()}\n" for path in paths)
    (out / pack_judge.SUMS).write_text("".join(sums), "utf-8")
    return documents


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _about(inputs: PackInputs) -> dict[str, Any]:
    """Return what every JSON file says of the build."""
    return {
        "schema": 1,
        "product": "ankong",
        "version": inputs.version,
        "commit": inputs.state.commit or None,
        "changes": inputs.state.changes or None,
        "date": _date(),
    }


def _date() -> str:
    """Return when the sources were last changed, or the date that was ordered."""
    return f"{datetime.fromtimestamp(int(freeze.source_date()), UTC):%Y-%m-%d}"


def build_facts(inputs: PackInputs) -> dict[str, str]:
    """Return what stands at the head of each page."""
    words = inputs.words["state"]
    if not inputs.state.commit:
        how = words["unknown"]
    elif inputs.state.changes:
        how = words["dirty"].format(sum=inputs.state.changes[:16])
    else:
        how = words["clean"]
    installers = [
        path.name
        for ending in (".deb", ".rpm", ".run", ".exe", ".msi", ".pkg")
        for path in inputs.built(ending)
    ]
    return {
        "version": inputs.version,
        "commit": inputs.state.commit or words["unknown"],
        "state": how,
        "date": _date(),
        "installers": inputs.words["comma"].join(installers) or words["no_installers"],
        "dirty": inputs.state.changes,
        "no_installers": "" if installers else "yes",
        "other_commit": inputs.words["comma"].join(_strangers(inputs)),
    }


def _strangers(inputs: PackInputs) -> list[str]:
    """Return the installers that say they were built from something else than this commit."""
    found = [path for ending in (".deb", ".msi") for path in inputs.built(ending)]
    return [path.name for path in found if package_facts.commit_in(path) != inputs.state.commit]


def _counts(document: PackDocument) -> dict[str, int]:
    count = Counter(row.status for section in document.sections for row in section.rows)
    return {str(status): count[status] for status in Status}


def _index(
    inputs: PackInputs, documents: Sequence[PackDocument], counts: Sequence[Mapping[str, int]]
) -> dict[str, Any]:
    return {
        **_about(inputs),
        "documents": [
            {
                "name": document.name,
                "title": document.title,
                "files": [f"{document.name}.html", f"{document.name}.json"],
                "rows": dict(count),
            }
            for document, count in zip(documents, counts, strict=True)
        ],
        "evidence": [
            {"name": each.name, "sha256": each.sha256, "size": each.size, "origin": each.origin}
            for each in inputs.kept.files.values()
        ],
    }


def _tell(inputs: PackInputs, documents: Sequence[PackDocument]) -> None:
    """Print what the pack says and lacks, and which chore would help."""
    for document in documents:
        count = _counts(document)
        told = ", ".join(
            f"{number} {name.replace('_', ' ')}" for name, number in count.items() if number
        )
        print(f"  {document.name}: {told}", flush=True)
    lacks = {
        "make installers": not any(inputs.built(each) for each in (".deb", ".msi", ".exe")),
        "make test": not (inputs.root / "build" / "results.json").is_file(),
    }
    for chore, is_lacking in lacks.items():
        if is_lacking:
            say(f"{chore} was not run here: what it would show is left out, and the pages say so")
    if inputs.state.changes:
        say("the sources differ from what was committed: the pages say so on top")
