"""Tell the agent's own files from others in its state folder, by their names.

Whatever has another name belongs to somebody else and must stay. Symbolic links are not followed:
a link that has one of our names is itself one of our files, what it leads to is not.
"""

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.files import SCRATCH
from agent.host.machine.document_copies import NAME as DOCUMENT_COPY

_SIDE: Final = r"(-wal|-shm|-journal)?"
# As agent.database and agent.doctor name what they set aside.
_ASIDE: Final = r"(\.(broken|corrupt)-[0-9TZ.-]+)?"
_RECORDS: Final = re.compile(rf"(sites|history)\.sqlite{_ASIDE}{_SIDE}|history\.(witness|key)")
_JSON: Final = "trust|preferences|installed|instance|update|events"
_FILE: Final = re.compile(
    rf"(({_JSON})\.json|(config|policy)\.toml|(install|panel)\.key){_ASIDE}"
    rf"|\.({_JSON}|install|panel)\.(json|key)\.new"
    rf"|attempts\.sqlite{_ASIDE}{_SIDE}"
    rf"|instance\.(new|lock)|trust\.lock|quit\.request|{SCRATCH.pattern}"
)
_ASIDE_FOLDER: Final = re.compile(rf"(?P<name>[a-z]+){_ASIDE}")
_FOLDERS: Final = {
    "logs": re.compile(r"ankong\.log(\.[0-9]+)?"),
    "tls": re.compile(rf"(authority|leaf-[0-9]+)\.(pem|new)|{SCRATCH.pattern}"),
    "baskets": re.compile(
        rf"([0-9a-f]{{32}}|filling)\.json|(joining|starting)\.lock|{SCRATCH.pattern}"
    ),
    "documents": DOCUMENT_COPY,
    # The testers' authority (agent/virtualcard/issuer_directory.py).
    "issuer": re.compile(
        rf"(root|ca)\.(cer|crl|key)|issued\.json|\.lock|\.[a-z0-9_]{{8}}|{SCRATCH.pattern}"
    ),
}


@dataclass(slots=True)
class StateFolderContents:
    """What lies in the agent's state folder.

    Attributes:
        files: the agent's own, to be removed.
        folders: the agent's own, to be removed once they are empty.
        records: the databases of site decisions and of the history; kept unless the user wants
            everything forgotten.
        foreign: all else.

    """

    files: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    records: list[Path] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)


def sort_contents(folder: Path) -> StateFolderContents:
    """Return what lies in a state folder; nothing where there is no such folder.

    Raises:
        OSError: it cannot be read, or is no folder.

    """
    found = StateFolderContents()
    if not folder.exists():
        return found
    for path in sorted(folder.iterdir()):
        name = _kind_of_folder(path.name)
        if name is not None and _is_folder(path):
            _sort_subfolder(path, _FOLDERS[name], found)
        elif _is_folder(path):
            found.foreign.append(path)
        elif _RECORDS.fullmatch(path.name):
            found.records.append(path)
        elif _FILE.fullmatch(path.name) or name is not None:
            found.files.append(path)
        else:
            found.foreign.append(path)
    return found


def _kind_of_folder(name: str) -> str | None:
    """Return the usual name of one of our folders, also where it was set aside; else None."""
    found = _ASIDE_FOLDER.fullmatch(name)
    return found["name"] if found and found["name"] in _FOLDERS else None


def _sort_subfolder(folder: Path, names: re.Pattern[str], found: StateFolderContents) -> None:
    for path in sorted(folder.iterdir()):
        is_ours = names.fullmatch(path.name) is not None and not _is_folder(path)
        (found.files if is_ours else found.foreign).append(path)
    found.folders.append(folder)


def _is_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)
