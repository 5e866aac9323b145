"""Find what of an installation is missing or damaged, before it is repaired."""

import filecmp
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wizard.install_paths import InstallPaths

_MARKS = (b".TH ANKONG 1 ", b"# Completes the command lines of ankong in ")
"""How manual pages and completions of every version begin."""
OutsideFiles = Mapping[Path, "bytes | Path"]
"""The files outside the program's folder: their content, or what a symbolic link leads to."""


@dataclass(frozen=True)
class Damage:
    """What was found.

    Attributes:
        files: how many of the program's files are missing or not what they were.
        parts: keys of ``wizard.broken`` for all else.

    """

    files: int
    parts: tuple[str, ...]


def find_damage(
    source: Path, paths: InstallPaths, outside: OutsideFiles, *, has_record: bool
) -> Damage:
    """Compare an installation with the program that it is of.

    Args:
        source: folder of the same version of the program.
        paths: of the installation.
        outside: the files that belong to it outside its folder.
        has_record: whether its record can be read.

    """
    wanted = [path for path in source.rglob("*") if not path.is_dir() or path.is_symlink()]
    files = sum(not _is_same(path, paths.program / path.relative_to(source)) for path in wanted)
    broken = {_part(paths, path) for path, content in outside.items() if not _has(path, content)}
    if not has_record:
        broken.add("record")
    if not os.access(paths.removal_script, os.X_OK):
        broken.add("commands")
    order = ("record", "commands", "menu", "icons", "help")
    return Damage(files, tuple(name for name in order if name in broken))


def _part(paths: InstallPaths, path: Path) -> str:
    if path.parent == paths.commands:
        return "commands"
    if paths.is_help(path):
        return "help"
    return "menu" if path.suffix == ".desktop" else "icons"


def _is_same(wanted: Path, found: Path) -> bool:
    try:
        if wanted.is_symlink():
            return found.readlink() == wanted.readlink()
        facts = found.lstat()
        if not stat.S_ISREG(facts.st_mode):
            return False
        is_program = bool(wanted.stat().st_mode & stat.S_IXUSR)
        runs = bool(facts.st_mode & stat.S_IXUSR)
        return (runs or not is_program) and filecmp.cmp(wanted, found, shallow=False)
    except OSError:
        return False


def _has(path: Path, content: bytes | Path) -> bool:
    try:
        if isinstance(content, Path):
            return path.readlink() == content
        return not path.is_symlink() and path.is_file() and path.read_bytes() == content
    except OSError:
        return False


def is_of_program(paths: InstallPaths, path: Path, content: bytes | Path) -> bool:
    """Return whether a file outside the program's folder is the program's by what is in it.

    For an installation whose record was lost.

    Args:
        paths: of the installation.
        path: the file; it is there.
        content: that it would have now.

    """
    try:
        if path.is_symlink():
            return Path(os.path.normpath(path.readlink())).is_relative_to(paths.program)
        if isinstance(content, Path):
            return False
        found = path.read_bytes()
    except OSError:
        return False
    if found == content:
        return True
    if paths.is_help(path):
        return any(found.startswith(mark) and content.startswith(mark) for mark in _MARKS)
    return _command_of(found) is not None and _command_of(found) == _command_of(content)


def _command_of(entry: bytes) -> bytes | None:
    """Return the line of a desktop file that starts its program."""
    lines = [line for line in entry.splitlines() if line.startswith(b"Exec=")]
    return lines[0] if len(lines) == 1 else None
