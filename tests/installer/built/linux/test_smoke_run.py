"""The chore that hosted machines run, here, with the .run of this machine and a new home."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.installer.built.linux.conftest import ROOT, environment

pytestmark = [pytest.mark.artefact, pytest.mark.long, pytest.mark.timeout(300)]


def test_the_run_file_comes_is_used_and_goes(run_file: Path, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "installer/dev.py", "smoke", "--install", run_file],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a page had it sign; verified" in done.stdout
    assert done.stdout.rstrip().endswith("the last that it is gone")
    assert not (home / ".local/share/ankong").exists()
