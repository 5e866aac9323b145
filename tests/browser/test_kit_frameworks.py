"""The page kit's examples for React and Vue, built with the locked packages and driven."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import pytest
from filelock import FileLock
from playwright.sync_api import Page, expect

from tests.browser.kit_site import SDK, policy, serving
from tests.browser.test_kit_elements import LoginSite

pytestmark = [pytest.mark.browser, pytest.mark.kit]
FOLDER: Final = Path(__file__).parent / "frameworks"
HTML: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Log in</title>'
    '<script type="module" src="/app.js"></script><div id="app"></div></html>'
)


@pytest.fixture(scope="module")
def frameworks() -> Path:
    """Install the locked packages; needs the registry the first time."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("node and npm are needed")
    with FileLock(Path(tempfile.gettempdir(), "ankong-frameworks.lock")):
        if not (FOLDER / "node_modules" / "esbuild").exists():
            subprocess.run([npm, "ci"], cwd=FOLDER, check=True, capture_output=True, timeout=100)
    return FOLDER


@pytest.mark.parametrize("name", ["react", "vue"])
def test_the_example_shows_the_agent_and_logs_in(
    page: Page, frameworks: Path, tmp_path: Path, name: str
) -> None:
    script = tmp_path / "app.js"
    node = shutil.which("node") or "node"
    command = [node, frameworks / "build.mjs", name, SDK, script]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    site = LoginSite()
    site.policy = f"{policy()}; script-src 'self'; require-trusted-types-for 'script'"
    site.pages["/"] = ("text/html", HTML.encode())
    site.pages["/app.js"] = ("text/javascript", script.read_bytes())
    with serving(site):
        page.goto(site.origin)
        expect(page.get_by_text("No component was found on this computer")).to_be_visible()
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("status")).to_contain_text("No component was found")
        page.evaluate("() => fake.set({ state: 'running', reason: null })")
        expect(page.locator("[data-state=running]")).to_be_visible()
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("status")).to_have_text("Welcome, 測試假人")
        page.evaluate("() => fake.failNext('pin_locked')")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("status")).to_contain_text("Have the card unlocked")
