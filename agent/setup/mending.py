"""Mend a user's own state before the setup runs again; nothing of the citizen's is deleted.

What cannot be understood is renamed, and the new name is told. Site decisions and history mend
themselves when the agent opens them (``agent.database``).
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agent.errors import AgentError
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.tls import identity
from agent.host.tls.authority import LEAVES
from agent.host.tls.manifest import Manifest
from agent.setup.report import StepResult, done

_CERTIFICATE_FILE: Final = re.compile(r"(authority|leaf-[0-9]+)\.(pem|new)")
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


def mend_settings(paths: Paths) -> Iterator[StepResult]:
    """Set a settings file and a list of changed trust stores aside that cannot be read.

    Raises:
        OSError: one of them cannot be renamed.

    """
    try:
        config.load(paths.config)
    except AgentError:
        yield done("settings", "settings_aside", path=str(_set_aside(paths.config)))
    else:
        yield done("settings", "settings_kept")
    try:
        Manifest(paths.trust)
    except (AgentError, OSError):
        yield done("settings", "manifest_aside", path=str(_set_aside(paths.trust)))


def mend_certificates(folder: Path) -> bool:
    """Remove the local certificates where not all of them can be used; return whether it did.

    They are made anew by the setup: the authority's key is gone since they were made, so that a
    missing one cannot be issued again.

    Args:
        folder: of the certificates; may be missing.

    Raises:
        OSError: something cannot be removed or renamed.

    """
    if not (folder.exists() or folder.is_symlink()):
        return False
    if folder.is_dir() and not folder.is_symlink():
        folder.chmod(_FOLDER_MODE)
        if _are_whole(folder):
            _close(folder)
            return False
        _remove_certificates(folder)
        with suppress(OSError):  # somebody else's file is in it
            folder.rmdir()
    if _is_in_the_way(folder):
        _set_aside(folder)
    return True


def _are_whole(folder: Path) -> bool:
    try:
        found = identity.read(folder)
    except OSError:
        return False
    return found is not None and len(found.leaves) == LEAVES


def _close(folder: Path) -> None:
    for path in folder.glob("*.pem"):
        path.chmod(_FILE_MODE)


def _remove_certificates(folder: Path) -> None:
    for path in folder.iterdir():
        is_folder = path.is_dir() and not path.is_symlink()
        if _CERTIFICATE_FILE.fullmatch(path.name) and not is_folder:
            path.unlink()


def _is_in_the_way(folder: Path) -> bool:
    """Return whether something is left that keeps certificates from being written."""
    if not folder.is_dir() or folder.is_symlink():
        return folder.exists() or folder.is_symlink()
    return any(_CERTIFICATE_FILE.fullmatch(path.name) for path in folder.iterdir())


def _set_aside(path: Path) -> Path:
    """Rename a file or folder, as the doctor does; return its new name."""
    target = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%d%H%M%S}")
    path.replace(target)
    return target
