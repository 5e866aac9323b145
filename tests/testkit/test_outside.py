"""A project that knows nothing of this checkout tests its page with the fixtures alone.

``ANKONG_KIT_PYTHON`` names the interpreter of another environment, into which the wheels were
installed; without it that of this checkout is used.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.portal.demo.browser import find_chromium
from agent.testkit import plugin

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OTHER_PYTHON = os.environ.get("ANKONG_KIT_PYTHON")
PYTHON = OTHER_PYTHON or sys.executable
PLUGIN = "agent.testkit.plugin"
_HAS_ENTRY = (
    "import importlib.metadata as m, sys; "
    f"sys.exit(not any(e.value == {PLUGIN!r} for e in m.entry_points(group='pytest11')))"
)


def environment() -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    env.pop("PYTHONPATH", None)
    if OTHER_PYTHON is None:
        env["PYTHONPATH"] = str(ROOT)
    chromium = find_chromium()
    if chromium is not None:
        env["ANKONG_BROWSER_PATH"] = chromium
    return env


def run_project(name: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Copy a project to where nothing of ours is, and run its tests there."""
    project = folder / "project"
    shutil.copytree(HERE / name, project, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    env = environment()
    looked = subprocess.run([PYTHON, "-P", "-c", _HAS_ENTRY], env=env, check=False)
    # An environment that was made before the entry point has none of it.
    plugins = ("no:randomly", "no:asyncio", *(() if looked.returncode == 0 else (PLUGIN,)))
    words = [word for name in plugins for word in ("-p", name)]
    return subprocess.run(
        [PYTHON, "-P", "-m", "pytest", "-q", *words],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="chromium is needed")
def test_a_page_is_tested_in_a_browser_with_fixtures_alone(tmp_path: Path) -> None:
    done = run_project("outside", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_a_window_that_no_rule_answers_fails_the_test_and_is_named(tmp_path: Path) -> None:
    done = run_project("outside_failing", tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 passed, 1 error" in done.stdout
    said = "the agent asked what no rule answers: enter_pin of https://portal.example"
    assert said in done.stdout


def test_an_agent_that_ended_is_named_with_its_logs(tmp_path: Path) -> None:
    with (
        pytest.raises(pytest.fail.Exception, match=r"does not answer .*agent\.log") as failed,
        plugin._answering(tmp_path / "agent"),
    ):
        raise ConnectionRefusedError
    assert not failed.value.pytrace


def test_the_first_test_of_the_readme_is_short() -> None:
    lines = (HERE / "outside" / "test_site.py").read_text("utf-8").splitlines()
    assert len(lines) <= 15


def test_the_plugin_loads_nothing_before_it_is_used() -> None:
    script = (
        f"import sys, {PLUGIN}; "
        "heavy = {'aiohttp', 'cryptography', 'playwright', 'msgspec', 'agent.virtualcard'}; "
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    done = subprocess.run(
        [PYTHON, "-P", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
