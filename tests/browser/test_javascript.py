"""The SDK and the page, judged by JavaScript's own tools: type checker and test runner."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.npm_packages import SDK, npm_file

HERE = Path(__file__).parent
NODE_NEEDED = 20


@pytest.fixture(scope="module")
def node() -> str:
    """Find a node that is new enough."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        pytest.skip("node and npm are needed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.lstrip("v").split(".")[0]) < NODE_NEEDED:
        pytest.skip(f"node {NODE_NEEDED} or newer is needed")
    return found


def test_logic(node: str) -> None:
    tests = [str(path) for path in sorted(HERE.glob("*.test.mjs"))]
    assert len(tests) == 6
    done = subprocess.run(
        [node, "--test", *tests], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


def test_types(node: str) -> None:
    del node
    compiler = npm_file(".bin/tsc")
    for project in (SDK, HERE):
        done = subprocess.run(
            [str(compiler), "-p", str(project)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=dict(os.environ),
        )
        assert done.returncode == 0, done.stdout


def test_the_example_has_ten_lines_and_the_lock_names_no_registry() -> None:
    source = (SDK / "ankong.js").read_text("utf-8")
    header = source[: source.index("*/")].splitlines()
    example = [line for line in header if line.startswith(" *     ")]
    assert len(example) == 10
    assert '"resolved"' not in (SDK / "package-lock.json").read_text("utf-8")
