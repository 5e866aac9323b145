"""Refuse a state folder whose files others than its user could change, exchange or plant."""

import getpass
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Final

from agent.errors import AgentError, ErrorCode
from agent.host.machine.windows_acl import ADMINISTRATIVE, WRITE, AccessReader, open_files

_SUB_FOLDERS: Final = ("tls", "logs")
_MAX_LINKS: Final = 40  # as Linux has it, path_resolution(7)
# Who called sudo(8) or pkexec(1): root then works in that user's folder.
_CALLERS: Final = ("SUDO_UID", "PKEXEC_UID")


@unique
class Weakness(StrEnum):
    """How others get at the agent's files."""

    WRITABLE = "writable"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class UnsafePlace:
    """A folder, link or file that makes the state folder unsafe.

    Attributes:
        path: of it.
        weakness: what is wrong with it.
        remedy: the command that mends it.

    """

    path: Path
    weakness: Weakness
    remedy: str


class UnsafeFolderError(AgentError):
    """Others could change the agent's files; ``detail`` names the place and the remedy."""

    code = ErrorCode.BAD_REQUEST

    def __init__(self, place: UnsafePlace) -> None:
        what = {
            Weakness.WRITABLE: "other users can write there",
            Weakness.FOREIGN: "it belongs to another user",
        }[place.weakness]
        key = {
            Weakness.WRITABLE: "doctor.state_writable",
            Weakness.FOREIGN: "doctor.state_foreign",
        }[place.weakness]
        facts = {"path": place.path, "command": place.remedy}
        super().__init__(f"{place.path}: {what}; to mend it: {place.remedy}", said=(key, facts))


def find_unsafe_place(folder: Path, files: AccessReader | None = None) -> UnsafePlace | None:
    """Look for a place through which others could change files in a folder; changes nothing.

    On POSIX these are looked at: the folder, every folder and link on the way to it from the home
    folder (from the root where it is elsewhere), its sub-folders, and the owner of every file. On
    Windows the access list of the folder.

    Args:
        folder: absolute; it need not exist.
        files: reads access lists; None for this system's, if it is Windows.

    Raises:
        OSError: a place cannot be looked at.

    """
    if files is not None:
        return _unsafe_on_windows(folder, files)
    if os.name == "nt":
        return _unsafe_on_windows(folder, open_files())
    trusted = _trusted_users()
    inner = [folder / name for name in _SUB_FOLDERS]
    for place in (folder, *inner):
        found = _unsafe_on_the_way(place, trusted) or _unsafe_content(place, trusted)
        if found is not None:
            return found
    return None


def _trusted_users() -> frozenset[int]:
    users = {0, os.geteuid()}
    if os.geteuid() == 0:
        users |= {int(value) for name in _CALLERS if (value := os.environ.get(name, "")).isdigit()}
    return frozenset(users)


def _unsafe_on_the_way(folder: Path, trusted: frozenset[int]) -> UnsafePlace | None:
    above_home = set(Path.home().parents) if folder.is_relative_to(Path.home()) else set()
    for place in _steps(folder):
        if place in above_home:
            continue
        try:
            found = place.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None  # will be made by us, in a folder that was looked at
        if found.st_uid not in trusted:
            return UnsafePlace(place, Weakness.FOREIGN, _take_over(place, folder))
        if stat.S_ISDIR(found.st_mode) and _others_write(found, last=place == folder):
            return UnsafePlace(place, Weakness.WRITABLE, f"chmod go-w {shlex.quote(str(place))}")
    return None


def _steps(folder: Path) -> Iterator[Path]:
    """Yield every folder and link from the root to ``folder``, and where the links lead.

    Raises:
        OSError: there are too many links.

    """
    here, left, links = Path(folder.anchor), list(folder.parts[1:]), 0
    yield here
    while left:
        name = left.pop(0)
        here = here.parent if name == os.pardir else here / name
        yield here
        if here.is_symlink():
            links += 1
            if links > _MAX_LINKS:
                raise OSError(f"{folder}: too many links")
            target = here.readlink()
            left = [*target.parts[1 if target.is_absolute() else 0 :], *left]
            here = Path(target.anchor) if target.is_absolute() else here.parent


def _others_write(found: os.stat_result, *, last: bool) -> bool:
    """Return whether others may exchange what is in a folder.

    In a sticky folder, such as /tmp, they may add to it, but not move what is another's.
    """
    if found.st_mode & stat.S_ISVTX and not last:
        return False
    group = found.st_mode & stat.S_IWGRP and not _is_private_group(found.st_gid)
    return bool(group or found.st_mode & stat.S_IWOTH)


def _is_private_group(number: int) -> bool:
    """Return whether a group has no other member: root's, or the one that bears a user's name."""
    import grp  # noqa: PLC0415  # POSIX only
    import pwd  # noqa: PLC0415

    if number == 0:
        return True
    with suppress(KeyError):
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(number)
        return (
            user.pw_gid == number
            and group.gr_name == user.pw_name
            and set(group.gr_mem) <= {user.pw_name}
        )
    return False


def _unsafe_content(folder: Path, trusted: frozenset[int]) -> UnsafePlace | None:
    """Look for what somebody else put into the folder while it was open to others."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # a temporary file that is gone by now
                if entry.stat(follow_symlinks=False).st_uid not in trusted:
                    place = Path(entry.path)
                    return UnsafePlace(place, Weakness.FOREIGN, _set_aside(place))
    return None


def _take_over(place: Path, folder: Path) -> str:
    if place == folder or place.is_symlink():
        return _set_aside(place)  # what is in it cannot be trusted either
    return f"sudo chown {shlex.quote(getpass.getuser())} {shlex.quote(str(place))}"


def _set_aside(place: Path) -> str:
    return f"sudo mv {shlex.quote(str(place))} {shlex.quote(f'{place}.set-aside')}"


def _unsafe_on_windows(folder: Path, files: AccessReader) -> UnsafePlace | None:
    """Look at the folder's access list; without one (FAT) nothing is protected."""
    try:
        found = files.access(folder)
    except FileNotFoundError:
        return None
    own = files.own_sid()
    trusted = ADMINISTRATIVE | {own}
    remedy = (
        f'icacls "{folder}" /inheritance:r '
        f"/grant *{own}:(OI)(CI)F *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F"
    )
    if found.owner not in trusted:
        return UnsafePlace(folder, Weakness.FOREIGN, f'takeown /F "{folder}" & {remedy}')
    if found.others(trusted, WRITE):
        return UnsafePlace(folder, Weakness.WRITABLE, remedy)
    return None
