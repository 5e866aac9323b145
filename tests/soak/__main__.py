"""Run the whole soak and print its table: ``python -m tests.soak``; exit 1 if a promise broke."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.stages import SHORT, Effort, run_stages
from tests.soak.stand import Stand
from tests.soak.table import table


def main() -> int:
    """Run, print, and return the exit status."""
    parser = argparse.ArgumentParser(description="soak a real agent behind a private pcscd")
    parser.add_argument("--short", action="store_true", help="as the test run does")
    effort = SHORT if parser.parse_args().short else Effort()
    begun = time.monotonic()
    stages = []
    with tempfile.TemporaryDirectory() as folder, Stand(Path(folder)) as stand:
        for stage in run_stages(stand, effort):
            stages.append(stage)
            print(f"{time.monotonic() - begun:6.0f} s  {stage.line()}", file=sys.stderr)
    print(table(stages))
    return 1 if any(stage.faults() for stage in stages) else 0


if __name__ == "__main__":
    sys.exit(main())
