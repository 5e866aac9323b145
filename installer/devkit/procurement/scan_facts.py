"""What scanners say of the sources: those that run here, and reports of a run elsewhere."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from devkit import venv
from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.shell import SetupError, output, say

SOURCES: Final = ("agent", "tray", "installer")
"""What is shipped, and what builds it; tests attack on purpose."""
_REASONED: Final = re.compile(r"# noqa: [A-Z0-9, ]*S\d+[A-Z0-9, ]*(?:  #| -) \S")
_LOCK: Final = Path("installer", "requirements", "installer.txt")


def ruff(inputs: PackInputs) -> FactSheet:
    """Return what ruff's security rules (``S``) find, with and without the reasoned exceptions.

    Raises:
        SetupError: it printed something else than its findings.

    """
    say("ruff, its security rules")
    words: list[str | Path] = [
        venv.SCRIPTS / "ruff",
        "check",
        "--select",
        "S",
        "--output-format",
        "json",
    ]
    words += ["--exit-zero", "--no-cache", *SOURCES]
    left = _ruff_rows(inputs, words)
    whole = _ruff_rows(inputs, [*words, "--ignore-noqa"])
    excused = [row for row in whole if row not in left]
    content = {"findings": left, "with_exceptions": whole}
    version = (output([venv.SCRIPTS / "ruff", "--version"]) or "").split()[-1]
    evidence = (inputs.kept.keep_json("scans/ruff.json", content, f"ruff {version}"),)
    table = [
        ClaimRow((code, str(number)), Status.SHOWN, evidence)
        for code, number in sorted(Counter(row["code"] for row in excused).items())
    ]
    values: dict[str, str | int] = {
        "version": version,
        "left": len(left),
        "excused": len(whole) - len(left),
        "bare": sum(
            not _has_reason(inputs.root, row["file"], [row["exception"]]) for row in excused
        ),
    }
    return FactSheet(values, evidence, {"excused": table})


def _ruff_rows(inputs: PackInputs, words: Sequence[str | Path]) -> list[dict[str, Any]]:
    try:
        found = json.loads(output(words) or "")
        return sorted(
            (
                {
                    "code": row["code"],
                    "file": Path(row["filename"]).relative_to(inputs.root).as_posix(),
                    "line": row["location"]["row"],
                    "exception": row["noqa_row"],
                    "message": row["message"],
                }
                for row in found
            ),
            key=lambda row: (row["file"], row["line"], row["code"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"ruff printed something else than findings: {error!r}") from error


def bandit(inputs: PackInputs) -> FactSheet:
    """Return what bandit finds, by its severity and test.

    Raises:
        SetupError: it printed something else than its report.

    """
    say("bandit")
    program = venv.SCRIPTS / "bandit"
    words: list[str | Path] = [
        program,
        "--quiet",
        "--exit-zero",
        "--format",
        "json",
        "--recursive",
        *SOURCES,
    ]
    try:
        report = json.loads(output(words) or "")
        report.pop("generated_at")
        rows = report["results"]
        severities = Counter(row["issue_severity"] for row in rows)
        tests = Counter((row["test_id"], row["test_name"], row["issue_severity"]) for row in rows)
        lines = int(report["metrics"]["_totals"]["loc"])
        unread = len(report["errors"])
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"bandit printed something else than a report: {error!r}") from error
    version = ((output([program, "--version"]) or "").split() or ["", "?"])[1]
    evidence = (inputs.kept.keep_json("scans/bandit.json", report, f"bandit {version}"),)
    reviewed = sum(_has_reason(inputs.root, row["filename"], row["line_range"]) for row in rows)
    values: dict[str, str | int] = {
        "version": version,
        "lines": lines,
        "all": len(rows),
        "unread": unread,
        "reviewed": reviewed,
        **{each.lower(): severities[each] for each in ("HIGH", "MEDIUM", "LOW")},
    }
    order = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}
    table = [
        ClaimRow(
            (test, name, inputs.words["severity"][severity], str(number)), Status.SHOWN, evidence
        )
        for (test, name, severity), number in sorted(
            tests.items(), key=lambda each: (order.get(each[0][2], 3), each[0])
        )
    ]
    return FactSheet(values, evidence, {"tests": table})


def _has_reason(root: Path, file: str, numbers: Sequence[int]) -> bool:
    """Return whether lines of a file have an exception from a security rule, with its reason."""
    lines = (root / file).read_text("utf-8").splitlines()
    beside = lines[min(numbers) - 1 : max(numbers)]
    return any(_REASONED.search(line) for line in beside)


def code_scanning(inputs: PackInputs) -> FactSheet:
    """Return what a report in the form SARIF says, if one of this very commit was given."""
    for path, report in _reports(inputs):
        runs = report.get("runs")
        if not isinstance(runs, list):
            continue
        commits = {each for run in runs for each in _commits(run)}
        if commits != {inputs.state.commit} or inputs.state.changes:
            return FactSheet(absent="other_commit")
        levels = Counter(level for run in runs for level in _levels(run))
        tools = {str(run["tool"]["driver"]["name"]) for run in runs}
        evidence = (inputs.kept.keep_json("scans/code-scanning.sarif", report, path.name),)
        values: dict[str, str | int] = {
            "tools": ", ".join(sorted(tools)),
            "all": sum(levels.values()),
            **{each: levels[each] for each in ("error", "warning", "note")},
        }
        return FactSheet(values, evidence)
    return FactSheet(absent="no_report")


def _commits(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield the commits that a run says it is of; "None" where it names none."""
    places: Sequence[Mapping[str, Any]] = run.get("versionControlProvenance") or ({},)
    yield from (str(place.get("revisionId")) for place in places)


def _levels(run: Mapping[str, Any]) -> Iterator[str]:
    """Yield how grave each result is; one that does not say it is what its rule is (§3.27.10)."""
    tool = run["tool"]
    rules = {
        str(rule["id"]): str(rule.get("defaultConfiguration", {}).get("level", "warning"))
        for part in (tool["driver"], *tool.get("extensions", ()))
        for rule in part.get("rules", ())
    }
    for row in run.get("results", ()):
        rule = row.get("ruleId") or row.get("rule", {}).get("id")
        yield str(row.get("level") or rules.get(str(rule), "warning"))


def audit(inputs: PackInputs) -> FactSheet:
    """Return what pip-audit says, if a report over the very packages of the lock was given."""
    for path, report in _reports(inputs):
        if not isinstance(report.get("dependencies"), list):
            continue
        judged = {
            (str(row["name"]).lower(), str(row.get("version", "")))
            for row in report["dependencies"]
        }
        if not judged >= set(locked((inputs.root / _LOCK).read_text("utf-8")).items()):
            return FactSheet(absent="other_packages")
        known = sum(len(row.get("vulns", ())) for row in report["dependencies"])
        evidence = (inputs.kept.keep_json("scans/pip-audit.json", report, path.name),)
        return FactSheet({"packages": len(judged), "known": known}, evidence)
    return FactSheet(absent="no_report")


def locked(lock: str) -> dict[str, str]:
    """Return the version of each package that a lock file names for every system."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+) \\$", lock, re.MULTILINE))


def _reports(inputs: PackInputs) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in inputs.reports:
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SetupError(f"{path}: no report that can be read: {error}") from error
        if isinstance(found, dict):
            yield path, found
