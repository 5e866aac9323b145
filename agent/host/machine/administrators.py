"""Whether administrators alone can change what all users of a computer share, and see to it.

On Windows every user may make folders in the folder for program data, so that whoever comes first
could plant what all others then use. What is no administrator's is never used, and is set aside by
an administrator's command: renamed, not deleted. On POSIX only an administrator can make a folder
in that place, but may have given it away.
"""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from agent.errors import AgentError
from agent.host.machine.windows_acl import ADMINISTRATIVE, REPLACE, WRITE, FileAccess
from agent.host.machine.windows_folders import open_folders

ROOT = 0
"""The user number of administrators on POSIX."""
_TRIES: Final = 10
_FOLDER_MODE: Final = 0o755  # all may read, or their agents could not


class StrangersError(AgentError):
    """It belongs to somebody who is no administrator; ``detail`` names it and the owner."""


class OpenToOthersError(AgentError):
    """An administrator made it, and others can change it; ``detail`` names it and them."""


class OwnerReader(Protocol):
    """What Windows is asked."""

    def access(self, path: Path) -> FileAccess:
        """Return the owner and the access list of what has this very name, be it a link.

        Raises:
            FileNotFoundError: there is nothing of that name.
            OSError: Windows does not tell.

        """

    def is_link(self, path: Path) -> bool:
        """Return whether it leads elsewhere (a reparse point)."""


class SharedFolders(OwnerReader, Protocol):
    """What Windows is asked, and told."""

    def make(self, folder: Path) -> None:
        """Make a folder that administrators own and alone can change, and all can read.

        Raises:
            FileExistsError: something has that name.
            OSError: it cannot be made.

        """

    def close(self, folder: Path) -> None:
        """Give an existing folder to administrators likewise, with what is in it.

        Raises:
            OSError: Windows does not do it.

        """


def check_shared(
    folder: Path, names: Iterable[str] = (), windows: SharedFolders | None = None
) -> None:
    """Check that only administrators can change a folder, what it lies in, and files in it.

    Args:
        folder: whose own parent is the outermost that is looked at on Windows; on POSIX all are.
        names: of the files; those that are missing are passed over.
        windows: asks Windows; None for this system.

    Raises:
        FileNotFoundError: there is no such folder.
        StrangersError: it, what it lies in or a file belongs to somebody else, or is a link.
        OpenToOthersError: others can change it.
        OSError: that cannot be found out.

    """
    files = [folder / name for name in names]
    if windows is None and os.name == "nt":
        windows = open_folders()
    if windows is None:
        _check_modes(folder, files)
        return
    # Users may add to an administrator's folder below ProgramData, which does no harm.
    _check_access(folder.parent, REPLACE, windows)
    _check_access(folder, WRITE, windows)
    for file in files:
        if os.path.lexists(file):
            _check_access(file, WRITE, windows)


def make_shared(folder: Path, windows: SharedFolders | None = None) -> Path | None:
    """Make a folder that administrators alone can change and all can read, or see to that.

    Args:
        folder: below one that administrators alone can exchange.
        windows: tells Windows; None for this system.

    Returns:
        Where what was no administrator's lies now; None where there was nothing of the kind.

    Raises:
        OSError: it cannot be made, closed or set aside.

    """
    if windows is None and os.name == "nt":
        windows = open_folders()
    if windows is not None:
        return _make_on_windows(folder, windows)
    aside = None
    if os.path.lexists(folder) and _is_strange(folder, windows):
        aside = set_aside(folder)
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != _FOLDER_MODE:  # by a umask, or an older mistake
        folder.chmod(_FOLDER_MODE)
    return aside


def _make_on_windows(folder: Path, windows: SharedFolders) -> Path | None:
    """Make a folder, or close one that is an administrator's: only those can exchange that one.

    Making comes first. What a stranger puts there between a look and the next step is looked at
    again, and never closed: a link of theirs would have something else closed.
    """
    aside = None
    for _ in range(_TRIES):
        with suppress(FileExistsError):
            windows.make(folder)
            return aside
        with suppress(FileNotFoundError):  # gone again
            if not _is_strange(folder, windows):
                windows.close(folder)
                return aside
            aside = set_aside(folder)
    raise OSError(f"{folder}: somebody puts something in its place again and again")


def set_strangers_aside(file: Path, windows: SharedFolders | None = None) -> None:
    """Set a file aside that is no administrator's, or a link; never one that is missing.

    Raises:
        OSError: it cannot be renamed.

    """
    if windows is None and os.name == "nt":
        windows = open_folders()
    if os.path.lexists(file) and (_is_strange(file, windows) or not file.is_file()):
        set_aside(file)


def set_aside(path: Path) -> Path:
    """Rename a file, link or folder; return its new name.

    Raises:
        OSError: it cannot be renamed.

    """
    target = path.with_name(f"{path.name}.set-aside-{datetime.now(UTC):%Y%m%d%H%M%S%f}")
    path.rename(target)
    return target


def is_strangers(path: Path) -> bool:
    """Return whether something is there that no administrator made, or a link.

    Raises:
        OSError: it cannot be looked at.

    """
    windows = open_folders() if os.name == "nt" else None
    return os.path.lexists(path) and _is_strange(path, windows)


def _is_strange(path: Path, windows: SharedFolders | None) -> bool:
    if path.is_symlink():
        return True
    if windows is None:
        return path.lstat().st_uid not in {0, ROOT}
    try:
        return windows.is_link(path) or windows.access(path).owner not in ADMINISTRATIVE
    except FileNotFoundError:
        raise
    except OSError:
        return True  # its maker can forbid others to look


def _check_access(path: Path, rights: int, windows: SharedFolders) -> None:
    if windows.is_link(path):
        raise StrangersError(f"{path}: a link")
    try:
        found = windows.access(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StrangersError(f"{path}: nobody may see whose it is") from error
    if found.owner not in ADMINISTRATIVE:
        raise StrangersError(f"{path}: its owner {found.owner} is no administrator")
    others = found.others(ADMINISTRATIVE, rights)
    if others:
        raise OpenToOthersError(f"{path}: {', '.join(others)} can change it")


def _check_modes(folder: Path, files: Iterable[Path]) -> None:
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise StrangersError(f"{folder}: a link")
    for place in (folder, *folder.parents):
        _check_mode(place, place.stat(), is_above=place != folder)
    for file in files:
        if os.path.lexists(file):
            looked_at = file.lstat()
            if not stat.S_ISREG(looked_at.st_mode):
                raise StrangersError(f"{file}: no file")
            _check_mode(file, looked_at)


def _check_mode(path: Path, found: os.stat_result, *, is_above: bool = False) -> None:
    if found.st_uid not in {0, ROOT}:
        raise StrangersError(f"{path}: its owner {found.st_uid} is no administrator")
    # In a sticky folder, such as /tmp, nobody can move what is root's.
    is_sticky = is_above and found.st_mode & stat.S_ISVTX
    group = found.st_gid != 0 and found.st_mode & stat.S_IWGRP
    if not is_sticky and (group or found.st_mode & stat.S_IWOTH):
        raise OpenToOthersError(f"{path}: others than root can change it")
