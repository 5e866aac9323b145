"""Run targets under atheris, one after the other: ``python -m tests.fuzz --seconds 60 tlv``.

``--ledger`` adds what ran to a ledger; only where the code is that of a commit, so that each number
is about something that can be had again.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from runpy import run_path
from typing import Any, Final

from tests.fuzz import session, target

ROOT: Final = Path(__file__).resolve().parents[2]
WORK: Final = ROOT / "build" / "fuzz"


def main() -> int:
    """Run what is wanted; return 1 where something crashed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[[], *target.NAMES], metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--work", type=Path, default=WORK, help="where corpora are kept")
    parser.add_argument("--ledger", type=Path, help="file that the counts are added to")
    parser.add_argument("--keep", action="store_true", help="keep the minimised corpora here")
    options = parser.parse_args()
    commit = _commit() if options.ledger else ""
    failed = [name for name in options.targets or target.NAMES if not _ran(name, options, commit)]
    if failed:
        print(f"crashed: {', '.join(failed)}; the inputs are in {options.work / 'crashes'}")
    return 1 if failed else 0


def _ran(name: str, options: argparse.Namespace, commit: str) -> bool:
    began = time.monotonic()
    found = session.run(name, options.seconds, options.work)
    seconds = round(time.monotonic() - began)
    print(
        f"{name}: {found.executions} inputs in {seconds} s, {found.edges} edges, "
        f"{len(found.crashes)} crashes",
        flush=True,
    )
    if found.crashes:
        print(found.told[-4000:], flush=True)
    if options.keep:
        session.minimise(name, options.work, target.CORPUS / name)
    if options.ledger:
        ledger: Any = run_path(str(ROOT / "installer" / "release" / "fuzz_ledger.py"))
        row = {
            "target": name,
            "engine": "atheris",
            "executions": found.executions,
            "seconds": seconds,
            "edges": found.edges,
            "crashes": len(found.crashes),
            "commit": commit,
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
        }
        ledger["add"](options.ledger, [row])
    return not found.crashes


def _commit() -> str:
    """Return the commit that runs.

    Raises:
        SystemExit: the code is of none.

    """

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    if git("status", "--porcelain", "--", "agent", "tests/fuzz/targets"):
        raise SystemExit("agent/ or the targets differ from the commit: no ledger counts that")
    return git("rev-parse", "HEAD")


if __name__ == "__main__":
    sys.exit(main())
