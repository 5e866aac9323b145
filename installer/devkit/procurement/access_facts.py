"""Accessibility: which success criteria of WCAG 2.1 are judged by what, and how that ended."""

import json
import shutil
from typing import Any, Final

from devkit import results, venv
from devkit.node import SDK
from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.procurement.run_facts import picked
from devkit.shell import output

JUDGED_BY_AXE: Final = (
    "browser/test_axe.py",
    "browser/panel/test_panel_access.py",
    "browser/panel/test_question_access.py",
    "browser/hipki/test_pages_access.py",
)
BY_KEYBOARD: Final = (
    "browser/test_keyboard.py",
    "browser/panel/test_panel_keyboard.py",
    "browser/hipki/test_pages_keyboard.py",
)
CONTRAST: Final = ("browser/test_contrast.py", "browser/panel/test_contrast_panel.py")
_TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
_SCRIPT: Final = (
    "const axe = require(process.argv[1]);"
    f"const rules = axe.getRules({json.dumps(_TAGS)}).filter((each) => each.enabled !== false);"
    "console.log(JSON.stringify({version: axe.version,"
    "rules: rules.map(({ruleId, tags}) => ({ruleId, tags}))}));"
)


def finding(inputs: PackInputs) -> FactSheet:
    """Return each success criterion with what judges it here."""
    rules = _axe_rules()
    if rules is None:
        return FactSheet(absent="no_axe")
    tests = picked(JUDGED_BY_AXE)(inputs)
    keyboard = picked(BY_KEYBOARD)(inputs)
    kept = inputs.kept.keep_json(
        "accessibility/axe-rules.json", rules, f"axe-core {rules['version']}"
    )
    rows = []
    for criterion in inputs.words["criteria"]:
        number = criterion["number"]
        tag = "wcag" + number.replace(".", "")
        own = sorted(rule["ruleId"] for rule in rules["rules"] if tag in rule["tags"])
        by = ", ".join(own)
        ran = tests if own else keyboard if criterion.get("keyboard") else None
        if not own and criterion.get("keyboard"):
            by = inputs.words["by_keyboard"]
        cells = (
            f"{number} {criterion['title']}",
            criterion["level"],
            by or inputs.words["by_hand"],
        )
        if ran is None:
            rows.append(ClaimRow(cells, Status.BLANK))
        elif ran.absent or (ran.values["partial"] and not ran.values[results.FAILED]):
            rows.append(ClaimRow(cells, Status.NOT_RUN))
        else:
            how = Status.FAILED if ran.values[results.FAILED] else Status.PASSED
            rows.append(ClaimRow(cells, how, (*ran.evidence, kept)))
    values: dict[str, str | int] = {
        "version": str(rules["version"]),
        "rules": len(rules["rules"]),
        "criteria": len(rows),
        "by_hand": sum(row.status == Status.BLANK for row in rows),
    }
    return FactSheet(values, (kept,), {"criteria": rows})


def _axe_rules() -> dict[str, Any] | None:
    """Return axe-core's version, and its rules with their tags; None where it is not here."""
    node = shutil.which("node", path=venv.environment()["PATH"])
    place = SDK / "node_modules" / "axe-core"
    printed = output([node, "-e", _SCRIPT, place]) if node and place.is_dir() else None
    found: dict[str, Any] | None = json.loads(printed) if printed else None
    return found
