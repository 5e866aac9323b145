"""Who may exchange a file on POSIX: everybody who may write to it, or on the way to it."""

import os
import stat
from pathlib import Path


def others_can_exchange(file: Path) -> bool:
    """Return whether anybody but root and this process' user can exchange a file that exists.

    Raises:
        OSError: a place on the way to it cannot be looked at.

    """
    return any(_is_open(place) for place in _way_to(file))


def _way_to(file: Path) -> set[Path]:
    """Return each folder, link and file on the way to a file that exists."""
    way: set[Path] = set()
    ends = [file]
    while ends:
        end = ends.pop()
        for place in {end, *end.parents} - way:
            way.add(place)
            if place.is_symlink():
                ends.append(place.parent / place.readlink())
    return way


def _is_open(place: Path) -> bool:
    found = place.lstat()
    if found.st_uid not in {0, os.geteuid()}:
        return True
    if stat.S_ISLNK(found.st_mode):
        return False  # who may exchange it is said by its folder
    # In a sticky folder, such as /tmp, nobody can move what is another's.
    if found.st_mode & stat.S_ISVTX and stat.S_ISDIR(found.st_mode):
        return False
    group = found.st_gid != 0 and found.st_mode & stat.S_IWGRP
    return bool(group or found.st_mode & stat.S_IWOTH)
