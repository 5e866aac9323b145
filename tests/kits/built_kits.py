"""The packages of ``make kits``, built once in a run of the tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from tests.browser.npm_packages import npm_file

ROOT = Path(__file__).resolve().parents[2]
# With the interpreter of this run, which is not everywhere the one of the chores.
_BUILD = """
import sys
from pathlib import Path
from devkit import kits, venv
venv.PYTHON = Path(sys.executable)
sys.exit(kits.build(Path(sys.argv[1])))
"""


def built_kits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that they are in; skip the test where one cannot be built."""
    pytest.importorskip("hatchling")
    npm_file("typescript/bin/tsc")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    target = folder / "built-kits"
    # Of several processes of pytest one builds, which writes into the checkout, too.
    with FileLock(folder / "built-kits.lock"):
        if not target.exists():
            _build(target)
    return target


def _build(target: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "installer")}
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, target],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
