"""Node.js, and the npm packages of the browser SDK's checks."""

import re
import shutil
from pathlib import Path

from devkit import venv
from devkit.shell import ROOT, SetupError, fingerprint, is_done, mark_done, output, run, say

SDK = ROOT / "agent" / "web" / "sdk"
OLDEST = 20  # the SDK's package.json says the same under "engines"
STAMP = SDK / "node_modules" / "ankong-setup.stamp"


def ensure() -> None:
    """Install Node.js, npm and the locked packages of the SDK, where they are missing.

    Raises:
        SetupError: npm failed; its output was printed.

    """
    lock = SDK / "package-lock.json"
    found = _find_npm()
    if found is None:
        # Distributions' packages are old or pull in hundreds of others; the index has a wheel.
        say(f"no Node.js {OLDEST} or newer with npm here; installing it into .venv")
        venv.install_locked(venv.NODE_LOCK)
        found = _find_npm()
    if found is None:
        raise SetupError(f"Node.js {OLDEST} or newer with npm is needed for the SDK's checks")
    content = fingerprint([lock])
    if is_done(STAMP, content):
        return
    say("installing the locked npm packages of the SDK")
    command: list[str | Path] = [found, "ci", "--no-audit", "--no-fund"]
    if run(command, env=venv.environment(), folder=SDK, quiet=True) != 0:
        raise SetupError("npm could not install the SDK's locked packages (see above); network?")
    mark_done(STAMP, content)


def npm() -> Path:
    """Return npm.

    Raises:
        SetupError: it is not there any more.

    """
    found = _find_npm()
    if found is None:
        raise SetupError("npm has gone since it was set up")
    return found


def is_ready() -> bool:
    """Return whether :func:`ensure` has nothing to do."""
    return _find_npm() is not None and is_done(STAMP, fingerprint([SDK / "package-lock.json"]))


def check_sdk() -> int:
    """Run the SDK's type check, then the tests of it and of the pages; return the exit status.

    Raises:
        SetupError: npm is not there any more.

    """
    env = venv.environment()
    status = run([npm(), "run", "--silent", "check"], env=env, folder=SDK)
    if status != 0:
        return status
    node = shutil.which("node", path=env["PATH"])
    files = sorted(ROOT.glob("tests/**/*.test.mjs"))
    return run([node or "node", "--test", *files], env=env, quiet=True)


def declare_types() -> int:
    """Write the SDK's declarations for TypeScript; return the exit status.

    Raises:
        SetupError: npm is not there any more.

    """
    return run([npm(), "run", "--silent", "prepack"], env=venv.environment(), folder=SDK)


def _find_npm() -> Path | None:
    """Return npm where Node.js beside it is new enough; ours before the system's."""
    path = venv.environment()["PATH"]
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None:
        return None
    version = re.match(r"v(\d+)\.", output([node, "--version"]) or "")
    return Path(npm) if version and int(version[1]) >= OLDEST else None
