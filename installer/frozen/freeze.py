"""Freeze the program on this machine, from an environment with only the locked packages."""

import os
import shutil
import stat
import sys
from pathlib import Path

from devkit import venv
from devkit.shell import (
    ROOT,
    SetupError,
    fingerprint,
    is_done,
    mark_done,
    output,
    run,
    run_told,
    say,
)
from linux.build import elf

BUILD = ROOT / "build"
BUNDLE = BUILD / "ankong"
FREEZER = BUILD / "freezer"
PYTHON = FREEZER / venv.PYTHON.relative_to(venv.VENV)
INSTALLER_LOCK = venv.REQUIREMENTS / "installer.txt"
_STAMP = FREEZER / "ankong-freezer.stamp"
_STEPS = {
    "Analyzing modules for base_library": "reading the standard library",
    "Analyzing run-time hooks": "reading what runs before the program",
    "Looking for dynamic libraries": "looking for the libraries that it wants",
    "Building PYZ because": "packing the modules",
    "Building EXE because": "making the executable",
    "Building COLLECT because": "putting the folder together",
}
"""What PyInstaller logs at the beginning of a step, and what a person is told then."""
COMPILING = {
    # The linker's build ID is over what a debugger is told, with pip's folder of that moment.
    "CFLAGS": "-g0",
    "PIP_NO_CACHE_DIR": "1",  # where a library may lie that was compiled otherwise
}
"""Of pip's environment, where it compiles what is shipped."""


def freeze() -> Path:
    """Build the program; return its folder.

    Raises:
        SetupError: PyInstaller failed; its output was printed.

    """
    _ensure_freezer()
    say("freezing the program")
    command: list[str | Path] = [PYTHON, "-m", "PyInstaller", "--noconfirm", "--clean"]
    command += ["--distpath", BUILD, "--workpath", BUILD / "freezing"]
    command += ["installer/frozen/ankong.spec"]
    status, printed = run_told(command, say_step, env=reproducible())
    if status != 0:
        raise SetupError(f"PyInstaller could not freeze the program:\n{printed[-4000:]}")
    if sys.platform.startswith("linux"):
        say("taking the building machine's paths out of the libraries")
        elf.forget_build_paths(elf.objects(BUNDLE))
    return BUNDLE


def say_step(line: str) -> None:
    """Print the step that PyInstaller begins, if this line of its log names one."""
    for mark, step in _STEPS.items():
        if f"INFO: {mark}" in line:
            say(f"  {step}")


def reproducible() -> dict[str, str]:
    """Return the environment in which the same sources give the same files."""
    # In Turkish makensis knows no /ifndef: the small i of its own is another letter there.
    return {**os.environ, "LC_ALL": "C.UTF-8", **fixed_variables()}


def fixed_variables() -> dict[str, str]:
    """Return what of :func:`reproducible` is for the programs of other systems, too."""
    return {
        "PYTHONHASHSEED": "0",  # the order of sets, in base_library.zip
        "PYTHONDONTWRITEBYTECODE": "1",
        "SOURCE_DATE_EPOCH": source_date(),
    }


def settle(*places: Path) -> None:
    """Give files, and folders with all that is in them, the sources' date and modes of no umask.

    Packers write both down. Links get the date alone; a file that its owner may run stays so.
    """
    when = int(source_date())
    for place in places:
        for path in (place, *place.rglob("*")):
            if not path.is_symlink():
                runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runs else 0o644)
            if os.utime in os.supports_follow_symlinks or not path.is_symlink():
                os.utime(path, (when, when), follow_symlinks=not path.is_symlink())


def source_date() -> str:
    """Return when the sources were last changed, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    committed = (output(["git", "log", "-1", "--format=%ct"]) or "").strip()
    return given or committed or str(int((ROOT / "CHANGELOG.md").stat().st_mtime))


def _ensure_freezer() -> None:
    locks = [venv.BUILD_LOCK, INSTALLER_LOCK]
    content = fingerprint(locks, sys.version, str(FREEZER), *map("=".join, COMPILING.items()))
    if is_done(_STAMP, content):
        return
    say(f"making {FREEZER.relative_to(ROOT)}, which has only what is shipped and its tools")
    shutil.rmtree(FREEZER, ignore_errors=True)
    if run([sys.executable, "-m", "venv", FREEZER]) != 0:
        raise SetupError("Python could not make a virtual environment (see above)")
    for lock in locks:
        say(f"  installing what {lock.name} names")
        venv.install_locked(lock, PYTHON, env=COMPILING)
    mark_done(_STAMP, content)
