"""Which program this is, and where it lies: what ``ankong --version --json`` prints.

Scripts of a fleet ask this of every computer, so it loads little and reads two files of an
installed program. No path here holds the name of a user.
"""

import hashlib
import json
import platform
import re
import sys
from pathlib import Path
from typing import Any, Final, Literal

from agent import __version__

SCHEMA: Final = 1
"""Grows when a field changes its meaning or goes, not when one is added."""
BUILT_FILE: Final = "built.json"
"""In the folder of an installed program: ``{"commit": "…"}``, written when it was built."""
BILL_FILE: Final = "sbom.cdx.json"
"""Beside it: the software bill of materials."""

_MAX_BUILT: Final = 4096  # bytes
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SYSTEMS: Final = {"win32": "windows", "darwin": "macos"}
_MACHINES: Final = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}
# Also of another user than the one who asks: an administrator's tools run as SYSTEM or root.
_NAMED: Final = re.compile(
    r"^((?:/[^/]+)*?/(?:home|Users)/|[A-Za-z]:[/\\]Users[/\\])[^/\\]+", re.IGNORECASE
)
# Windows' own spelling of a path, and a share: any part of its name may be somebody's.
_LONG: Final = re.compile(r"^\\\\[?.]\\(?!UNC\\)", re.IGNORECASE)
_SHARE: Final = re.compile(r"^\\\\.*", re.DOTALL)


def product_facts() -> dict[str, Any]:
    """Return the first part of the inventory, as JSON has it (see ``inventory_report``)."""
    folder = _bundle()
    return {
        "schema": SCHEMA,
        "product": "ankong",
        "version": __version__,
        "commit": None if folder is None else _commit(folder / BUILT_FILE),
        "build": {
            "program": None if folder is None else file_sum(Path(sys.executable)),
            "sbom": None if folder is None else file_sum(folder / BILL_FILE),
        },
        "scope": scope(),
        "folder": nameless(program_folder()),
        "system": _SYSTEMS.get(sys.platform, sys.platform),
        "architecture": architecture(),
    }


def scope() -> Literal["user", "machine", "source"]:
    """Return for whom the program is installed; ``source`` for Python files that run as they are.

    A program below somebody's home folder is that user's.
    """
    if _bundle() is None:
        return "source"
    folder = program_folder()
    is_users = _is_below(folder, Path.home()) or _NAMED.match(str(folder)) is not None
    return "user" if is_users else "machine"


def architecture() -> str:
    """Return what the processor understands: ``x86_64``, ``arm64`` or the system's own word."""
    machine = platform.machine().lower()
    return _MACHINES.get(machine, machine)


def program_folder() -> Path:
    """Return the folder of the program, or of the packages where no program is installed."""
    if _bundle() is not None:
        return Path(sys.executable).parent
    return Path(__file__).parents[2]


def nameless(path: Path) -> str:
    """Return a path without anybody's name: ``~`` for the own home folder, ``*`` for another's.

    Of a share on Windows nothing is told but that it is one.
    """
    home = Path.home()
    if _is_below(path, home):
        inside = path.relative_to(home).as_posix()
        return "~" if inside == "." else f"~/{inside}"
    theirs = _owners_home(path)
    if theirs is not None and _is_below(path, theirs):
        return str(theirs.with_name("*") / path.relative_to(theirs))
    plain = _SHARE.sub(r"\\\\*", _LONG.sub("", str(path)))
    return _NAMED.sub(lambda found: f"{found[1]}*", plain, count=1)


def _owners_home(path: Path) -> Path | None:
    """Return the home of who owns a file: in a domain it lies in folders of any name."""
    try:
        import pwd  # noqa: PLC0415  # not on Windows

        owner = path.stat().st_uid
        return Path(pwd.getpwuid(owner).pw_dir) if owner != 0 else None
    except (ImportError, KeyError, OSError):
        return None


def file_sum(path: Path) -> str | None:
    """Return the SHA-256 of a file, 64 hexadecimal digits; None for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _is_below(path: Path, home: Path) -> bool:
    # A service's account may have the root as its home, which is nobody's folder.
    return len(home.parts) > 1 and path.is_relative_to(home)


def _bundle() -> Path | None:
    """Return the folder of an installed program's data; None where Python runs our sources."""
    folder = getattr(sys, "_MEIPASS", None)
    return None if folder is None else Path(folder)


def _commit(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_MAX_BUILT))
    except (OSError, ValueError, RecursionError):
        return None
    commit = said.get("commit") if isinstance(said, dict) else None
    is_one = isinstance(commit, str) and _COMMIT.fullmatch(commit)
    return commit if is_one else None
