"""What changed since a tag: components, advisories, runs with hostile input."""

import re
from typing import Final

from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.procurement.repo_facts import LEDGER, ledger_runs
from devkit.procurement.scan_facts import locked
from devkit.shell import SetupError, output

LOCK: Final = "installer/requirements/installer.txt"
CHANGELOG: Final = "CHANGELOG.md"
_ADVISORY: Final = re.compile(r"\b(?:GHSA(?:-[0-9a-z]{4}){3}|CVE-\d{4}-\d{4,})\b")


def finding(inputs: PackInputs) -> FactSheet:
    """Return what changed since the tag that was named.

    Raises:
        SetupError: it is no tag of this checkout.

    """
    if not inputs.since:
        return FactSheet(absent="no_since")
    commit = commit_of(inputs)
    was, now = _at(inputs, commit, LOCK), (inputs.root / LOCK).read_text("utf-8")
    evidence = (
        inputs.kept.keep(f"since/{LOCK}", was.encode(), f"{inputs.since}:{LOCK}"),
        inputs.kept.keep_source(LOCK),
    )
    kinds = inputs.words["differences"]
    rows = [
        ClaimRow((name, before or "–", after or "–", kinds[kind]), Status.SHOWN, evidence)
        for name, before, after, kind in differences(locked(was), locked(now))
    ]
    changed = (
        inputs.kept.keep(
            f"since/{CHANGELOG}",
            _at(inputs, commit, CHANGELOG).encode(),
            f"{inputs.since}:{CHANGELOG}",
        ),
        inputs.kept.keep_source(CHANGELOG),
    )
    told = set(_ADVISORY.findall((inputs.root / CHANGELOG).read_text("utf-8")))
    told -= set(_ADVISORY.findall(_at(inputs, commit, CHANGELOG)))
    advisories = [ClaimRow((each,), Status.SHOWN, changed) for each in sorted(told)]
    values: dict[str, str | int] = {
        "since": inputs.since,
        "commit": commit,
        "changed": len(rows),
        "advisories": len(advisories),
        **_ledger(inputs, commit),
    }
    return FactSheet(values, (*evidence, *changed), {"components": rows, "advisories": advisories})


def commit_of(inputs: PackInputs) -> str:
    """Return the commit of the tag.

    Raises:
        SetupError: it is no tag of this checkout.

    """
    name = f"refs/tags/{inputs.since}"
    found = output(
        ["git", "-C", inputs.root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    )
    is_name = re.fullmatch(r"[\w./+-]+", inputs.since)
    if not is_name or found is None or not re.fullmatch(r"[0-9a-f]{40,64}\n", found):
        tags = (output(["git", "-C", inputs.root, "tag", "--list"]) or "").split()
        known = ", ".join(tags[-5:]) or "none"
        raise SetupError(f"SINCE={inputs.since} is no tag of this checkout; there are: {known}")
    return found.strip()


def differences(was: dict[str, str], now: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """Return name, version before and after ("" for none), and kind of each difference."""
    found = []
    for name in sorted(was.keys() | now.keys()):
        before, after = was.get(name, ""), now.get(name, "")
        if before != after:
            kind = "changed" if before and after else "added" if after else "removed"
            found.append((name, before, after, kind))
    return found


def _at(inputs: PackInputs, commit: str, path: str) -> str:
    """Return a file as it was; nothing where it was not there yet."""
    return output(["git", "-C", inputs.root, "show", f"{commit}:{path}"]) or ""


def _ledger(inputs: PackInputs, commit: str) -> dict[str, str]:
    """Return how many executions the ledger grew by."""
    path = inputs.root / LEDGER
    now = (
        sum(run["executions"] for run in ledger_runs(path.read_text("utf-8")))
        if path.is_file()
        else 0
    )
    before = _at(inputs, commit, LEDGER)
    was = sum(run["executions"] for run in ledger_runs(before)) if before else 0
    return {"executions": f"{now - was:,}", "executions_now": f"{now:,}"}
