"""Write the table of what is proven, and what only others can show, into installer/README.md.

::

    python installer/release/proof_table.py                    # the table, of proven.json
    python installer/release/proof_table.py collect REPORT     # proven.json first

`make docs` does the first, `make proven` the second. A claim without a run of which every test has
passed is one that is not proven, as is a claim whose words or tests are others by now. Nobody
writes proven.json by hand. What was not tried this time keeps the last run that proved it, and
names its commit.
"""

import json
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "installer")]

from devkit import installers, proofs, proven, runners  # noqa: E402  # found by what stands above
from devkit.shell import output  # noqa: E402
from linux.build import installer as linux  # noqa: E402
from macos.build import installer as macos  # noqa: E402
from windows.build import installer as windows  # noqa: E402

RECORD: Final = Path(__file__).with_name("proven.json")
PAGE: Final = ROOT / "installer" / "README.md"
BEGIN: Final = "<!-- Made of what ran by `make proven`, and of proofs.toml by `make docs`. -->\n"
END: Final = "<!-- End of what ran. -->\n"
BUILDERS: Final = {
    ".exe": (windows.CLAIMS, windows.ELSEWHERE),
    ".msi": (windows.MSI_CLAIMS, windows.MSI_ELSEWHERE),
    ".deb": (linux.CLAIMS["deb"], linux.ELSEWHERE),
    ".rpm": (linux.CLAIMS["rpm"], linux.ELSEWHERE),
    ".run": (linux.CLAIMS["run"], linux.ELSEWHERE),
    ".pkg": ((), macos.ELSEWHERE),
}
"""What the builder of an artefact claims of it, and leaves open, by the ending of its name."""


def claims_of(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the claims of a row: text, what proves it, and the ending of the file it is about."""
    suffix = row.get("artefact", "")
    claims, _ = BUILDERS.get(suffix, ((), ""))
    built = [
        {
            "text": claim.text,
            "by": [proven.BUILT + name for name in claim.tests],
            "suffix": suffix,
        }
        for claim in claims
    ]
    own = [
        {"text": claim["text"], "by": claim.get("tests") or [claim["chore"]], "suffix": ""}
        for claim in row.get("claims", ())
    ]
    return [*built, *own]


# What ran.


def collect(report: Path) -> None:
    """Write proven.json: how each claim's tests ended, and on what.

    Raises:
        SetupError: what lies here is no commit.

    """
    run = Run(proven.commit(), proven.outcomes_in(report.read_text("utf-8")))
    before = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {"rows": {}}
    rows = {
        row["what"]: {
            each["text"]: kept_or_new(run.of(each), before, row["what"], each["text"])
            for each in claims_of(row)
        }
        for row in proven.promises()
    }
    wine = (output(["wine", "--version"]) or "no Wine").strip()
    record = {
        "commit": run.commit,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{_system()}, {platform.machine()}, {wine}",
        "rows": rows,
    }
    RECORD.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")


def kept_or_new(
    found: Mapping[str, Any], before: Mapping[str, Any], what: str, text: str
) -> Mapping[str, Any]:
    """Return what this run found of a claim; or what proved it last, where it was not tried now.

    Args:
        found: of this run.
        before: the last record.
        what: the row.
        text: the claim.

    """
    last = before["rows"].get(what, {}).get(text, {})
    ends = found["ends"]
    is_open = ends[proofs.NOT_RUN] and not ends[proven.FAILED] and not ends[proven.SKIPPED]
    if not is_open or last.get("by") != found["by"] or not proven.is_proven(last["ends"]):
        return found
    return {**last, "commit": last.get("commit", before["commit"])}


class Run:
    """What ended how: the tests of this run, those of the files in dist/installers, and chores."""

    def __init__(self, commit: str, outcomes: Mapping[str, str]) -> None:
        """Take what was tried, and how each test of this run ended."""
        self.commit = commit
        self._outcomes = outcomes
        names = installers.artefact_names()
        self._hashes = {name: proofs.sha256_of(installers.OUT / name) for name in names}

    def of(self, claim: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is kept of a claim: what was tried, by what, and how many tests ended how."""
        by = claim["by"]
        if set(by) <= proven.promising_chores():
            ends = dict.fromkeys(proven.ENDS, 0) | {proven.end_of_chore(by[0], self.commit): 1}
            return {"of": self.commit, "by": by, "ends": ends}
        of, outcomes = self.commit, dict(self._outcomes)
        if any(name.startswith(proven.BUILT) for name in by):
            tried = {n: sha256 for n, sha256 in self._hashes.items() if n.endswith(claim["suffix"])}
            of = ", ".join(f"{name} {sha256}" for name, sha256 in tried.items())
            for sha256 in tried.values():
                for test, how in proofs.outcomes_of(sha256).items():
                    # What was not tried with one file may have been with another; what failed
                    # with one has failed.
                    known = outcomes.get(proven.BUILT + test, proofs.NOT_RUN)
                    outcomes[proven.BUILT + test] = max(known, how, key=proven.BY_WEIGHT.index)
        return {"of": of, "by": by, "ends": proven.counted(by, outcomes)}


def _system() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())


# The table.


def table(said: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Return the table of what proofs.toml says, and of what was recorded."""
    head = said["columns"]
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_line(row, record["rows"].get(row["what"], {})) for row in said["row"]]
    return f"{said['last'].format_map(record)}\n\n{''.join(lines)}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _line(row: Mapping[str, Any], ran: Mapping[str, Any]) -> str:
    good, rest = [], []
    for claim in claims_of(row):
        kept = ran.get(claim["text"], {})
        ends = kept["ends"] if kept.get("by") == claim["by"] else proven.NOTHING
        if proven.is_proven(ends):
            earlier = kept.get("commit")
            good.append(claim["text"] + (f" (at `{earlier:.12}`)" if earlier else ""))
        else:
            rest.append(f"{claim['text']} ({proven.told(ends)})")
    cells = (
        row["what"],
        *("; ".join(texts) or "–" for texts in (good, rest)),
        ", ".join(_asked(row)) or "–",
        _elsewhere(row) or "–",
    )
    return _row(cells)


def _asked(row: Mapping[str, Any]) -> Iterator[str]:
    jobs = ", ".join(f"`{job}`" for job in row["jobs"])
    if jobs:
        yield jobs
    if "artefact" in row:
        machines = runners.asked_of(f"x{row['artefact']}")
        yield f"{len(machines)} machines"


def _elsewhere(row: Mapping[str, Any]) -> str:
    if "artefact" in row:
        # A second sentence is advice, and nothing that could be shown.
        return BUILDERS[row["artefact"]][1].split(". ")[0]
    return str(row["elsewhere"])


def page(text: str, made: str) -> str:
    """Return a page with another table between its marks."""
    pattern = f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})"
    return re.sub(pattern, lambda _: made, text, count=1, flags=re.DOTALL)


def main(arguments: Sequence[str]) -> int:
    """Write the table, of what ran before or of what ran now; return the exit status."""
    if arguments and (len(arguments) != 2 or arguments[0] != "collect"):
        print("proof_table: give nothing, or: collect REPORT", file=sys.stderr)
        return 2
    if arguments:
        collect(Path(arguments[1]))
    record = json.loads(RECORD.read_text("utf-8"))
    made = table(proven.said(), record)
    PAGE.write_text(page(PAGE.read_text("utf-8"), made), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
