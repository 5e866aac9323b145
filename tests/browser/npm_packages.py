"""The locked npm packages of the SDK's folder, which the tests of pages use too."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from filelock import FileLock

SDK = Path(__file__).parents[2] / "agent" / "web" / "sdk"


def npm_file(path: str) -> Path:
    """Return a file of a locked package; install the packages first where it is missing.

    Args:
        path: below ``node_modules``.

    """
    found = SDK / "node_modules" / path
    if not found.exists():
        # Of several processes of pytest, one installs.
        with FileLock(Path(tempfile.gettempdir(), "ankong-npm.lock")):
            if not found.exists():
                npm = shutil.which("npm") or "npm"
                subprocess.run([npm, "ci"], cwd=SDK, check=True, capture_output=True, timeout=100)
    return found
