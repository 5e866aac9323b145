r"""Windows: a user's own copy of the program gives way to the one that is there for all users.

Both would start at sign-in, and the second one to start would open the panel each time. What the
wizard ``setup.exe`` wrote into ``HKCU\Software\Ankong`` tells of the copy, and what the MSI wrote
into ``HKLM\Software\Ankong`` of the program for all. Sites, history, settings and what browsers
trust are the user's and stay: whichever program runs uses them.
"""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from agent import __version__
from agent.host.autostart.windows import CurrentUser, UserRegistry, read_for_all_users
from agent.host.shared_program import KEY, SharedProgram, is_same, own_folder
from agent.host.update.version import is_older

UNINSTALLER: Final = "uninstall.exe"
KEPT: Final = "Kept"
"""The value of a copy that stays: of ``setup.exe /USERCOPY``, or ours where removing it failed."""
GIVE_WAY: Final = ("/S", "/GIVEWAY")
"""The uninstaller ends the copy's agent and removes the program; all else stays."""

_SECONDS: Final = 60.0
"""How long it may take; after that the program starts all the same."""
_STEP: Final = 0.25  # seconds

_log = structlog.get_logger(__name__)


def _started(command: tuple[str, ...]) -> int | None:
    """Run a program; return its exit status, None where it did not start or end in time."""
    with suppress(OSError, subprocess.TimeoutExpired):
        # It must not be looked for in, nor hold, the folder that is going.
        folder = os.environ.get("SYSTEMROOT", os.path.abspath(os.sep))  # noqa: PTH100
        return subprocess.run(command, cwd=folder, timeout=_SECONDS, check=False).returncode  # noqa: S603
    return None


@dataclass(frozen=True)
class OwnCopy:
    """The copy of the user who is signed in.

    Attributes:
        folder: of the program for all users, the one that runs; None where this is none.
        registry: the user's.
        for_all_users: reads a value, by key and name, that is everybody's.
        start: starts a program and returns its exit status, or None where it did not end in time.
        wait: pauses for so many seconds.

    """

    folder: Path | None = field(default_factory=own_folder)
    registry: UserRegistry = field(default_factory=CurrentUser)
    for_all_users: Callable[[str, str], str | None] = read_for_all_users
    start: Callable[[tuple[str, ...]], int | None] = _started
    wait: Callable[[float], None] = time.sleep

    def give_way(self) -> bool:
        """Remove the copy if it is as old as this program or older; return whether it is gone.

        Nothing is done where this is not the program for all users, where the user has no copy, a
        newer one, or one that was wanted beside it. What cannot be removed is not tried again.
        """
        uninstaller = self._uninstaller()
        if uninstaller is None:
            return False
        status = self.start((str(uninstaller), *GIVE_WAY))
        if status == 0 and self._is_gone(uninstaller):
            _log.info("the user's own copy gave way to the program for all users")
            return True
        _log.warning("the user's own copy could not be removed", status=status)
        self.registry.write(KEY, KEPT, "1")  # else every start would wait for it again
        return False

    def _uninstaller(self) -> Path | None:
        """Return the program that removes the copy; None where none is to be removed."""
        if self.folder is None or not SharedProgram(self.folder, self.for_all_users).is_this():
            return None
        folder, version = self._text("InstallDir"), self._text("Version")
        if not folder or not version or is_same(folder, str(self.folder)) or self._text(KEPT):
            return None
        try:
            if is_older(__version__, version):
                return None
        except ValueError:  # whatever it is, it is not what runs here
            return None
        uninstaller = Path(folder) / UNINSTALLER
        return uninstaller if uninstaller.is_file() else None

    def _text(self, name: str) -> str:
        value = self.registry.read(KEY, name)
        return value if isinstance(value, str) else ""

    def _is_gone(self, uninstaller: Path) -> bool:
        """Wait until it has removed itself: what was started goes on in a copy of its own."""
        for _ in range(int(_SECONDS / _STEP)):
            if not uninstaller.exists() and not self._text("InstallDir"):
                return True
            self.wait(_STEP)
        return False
