"""The virtual environment: made once, remade when broken, installed from locked hashes only."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from devkit.shell import (
    ROOT,
    WINDOWS,
    SetupError,
    fingerprint,
    is_done,
    mark_done,
    output,
    run,
    say,
)

VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = SCRIPTS / ("python.exe" if WINDOWS else "python")
REQUIREMENTS = ROOT / "installer" / "requirements"
BUILD_LOCK = REQUIREMENTS / "build.txt"
DEV_LOCK = REQUIREMENTS / "dev.txt"
NODE_LOCK = REQUIREMENTS / "node.txt"
STAMP = VENV / "ankong-setup.stamp"

OFFLINE_HELP = """pip could not install what the lock files name (see above).
If it could not download: this step needs the Python package index once. Check the network;
behind a proxy set HTTPS_PROXY, or name your own mirror in pip's configuration.
If it could not compile pyscard: the system packages named above are missing."""


def environment() -> dict[str, str]:
    """Return the environment in which the tools of the virtual environment come first."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = os.pathsep.join((str(SCRIPTS), env.get("PATH", os.defpath)))
    return env


def ensure() -> None:
    """Make a virtual environment with the locked packages and the command ``ankong``, if needed."""
    content = _wanted()
    if _is_whole() and is_done(STAMP, content):
        return
    if not _is_whole():
        _make()
    STAMP.unlink(missing_ok=True)
    say("installing the locked Python packages into .venv")
    install_locked(BUILD_LOCK)
    install_locked(DEV_LOCK)
    _pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    mark_done(STAMP, content)


def run_tool(name: str, words: Sequence[str], more: Mapping[str, str] | None = None) -> int:
    """Say a name and run a module with arguments, in the environment; return its exit status.

    Args:
        name: what is said before it begins.
        words: the module's name and its arguments.
        more: environment variables besides the usual ones.

    """
    say(name)
    # The builders are found as dev.py finds them.
    env = {**environment(), "MYPYPATH": str(ROOT / "installer"), **(more or {})}
    return run([PYTHON, "-m", *words], env=env)


def is_ready() -> bool:
    """Return whether :func:`ensure` has nothing to do."""
    return _is_whole() and is_done(STAMP, _wanted())


def _wanted() -> str:
    return fingerprint([BUILD_LOCK, DEV_LOCK, ROOT / "pyproject.toml"], sys.version, str(VENV))


def install_locked(
    lock: Path, python: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Install one lock file; packages without a hash are refused.

    Args:
        lock: the file.
        python: of the environment to install into, that of the chores by default.
        env: variables for pip, and for what compiles, besides this process's.

    Raises:
        SetupError: pip failed; its output was printed.

    """
    # Without isolation, because pip would fetch the build tools of pyscard (which has no wheel
    # for Linux) by name only: they are in the build lock instead.
    words = ("--require-hashes", "--no-build-isolation", "--requirement", str(lock))
    _pip(*words, python=python, more=env)


def _pip(
    *arguments: str, python: Path | None = None, more: Mapping[str, str] | None = None
) -> None:
    env = {**environment(), **(more or {})}
    if python is not None:  # pip builds with the tools beside it
        env["PATH"] = os.pathsep.join((str(python.parent), env["PATH"]))
    env.update(PIP_NO_INPUT="1", PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1")
    command = [str(python or PYTHON), "-m", "pip", "install", "--quiet", *arguments]
    if run(command, env=env) != 0:
        raise SetupError(OFFLINE_HELP)


def _is_whole() -> bool:
    """Return whether .venv runs, has pip, and was made here and for this version of Python."""
    script = "import sys, pip; print(sys.prefix, *sys.version_info[:2], sep='|')"
    answer = (output([PYTHON, "-c", script]) or "").strip().split("|")
    wanted = [str(number) for number in sys.version_info[:2]]
    return answer[1:] == wanted and Path(answer[0]).resolve() == VENV.resolve()


def _make() -> None:
    say(f"making .venv with {sys.executable}")
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    if run([sys.executable, "-m", "venv", VENV]) != 0:
        raise SetupError(
            "Python could not make a virtual environment (see above). On Debian and Ubuntu:\n"
            f"    sudo apt-get install -y python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        )
