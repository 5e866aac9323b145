"""What the sources themselves say: promises, events, inventory, ports, support, fuzzing."""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.shell import SetupError

README: Final = "README.md"
EVENTS: Final = "installer/EVENTS.md"
INVENTORY: Final = "agent/host/inventory.schema.json"
SETTINGS: Final = "agent/host/settings/config.py"
SUPPORT: Final = "installer/release/support.toml"
LEDGER: Final = "installer/release/fuzz-ledger.json"
SECURITY_TXT: Final = "security.txt"
_PORTS: Final = ("NATIVE_PORTS", "HIPKI_PORT", "MCA_PORT", "JRSYS_PORTS", "JRSYS_TLS_PORTS")
_PROMISE: Final = re.compile(r"^(\d)\. \*\*(.+?)\*\*((?:.|\n(?!\n|\d\. |\*\*))*)", re.MULTILINE)


def promises(inputs: PackInputs) -> FactSheet:
    """Return what the README promises to citizens, word for word.

    Raises:
        SetupError: it promises nothing.

    """
    text = (inputs.root / README).read_text("utf-8")
    part = text.partition(inputs.words["promises"])[2].partition("\n**")[0]
    evidence = (inputs.kept.keep_source(README),)
    rows = [
        ClaimRow((f"{number}. {title}", _plain(rest)), Status.SHOWN, evidence)
        for number, title, rest in _PROMISE.findall(part)
    ]
    if not rows:
        raise SetupError(f"{README} has no promises under {inputs.words['promises']}")
    return FactSheet({"promises": len(rows)}, evidence, {"promises": rows})


def _plain(text: str) -> str:
    """Return Markdown as plain text; lines in Chinese are joined without a space."""
    joined = re.sub(r"(?<=[^\x00-\x7f])\s*\n\s*(?=[^\x00-\x7f])", "", text.strip())
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(joined.split()))


def events(inputs: PackInputs) -> FactSheet:
    """Return the events that an administrator may have written into the system's log.

    One that has no words in Chinese yet is told as its own table does.
    """
    text = (inputs.root / EVENTS).read_text("utf-8")
    evidence = (inputs.kept.keep_source(EVENTS),)
    words = inputs.words["events"]
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) >= 6 and cells[0].isdigit():
            name = cells[1].strip("`")
            fields = ", ".join(re.findall(r"`([a-z0-9_]+)`", cells[4].partition(".")[0])) or "–"
            rows.append(
                ClaimRow(
                    (cells[0], name, words.get(name, cells[3]), fields), Status.SHOWN, evidence
                )
            )
    return FactSheet({"events": len(rows)}, evidence, {"events": rows})


def inventory(inputs: PackInputs) -> FactSheet:
    """Return the fields of ``ankong inventory --json``; one without words has its name alone."""
    schema = json.loads((inputs.root / INVENTORY).read_text("utf-8"))
    evidence = (inputs.kept.keep_source(INVENTORY),)
    words = inputs.words["inventory"]
    kinds = schema["$defs"]
    rows = []
    for name, field in kinds["Inventory"]["properties"].items():
        part = str(field.get("$ref", "")).rpartition("/")[2]
        inner = ", ".join(kinds[part]["properties"]) if part in kinds else "–"
        rows.append(ClaimRow((name, words.get(name, "–"), inner), Status.SHOWN, evidence))
    return FactSheet({"fields": len(rows)}, evidence, {"fields": rows})


def ports(inputs: PackInputs) -> FactSheet:
    """Return the ports that the agent listens on unless its settings say otherwise.

    Raises:
        SetupError: the settings have other ports than are told here.

    """
    tree = ast.parse((inputs.root / SETTINGS).read_text("utf-8"))
    evidence = (inputs.kept.keep_source(SETTINGS),)
    rows = []
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            targets, value = [node.target.id], node.value
        elif isinstance(node, ast.Assign):
            targets = [each.id for each in node.targets if isinstance(each, ast.Name)]
            value = node.value
        else:
            continue
        for name in set(targets) & set(_PORTS):
            found = ast.literal_eval(value) if value else ()
            numbers = found if isinstance(found, tuple) else (found,)
            text = ", ".join(map(str, numbers))
            rows.append(ClaimRow((text, inputs.words["ports"][name]), Status.SHOWN, evidence))
    if len(rows) != len(_PORTS):
        raise SetupError(f"{SETTINGS} has other ports than {', '.join(_PORTS)}")
    return FactSheet({"kinds": len(rows)}, evidence, {"ports": rows})


