"""What keeps this user from making or changing a database: each has its own way out."""

import os
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.host.tls.nss_folder import DATABASE_FILES, sandbox_of
from agent.host.tls.store import Presence

FILES: Final = (*DATABASE_FILES, "pkcs11.txt")
"""What an NSS database is made of."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way.

    Attributes:
        presence: its kind.
        detail: the command that is the way out; what stands there, where it is something else.

    """

    presence: Presence
    detail: str = ""


def in_database(folder: Path) -> Obstacle | None:
    """Return what keeps the user from changing an existing database; None for nothing."""
    for path in (folder, *(folder / name for name in FILES)):
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return Obstacle(Presence.UNREADABLE, error.strerror or "")
        if path != folder and not stat.S_ISREG(found.st_mode):
            return Obstacle(Presence.OBSTRUCTED, str(path))
        obstacle = _in_file(path, found)
        if obstacle is not None:
            return obstacle
    return None


def on_the_way(folder: Path, home: Path) -> Obstacle | None:
    """Return what keeps the user from making ``folder`` below ``home``; None for nothing.

    No link is followed that leads out of the home, or in a sandbox out of the browser's own home:
    what stands there is not made by a browser.
    """
    inside, sandbox = home.resolve(), sandbox_of(folder, home)
    for path in (*reversed([each for each in folder.parents if home in each.parents]), folder):
        try:
            found = path.stat() if os.path.lexists(path) else None
        except OSError as error:
            return Obstacle(Presence.OBSTRUCTED, f"{path}: {error.strerror}")
        if found is None:
            return None  # and so nothing is below it
        real = path.resolve()
        if not stat.S_ISDIR(found.st_mode) or not real.is_relative_to(inside):
            return Obstacle(Presence.OBSTRUCTED, str(path))
        inside = real if path == sandbox else inside
        obstacle = _in_file(path, found)
        if obstacle is not None:
            return obstacle
    return None


def _in_file(path: Path, found: os.stat_result) -> Obstacle | None:
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    quoted = shlex.quote(str(path))
    if user and found.st_uid != user:
        return Obstacle(Presence.FOREIGN, f"sudo chown -R {user} {quoted}")
    wanted = os.R_OK | os.W_OK | (os.X_OK if stat.S_ISDIR(found.st_mode) else 0)
    if os.access(path, wanted):
        return None
    return Obstacle(Presence.READ_ONLY, f"chmod -R u+rwX {quoted}")


def password_command(folder: Path, name: str, certificate: Path) -> str:
    """Return the command that asks for a database's password and makes it trust a certificate.

    Without the password nobody can: it guards the trust as it guards the keys.
    """
    words = ["certutil", "-A", "-d", f"sql:{folder}", "-t", "C,,", "-n", name]
    return shlex.join([*words, "-i", str(certificate)])


def aside_command(folder: Path) -> str:
    """Return the command that moves a damaged database aside; the browser makes another then.

    The citizen's keys are in another file, which stays.
    """
    file = folder / FILES[0]
    return shlex.join(["mv", str(file), f"{file}.broken"])
