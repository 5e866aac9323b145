"""The agent's own files, by name: whatever else lies in its folder is somebody else's, and stays.

No link is followed: one of our names that is a link loses the link, not what it leads to.
"""

import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.files import SCRATCH

_SIDE: Final = r"(-wal|-shm|-journal)?"
_ASIDE: Final = r"(\.(broken|corrupt)-[0-9-]+)?"
RECORDS: Final = re.compile(rf"(sites|history)\.sqlite{_ASIDE}{_SIDE}")
"""Which sites may ask, and what was done with the card: kept unless all is to be forgotten."""
_JSON: Final = "trust|preferences|installed|instance|update"
_FILE: Final = re.compile(
    rf"(({_JSON})\.json|(config|policy)\.toml|(install|panel)\.key){_ASIDE}"
    rf"|\.({_JSON}|install|panel)\.(json|key)\.new"
    rf"|instance\.(new|lock)|quit\.request|{SCRATCH.pattern}"
)
_FOLDERS: Final = {
    "logs": re.compile(r"ankong\.log(\.[0-9]+)?"),
    "tls": re.compile(rf"(authority|leaf-[0-9]+)\.(pem|new)|{SCRATCH.pattern}"),
    # The testers' authority (agent/virtualcard/issuer_directory.py).
    "issuer": re.compile(
        rf"(root|ca)\.(cer|crl|key)|issued\.json|\.lock|\.[a-z0-9_]{{8}}|{SCRATCH.pattern}"
    ),
}


@dataclass(slots=True)
class Found:
    """What lies in the agent's folder.

    Attributes:
        files: ours, to be removed.
        folders: ours, to be removed once they are empty.
        records: sites and history.
        foreign: what is not ours.

    """

    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    records: list[Path] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)


def look(folder: Path) -> Found:
    """Look what lies there; nothing where there is no folder.

    Raises:
        OSError: it cannot be read, or is no folder.

    """
    found = Found()
    if not folder.exists():
        return found
    for path in sorted(folder.iterdir()):
        if path.name in _FOLDERS and _is_folder(path):
            _look_inside(path, _FOLDERS[path.name], found)
        elif _is_folder(path):
            found.foreign.append(path)
        elif RECORDS.fullmatch(path.name):
            found.records.append(path)
        elif _FILE.fullmatch(path.name) or path.name in _FOLDERS:
            found.files.append(path)
        else:
            found.foreign.append(path)
    return found


def _look_inside(folder: Path, names: re.Pattern[str], found: Found) -> None:
    for path in sorted(folder.iterdir()):
        is_ours = names.fullmatch(path.name) is not None and not _is_folder(path)
        (found.files if is_ours else found.foreign).append(path)
    found.folders.append(folder)


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


def remove_empty(folders: Iterable[str]) -> None:
    """Remove those of ``folders`` that are empty, the innermost first."""
    for folder in sorted(map(Path, folders), key=lambda each: len(each.parts), reverse=True):
        with suppress(OSError):  # somebody else has put something there, or it is gone already
            folder.rmdir()