def support(inputs: PackInputs) -> FactSheet:
    """Return which versions get which fixes until when, and on which systems."""
    said = tomllib.loads((inputs.root / SUPPORT).read_text("utf-8"))
    evidence = (inputs.kept.keep_source(SUPPORT),)
    words = said["text"]["zh"]
    minors = [
        ClaimRow(
            (
                row["version"],
                row["released"] or words["unreleased"],
                row["security_until"] or words["open_end"],
            ),
            Status.SHOWN,
            evidence,
        )
        for row in said["minor"]
    ]
    systems = [ClaimRow((row["zh"],), Status.SHOWN, evidence) for row in said["system"]]
    rule = re.sub(r"^\*\*.*?\*\*\s*", "", _plain(words["rules"]))  # without its heading
    values = {"rule": rule, "floor": said["floor"]}
    return FactSheet(values, evidence, {"minors": minors, "systems": systems})


def contact(inputs: PackInputs) -> FactSheet:
    """Return whether the portal serves a ``security.txt`` (RFC 9116), by the sources."""
    found = [
        path
        for path in sorted((inputs.root / "agent" / "portal").rglob("*.py"))
        if f"/.well-known/{SECURITY_TXT}" in path.read_text("utf-8")
    ]
    if not found:
        return FactSheet(absent="no_security_txt")
    kept = tuple(
        inputs.kept.keep_source(path.relative_to(inputs.root).as_posix()) for path in found
    )
    return FactSheet({"place": f"/.well-known/{SECURITY_TXT}"}, kept)


def fuzzing(inputs: PackInputs) -> FactSheet:
    """Return what the ledger says of all runs with hostile input.

    Raises:
        SetupError: the ledger cannot be read.

    """
    path = inputs.root / LEDGER
    if not path.is_file():
        return FactSheet(absent="no_ledger")
    runs = list(ledger_runs(path.read_text("utf-8")))
    if not runs:
        return FactSheet(absent="no_ledger")
    evidence = (inputs.kept.keep_source(LEDGER),)
    by_target: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        by_target.setdefault(str(run["target"]), []).append(run)
    rows = []
    for target, own in sorted(by_target.items()):
        executions, seconds, crashes = (
            _sum(own, key) for key in ("executions", "seconds", "crashes")
        )
        engines = ", ".join(sorted({str(run.get("engine", "")) for run in own}))
        cells = (target, engines, f"{executions:,}", f"{seconds:,}", str(crashes))
        rows.append(ClaimRow(cells, Status.SHOWN, evidence))
    values: dict[str, str | int] = {
        "targets": len(by_target),
        "executions": f"{_sum(runs, 'executions'):,}",
        "hours": f"{_sum(runs, 'seconds') / 3600:.1f}",
        "crashes": _sum(runs, "crashes"),
        "commits": len({run.get("commit") for run in runs}),
    }
    return FactSheet(values, evidence, {"targets": rows})


def ledger_runs(text: str) -> Iterator[dict[str, Any]]:
    """Yield the runs of a ledger, whatever the list is called that they stand in.

    Raises:
        SetupError: it has none where some should stand.

    """
    try:
        found = json.loads(text)
        if isinstance(found, dict):
            found = next((each for each in found.values() if isinstance(each, list)), [])
        yield from (
            {**run, "executions": int(run["executions"]), "target": str(run["target"])}
            for run in found
        )
    except (ValueError, TypeError, KeyError) as error:
        raise SetupError(f"{LEDGER} cannot be read: {error!r}") from error


def _sum(runs: list[dict[str, Any]], key: str) -> int:
    return round(sum(float(run.get(key, 0)) for run in runs))
