"""What ``ankong setup complete`` wrote down, so that doing it again and undoing it are exact."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent.files import read_file, replace_file

_MAX_SIZE = 64 * 1024  # bytes
_MAX_FOLDERS = 64


@dataclass(frozen=True, slots=True)
class Record:
    """One setup.

    Attributes:
        version: of the program that did it.
        complete: whether it came to its end.
        folders: that were made for it outside of the agent's own, the outermost first.

    """

    version: str
    complete: bool
    folders: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write it down.

        Raises:
            OSError: that cannot be done.

        """
        replace_file(path, json.dumps(asdict(self), ensure_ascii=False).encode())


def read(path: Path) -> Record | None:
    """Read it; None where there is none, or nothing that makes sense."""
    try:
        found: Any = json.loads(read_file(path, _MAX_SIZE))
        folders = tuple(found["folders"])
        version, complete = found["version"], found["complete"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(version, str) or len(folders) > _MAX_FOLDERS:
        return None
    if not all(isinstance(folder, str) and Path(folder).is_absolute() for folder in folders):
        return None
    return Record(version, complete is True, folders)


def missing_above(folders: Sequence[Path]) -> list[Path]:
    """Return the folders that have to be made before ``folders`` can be, the outermost first."""
    found: list[Path] = []
    for folder in folders:
        above = [parent for parent in reversed(folder.parents) if not parent.exists()]
        found += [parent for parent in above if parent not in found]
    return found
