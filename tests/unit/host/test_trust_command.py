"""``ankong trust`` from outside: a program of its own, with a home of the test's."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.host.conftest import new_database

pytestmark = pytest.mark.skipif(
    shutil.which("certutil") is None or sys.platform != "linux", reason="needs libnss3-tools"
)
Ankong = Callable[..., tuple[int, Any]]


@pytest.fixture
def ankong(tmp_path: Path) -> Ankong:
    """Run a command; give its exit status and its JSON."""

    def run(*arguments: str) -> tuple[int, Any]:
        command = [sys.executable, "-m", "agent", *arguments]
        command += ["--json", "--state-dir", str(tmp_path / "state")]
        home = {"HOME": str(tmp_path / "home"), "XDG_DATA_HOME": ""}
        done = subprocess.run(
            command, env={**os.environ, **home}, capture_output=True, check=False, timeout=100
        )
        assert b"Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


def test_check_install_check_uninstall_check(ankong: Ankong, tmp_path: Path) -> None:
    database = new_database(tmp_path / "home" / ".pki" / "nssdb")
    status, answer = ankong("trust", "check")
    needed = [store for store in answer["stores"] if store["needed"]]
    needed = [store for store in needed if store["presence"] != "not_yet"]  # a Firefox may be here
    assert (status, answer["trusted"]) == (1, False)
    assert needed == [
        {
            "store": "chromium",
            "path": str(database),
            "presence": "missing",
            "detail": "",
            "needed": True,
        }
    ]
    status, answer = ankong("trust", "install")
    assert (status, answer["trusted"]) == (0, True)
    assert ankong("trust", "check")[0] == 0
    assert ankong("trust", "uninstall") == (0, {"left": []})
    assert ankong("trust", "check")[0] == 1
    assert not (tmp_path / "state" / "trust.json").exists()


def test_a_damaged_manifest_is_told_without_a_traceback(ankong: Ankong, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "trust.json").write_text("{")
    status, answer = ankong("trust", "uninstall")
    assert (status, answer["error"]["code"]) == (1, "internal")
    assert "trust.json" in answer["error"]["message"]
