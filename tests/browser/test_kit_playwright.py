"""The page kit's fixtures for ``@playwright/test``, in a project that has the packed kit alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest
from filelock import FileLock

from agent.portal.demo.browser import find_chromium
from tests.browser.kit_site import as_json, page_of, serving
from tests.browser.npm_packages import npm_file
from tests.browser.test_kit_elements import BOTH, LoginSite
from tests.browser.test_kit_package import packed, run

pytestmark = [pytest.mark.browser, pytest.mark.kit]
FOLDER: Final = Path(__file__).parent / "playwright"
ROOT: Final = Path(__file__).parents[2]
MOST_LINES: Final = 15
WELCOME: Final = """
import "/sdk/element.js";
document.addEventListener("ankong-done", ({ detail }) => {
    document.querySelector("h1").textContent = `Welcome, ${detail.name}`;
});
"""


@pytest.fixture(scope="module")
def npm() -> str:
    """Install the locked packages; needs the registry the first time."""
    found = shutil.which("npm")
    if found is None:
        pytest.skip("node and npm are needed")
    npm_file(".bin/tsc")
    with FileLock(Path(tempfile.gettempdir(), "ankong-playwright.lock")):
        if not (FOLDER / "node_modules" / "@playwright" / "test").exists():
            subprocess.run([found, "ci"], cwd=FOLDER, check=True, capture_output=True, timeout=100)
    return found


@pytest.fixture(scope="module")
def project(npm: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a tester's project: Playwright, and the kit as npm gets it."""
    folder = tmp_path_factory.mktemp("tester") / "project"
    shutil.copytree(FOLDER, folder, symlinks=True)
    tarball = packed(npm, tmp_path_factory.mktemp("packed"))
    run(npm, "install", "--offline", "--no-save", tarball, folder=folder)
    return folder


def played(project: Path, spec: str) -> tuple[int, str]:
    """Play one file against a site and an agent of its own; return its status and output."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("chromium is needed")
    site = LoginSite()
    site.pages.update(page_of(BOTH, script=WELCOME))
    site.policy = "default-src 'self'; connect-src 'self' https: wss: http:"
    site.posts["/login"] = lambda asked: as_json({"name": "somebody" if asked["token"] else ""})
    node = shutil.which("node") or "node"
    command = [node, "node_modules/@playwright/test/cli.js", "test", spec]
    with serving(site):
        env = {
            **os.environ,
            "ANKONG": f"{sys.executable} -m agent",
            "CHROMIUM": str(chromium),
            "PYTHONPATH": str(ROOT),
            "SITE": site.origin,
        }
        done = subprocess.run(
            command, cwd=project, env=env, capture_output=True, text=True, timeout=110, check=False
        )
    return done.returncode, done.stdout + done.stderr


def test_a_short_spec_logs_a_citizen_in(project: Path) -> None:
    assert len((FOLDER / "login.spec.mjs").read_text("utf-8").splitlines()) <= MOST_LINES
    status, said = played(project, "login.spec.mjs")
    assert status == 0, said
    assert "1 passed" in said


def test_a_window_that_no_rule_answers_fails_the_test(project: Path) -> None:
    status, said = played(project, "unasked.spec.mjs")
    assert status == 1, said
    assert "the agent asked what no rule answers: enter_pin of http://localhost:" in said
