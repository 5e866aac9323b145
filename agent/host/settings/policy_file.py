"""Decide whether the file in the place of the administrator's policy is the administrator's.

A stranger's file must neither weaken the agent nor stop it. On Windows every user may make folders
and files in the folder for program data, so one there that belongs to no administrator is as good
as none: it is ignored, and named; so is a link there that is a stranger's, wherever it leads. On
POSIX only an administrator can make files in that place, so one that others can change is an
administrator's mistake, and no site is allowed until it is mended. So is an administrator's own
file on Windows that others may change.
"""

import os
import stat
from pathlib import Path

from agent.errors import AgentError
from agent.files import replace_file
from agent.host.machine.administrators import OwnerReader, make_shared, set_strangers_aside
from agent.host.machine.windows_acl import ADMINISTRATIVE, REPLACE, WRITE, FileAccess
from agent.host.machine.windows_folders import open_folders
from agent.host.settings.config import ConfigError


class PlantedPolicyError(AgentError):
    """What is in the policy's place is no administrator's; ``detail`` names it and its owner."""


def check_policy_file(path: Path, files: OwnerReader | None = None) -> None:
    """Check that only administrators can change the policy file, or exchange it.

    Args:
        path: of the file.
        files: reads owners and access lists; None for this system's, if it is Windows.

    Raises:
        FileNotFoundError: there is no such file.
        PlantedPolicyError: it is to be ignored.
        ConfigError: an administrator made it, and others can change it, or on Windows it is a
            link.
        OSError: that cannot be found out.

    """
    if files is not None:
        _check_access(path, files)
    elif os.name == "nt":
        _check_access(path, open_folders())
    else:
        _check_modes(path)


def put_policy_file(path: Path, content: bytes) -> None:
    """Put a policy in its place, where administrators alone can change it and all can read it.

    What a stranger planted there is renamed.

    Args:
        path: of the place.
        content: that makes a policy.

    Raises:
        OSError: it cannot be put there, such as by a user.

    """
    is_windows = os.name == "nt"
    if is_windows or not path.parent.exists():  # elsewhere only administrators can have made it
        make_shared(path.parent)
    if is_windows:
        set_strangers_aside(path)
    replace_file(path, content, mode=0o644, follow_links=not is_windows)


def _check_access(path: Path, files: OwnerReader) -> None:
    folder = _folder_access(path, files)
    file = _file_access(path, folder, files)
    for place, found in ((path.parent, folder), (path, file)):
        if found.owner not in ADMINISTRATIVE:
            raise PlantedPolicyError(f"{place}: its owner {found.owner} is no administrator")
        if files.is_link(place):
            raise ConfigError(f"{place}: a link, and nobody looked at what it leads to")
    # In a folder below ProgramData everybody may add files, by inheritance. That does no harm:
    # they would be found to be their maker's.
    for place, found, rights in ((path.parent, folder, REPLACE), (path, file, WRITE)):
        others = found.others(ADMINISTRATIVE, rights)
        if others:
            raise ConfigError(f"{place}: {', '.join(others)} can change it")


def _folder_access(path: Path, files: OwnerReader) -> FileAccess:
    try:
        return files.access(path.parent)
    except FileNotFoundError:
        raise
    except OSError as error:
        # Its maker can forbid others to look.
        raise PlantedPolicyError(f"{path.parent}: nobody may see whose it is") from error


def _file_access(path: Path, folder: FileAccess, files: OwnerReader) -> FileAccess:
    try:
        return files.access(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        if folder.owner in ADMINISTRATIVE and not folder.others(ADMINISTRATIVE, WRITE):
            raise  # an administrator made it, and shut the users out
        raise PlantedPolicyError(f"{path}: nobody may see whose it is") from error


def _check_modes(path: Path) -> None:
    real = path.resolve()
    for place in (real, *real.parents):
        found = place.stat()
        group = found.st_gid != 0 and found.st_mode & stat.S_IWGRP
        # In a sticky folder, such as /tmp, nobody can move what is root's.
        sticky = place != real and found.st_mode & stat.S_ISVTX
        writable = not sticky and (group or found.st_mode & stat.S_IWOTH)
        if found.st_uid != 0 or writable:
            raise ConfigError(f"{place}: others than root can change it")
