"""Play the whole matrix and print its table: ``python -m tests.faults``; exit 1 if a cell died."""

import sys
import time

from tests.faults.matrix import play_everything


def main() -> int:
    """Play, print, and return the exit status."""
    begun = time.monotonic()
    report = play_everything(lambda line: print(line, file=sys.stderr, flush=True))
    print(report.text())
    for cell, outcome in report.dead:
        print(f"died: {cell}: {outcome.code}: {'; '.join(outcome.wrong)}")
    print(f"{len(report.dead)} cells died; {time.monotonic() - begun:.0f} s")
    return 1 if report.dead else 0


if __name__ == "__main__":
    sys.exit(main())
