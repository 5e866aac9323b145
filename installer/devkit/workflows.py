"""Lint what runs on hosted machines: .github/workflows; nothing is asked of the network."""

import shutil

from devkit import venv
from devkit.shell import ROOT, fingerprint, is_done, mark_done, run, say

LOCK = venv.REQUIREMENTS / "lint.txt"
STAMP = venv.VENV / "ankong-lint.stamp"


def faults() -> list[str]:
    """Return the names of the linters that found something, which they have printed.

    Raises:
        SetupError: they could not be installed.

    """
    ensure()
    # Named, for it looks by itself in checkouts of Git alone.
    files = [str(path) for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    checks: dict[str, list[str]] = {
        # It runs shellcheck over the shell lines where that is here; pyflakes has no work.
        "actionlint": ["-no-color", "-pyflakes=", *files],
        "zizmor": ["--offline", "--no-progress", "--quiet", "--color=never", ".github"],
    }
    failed = []
    for name, words in checks.items():
        without = name == "actionlint" and shutil.which("shellcheck") is None
        say(f"{name}, without shellcheck" if without else name)
        # zizmor prints a line also where nothing is wrong.
        command = [str(venv.SCRIPTS / name), *words]
        if run(command, env=venv.environment(), folder=ROOT, quiet=True) != 0:
            failed.append(name)
    return failed


def ensure() -> None:
    """Install the linters, where that was not done.

    Raises:
        SetupError: pip failed; its output was printed.

    """
    content = fingerprint([LOCK], str(venv.VENV))
    if is_done(STAMP, content):
        return
    say(f"installing what {LOCK.name} names")
    venv.install_locked(LOCK)
    mark_done(STAMP, content)
