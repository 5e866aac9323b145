"""What the wizard needs to know about the program, its user, and this computer."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from agent import __version__
from agent.host.autostart.xdg import XdgAutostart
from agent.host.instance.quitting import StillRunningError, end_running, is_running
from agent.host.machine.paths import Paths
from agent.host.tls.machine import Machine
from wizard.errors import WizardError
from wizard.install_paths import InstallPaths
from wizard.installation import InstallationRecord, installed, is_older


@dataclass(frozen=True)
class Situation:
    """The program, its user and this computer; constant while the wizard runs.

    Attributes:
        source: folder of the frozen program that runs here.
        version: of it.
        paths: the folders to install into.
        state: the agent's own folder.

    """

    source: Path
    version: str
    paths: InstallPaths
    state: Paths

    @classmethod
    def here(cls) -> Self:
        """Return the situation of this process."""
        paths = InstallPaths.of(os.environ, Path.home())
        return cls(Path(sys.executable).parent, __version__, paths, Paths.choose())

    @property
    def icons(self) -> Path:
        """The folder of the pictures."""
        return self.source / "_internal" / "icons"

    @property
    def licences(self) -> Path:
        """The folder of all licences."""
        return self.source / "_internal" / "licences"

    def before(self) -> InstallationRecord | None:
        """Return what is installed now."""
        return installed(self.paths)

    def is_downgrade(self) -> bool:
        """Return whether a newer version would be replaced."""
        before = self.before()
        return before is not None and is_older(self.version, before.version)

    def size(self) -> int:
        """Return the size of the program in bytes."""
        return sum(path.lstat().st_size for path in self.source.rglob("*") if path.is_file())

    def is_running(self) -> bool:
        """Return whether this user's agent runs."""
        return is_running(self.state)

    def end_running(self) -> None:
        """Ask the agent to end, and wait for it.

        Raises:
            WizardError: it did not end.

        """
        try:
            end_running(self.state)
        except (StillRunningError, OSError) as error:
            raise WizardError("still_running") from error

    def starts_at_login(self) -> bool:
        """Return whether the agent starts when the user signs in."""
        return XdgAutostart((), Machine()).is_on()
