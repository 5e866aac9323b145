"""The record of a setup for one user, which makes repeating and undoing it exact."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from agent.files import read_file, replace_file

_MAX_SIZE = 64 * 1024  # bytes
_MAX_FOLDERS = 64


@dataclass(frozen=True, slots=True)
class SetupRecord:
    """What ``ankong setup complete`` did for this user.

    Attributes:
        version: of the program that did it.
        complete: whether every step succeeded.
        folders: absolute paths of the folders outside of the state folder that were made for it,
            the outermost first.

    """

    version: str
    complete: bool
    folders: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a record; return None where there is none, or none that can be used."""
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
        return cls(version, complete is True, folders)

    def write(self, path: Path) -> None:
        """Replace the record in ``path``.

        Raises:
            OSError: it cannot be written.

        """
        replace_file(path, json.dumps(asdict(self), ensure_ascii=False).encode())
