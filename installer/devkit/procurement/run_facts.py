"""What the tests said of these very sources, and the proofs of what was built of them."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from devkit import proofs, results
from devkit.installers import TABLE
from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs

RULES: Final = "tests/README.md"
_HEADING: Final = "## Which test holds which rule"
_ENDS: Final = (results.PASSED, results.FAILED, results.SKIPPED)
_NAMED: Final = re.compile(r"`([^`]+\.(?:py|mjs))::([^`]+)`")


def tests(inputs: PackInputs) -> FactSheet:
    """Return how the tests ended, altogether and by folder."""
    run = results.results_of(inputs.state, inputs.root)
    if run is None:
        return FactSheet(absent="no_results")
    evidence = (_kept(inputs, run),)
    last = Counter(how[-1] for how in run.tests.values())
    values: dict[str, str | int] = {
        "all": len(run.tests),
        "scope": inputs.words["scope"]["whole" if run.is_whole else "partial"],
        "partial": int(not run.is_whole),
        **{name: last[name] for name in _ENDS},
        "again": sum(
            results.FAILED in how[:-1] and how[-1] == results.PASSED for how in run.tests.values()
        ),
    }
    folders: dict[str, Counter[str]] = {}
    for name, how in run.tests.items():
        folders.setdefault(_folder(name), Counter())[how[-1]] += 1
    rows = [
        ClaimRow(
            (inputs.words["folders"].get(folder, folder), *(str(counts[each]) for each in _ENDS)),
            _status(counts, run.is_whole),
            evidence,
        )
        for folder, counts in sorted(folders.items())
    ]
    return FactSheet(values, evidence, {"folders": rows})


def _kept(inputs: PackInputs, run: results.KeptRun) -> str:
    content = {
        "commit": run.state.commit,
        "changes": run.state.changes,
        "whole": run.is_whole,
        "tests": {name: list(how) for name, how in run.tests.items()},
    }
    return inputs.kept.keep_json("results/tests.json", content, results.FILE.as_posix())


def _folder(name: str) -> str:
    parts = Path(name.partition("::")[0]).parts
    return parts[1] if len(parts) > 2 else ""


def _status(counts: Mapping[str, int], is_whole: bool) -> Status:
    if counts[results.FAILED]:
        return Status.FAILED
    if not counts[results.PASSED]:
        return Status.NOT_RUN
    return Status.PASSED if is_whole else Status.SHOWN


def picked(names: Sequence[str]) -> "PickedTests":
    """Return what finds out how the tests of some files ended; names are below ``tests``."""
    return PickedTests(names)


class PickedTests:
    """Finds out how the tests of some files ended.

    Attributes:
        names: of files or folders, below ``tests``.

    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def __call__(self, inputs: PackInputs) -> FactSheet:
        """Return the counts; absent where none of them ran on these sources.

        They are partial where one of the files had no test that ran, such as for want of a browser.
        """
        run = results.results_of(inputs.state, inputs.root)
        by_name = {name: self._last(run, name) for name in self.names}
        last = sum(by_name.values(), Counter[str]())
        if run is None or not _ran(last):
            return FactSheet(absent="no_results")
        is_whole = run.is_whole and all(map(_ran, by_name.values()))
        counts: dict[str, str | int] = {each: last[each] for each in _ENDS}
        return FactSheet({**counts, "partial": int(not is_whole)}, (_kept(inputs, run),))

    @staticmethod
    def _last(run: results.KeptRun | None, name: str) -> Counter[str]:
        tests = run.tests if run else {}
        return Counter(how[-1] for test, how in tests.items() if test.startswith(f"tests/{name}"))


def _ran(ends: Mapping[str, int]) -> bool:
    return any(ends[each] for each in (results.PASSED, results.FAILED))


def rules(inputs: PackInputs) -> FactSheet:
    """Return each rule about attacks with how its tests ended; those that did not run say so."""
    listed = list(rules_of(inputs.root))
    run = results.results_of(inputs.state, inputs.root)
    table = inputs.kept.keep_source(RULES)
    evidence = (table,) if run is None else (table, _kept(inputs, run))
    by_test: dict[str, list[str]] = {}
    for name, how in (run.tests if run else {}).items():
        by_test.setdefault(name.partition("[")[0], []).append(how[-1])
    translated = inputs.words["rules"]
    rows = []
    for number, (rule, named) in enumerate(listed, 1):
        outcomes = [by_test.get(f"tests/{file}::{test}", []) for file, test in named]
        status = _held(outcomes)
        cells = (str(number), translated.get(rule, rule), str(len(named)))
        rows.append(ClaimRow(cells, status, evidence if status != Status.NOT_RUN else ()))
    count = Counter(row.status for row in rows)
    values: dict[str, str | int] = {
        "rules": len(rows),
        "named": sum(len(named) for _, named in listed),
        "passed": count[Status.PASSED],
        "failed": count[Status.FAILED],
        "not_run": count[Status.NOT_RUN],
    }
    return FactSheet(values, evidence, {"rules": rows})


def _held(outcomes: Sequence[Sequence[str]]) -> Status:
    """Return how a rule stands: it holds where each of its tests has run, and passed."""
    if any(results.FAILED in each for each in outcomes):
        return Status.FAILED
    is_whole = all(each and {*each} == {results.PASSED} for each in outcomes)
    return Status.PASSED if outcomes and is_whole else Status.NOT_RUN


def rules_of(root: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each rule of the tests' README with the files and names of its tests."""
    _, _, section = (root / RULES).read_text("utf-8").partition(_HEADING)
    lines = [line.strip("| ").split(" | ", 1) for line in section.splitlines() if "|" in line]
    for rule, named in lines[2:]:
        yield rule, _NAMED.findall(named)


def artefacts(inputs: PackInputs) -> FactSheet:
    """Return what was built: size, sum, and how many of its claims were proven on that file."""
    table = inputs.installers / TABLE
    listed: list[dict[str, Any]] = []
    if table.is_file():
        listed = json.loads(table.read_text("utf-8"))
    there = [row for row in listed if (inputs.installers / row["name"]).is_file()]
    if not there:
        return FactSheet(absent="no_installers")
    rows, facts = [], []
    for row in there:
        path = inputs.installers / row["name"]
        sha256 = proofs.sha256_of(path)
        claims = [proofs.Claim(**claim) for claim in row["claims"]]
        told = [
            {
                "claim": each.text,
                "tests": list(each.tests),
                "proven_here": proofs.is_proven(each, sha256),
            }
            for each in claims
        ]
        facts.append(
            {
                "name": path.name,
                "sha256": sha256,
                "size": path.stat().st_size,
                "claims": told,
                "proven": sum(each["proven_here"] is True for each in told),
                "only_on_a_real_machine": row["elsewhere"],
            }
        )
    evidence = (inputs.kept.keep_json("results/installers.json", facts, TABLE),)
    for fact in facts:
        count = f"{fact['proven']} / {len(fact['claims'])}"
        is_proven = fact["claims"] and fact["proven"] == len(fact["claims"])
        status = Status.PASSED if is_proven else Status.NOT_RUN
        cells = (fact["name"], f"{fact['size'] / 1e6:.1f} MB", fact["sha256"], count)
        rows.append(ClaimRow(cells, status, evidence))
    values: dict[str, str | int] = {
        "files": len(facts),
        "proven": sum(fact["proven"] for fact in facts),
        "open": sum(len(fact["claims"]) - fact["proven"] for fact in facts),
        "names": ", ".join(fact["name"] for fact in facts),
    }
    return FactSheet(values, evidence, {"files": rows})
