"""The README of each kit, followed from an empty folder, ends in a verified login."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.portal.demo.browser import find_chromium
from tests.conftest import MEASURED
from tests.kits.afternoon import ROOT, SITES, Newcomer, Readme, play
from tests.kits.built_kits import built_kits

pytestmark = [
    pytest.mark.timeout(300),  # a cold cache of pip is slow
    pytest.mark.skipif(sys.platform != "linux", reason="gunicorn and the commands are for Unix"),
]
GATE = ("python", "node", "service")
KITS = [name if name in GATE else pytest.param(name, marks=pytest.mark.kit) for name in SITES]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for needed in ("flask", "gunicorn"):
        pytest.importorskip(needed)
    return built_kits(tmp_path_factory)


@pytest.mark.slow
@pytest.mark.parametrize("kit", KITS)
def test_the_readme_leads_to_a_login(
    kit: str, packages: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    seconds = play(kit, packages, folder)
    record_property(MEASURED, f"{kit}: {seconds:.1f} s from an empty folder to a login")


@pytest.mark.kit
@pytest.mark.skipif(find_chromium() is None, reason="chromium is needed")
def test_a_tester_needs_the_package_alone(packages: Path, tmp_path: Path) -> None:
    readme = Readme((ROOT / "agent" / "testkit" / "README.md").read_text("utf-8"))
    new = Newcomer(packages, tmp_path)
    new.make_venv()
    new.pip(f"pip install {readme.command('ankong[test]')}")
    python = tmp_path / "venv" / "bin" / "python"
    words = [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests/testkit/test_outside.py"]
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        words,
        cwd=ROOT,
        env=env | {"ANKONG_KIT_PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
    shutil.rmtree(tmp_path / "venv")
