"""Folders that were made for an installation: know them before, and remove them after it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path


def missing_above(paths: Sequence[Path]) -> list[Path]:
    """Return the folders that have to be made before ``paths`` can be, the outermost first."""
    missing: list[Path] = []
    for path in paths:
        above = [parent for parent in reversed(path.parents) if not parent.exists()]
        missing += [parent for parent in above if parent not in missing]
    return missing


def remove_empty(folders: Iterable[str]) -> None:
    """Remove those of ``folders`` that are empty, the innermost first; never raises OSError."""
    for folder in sorted(map(Path, folders), key=lambda each: len(each.parts), reverse=True):
        with suppress(OSError):  # somebody else has put something there, or it is gone already
            folder.rmdir()
