"""The program that the wizard installs, where it goes, and what this user has of it already."""

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
from wizard.damage import Damage, find_damage, is_of_program
from wizard.errors import WizardError
from wizard.install_paths import InstallPaths
from wizard.installation import InstallationRecord, is_older, read_record
from wizard.outside_files import icons_of, outside_files


@dataclass(frozen=True)
class WizardContext:
    """The program to install, and the folders of the user who runs the wizard.

    Attributes:
        source: folder of the frozen program that runs now.
        version: the version of that program.
        paths: the folders to install into.
        agent_paths: the agent's own files, which the wizard does not install.

    """

    source: Path
    version: str
    paths: InstallPaths
    agent_paths: Paths

    @classmethod
    def of_process(cls) -> Self:
        """Return the context of this process and its user."""
        paths = InstallPaths.of(os.environ, Path.home())
        return cls(Path(sys.executable).parent, __version__, paths, Paths.choose())

    @property
    def icons(self) -> Path:
        """The folder of the program's icons."""
        return icons_of(self.source)

    @property
    def licences(self) -> Path:
        """The folder of all licences."""
        return self.source / "_internal" / "licences"

    @property
    def executable(self) -> Path:
        """The executable of the program that runs now, which may be not installed yet."""
        return self.source / "ankong"

    def installed(self) -> InstallationRecord | None:
        """Return the record of what is installed now; None where nothing is.

        Where the record was lost, what is there counts as of this version.
        """
        record = read_record(self.paths)
        if record is None and (self.paths.program.exists() or self.paths.replaced.exists()):
            return InstallationRecord(self.version, (), ())
        return record

    def is_this_version(self) -> bool:
        """Return whether this very version is installed, whole or not."""
        record = self.installed()
        return record is not None and record.version == self.version

    def is_downgrade(self) -> bool:
        """Return whether the installed version is newer than this one."""
        record = self.installed()
        return record is not None and is_older(self.version, record.version)

    def size(self) -> int:
        """Return the size of the program in bytes."""
        return sum(path.lstat().st_size for path in self.source.rglob("*") if path.is_file())

    def damage(self) -> Damage:
        """Return what is missing or damaged of this version, which is installed."""
        record = read_record(self.paths)
        outside = {
            path: content
            for path, content in outside_files(self.source, self.paths).items()
            if (str(path) in record.files if record else self._is_not_anothers(path, content))
        }
        return find_damage(self.source, self.paths, outside, has_record=record is not None)

    def _is_not_anothers(self, path: Path, content: bytes | Path) -> bool:
        return not os.path.lexists(path) or is_of_program(self.paths, path, content)

    def is_running(self) -> bool:
        """Return whether this user's agent runs; False where that cannot be found out."""
        try:
            return is_running(self.agent_paths)
        except OSError:
            return False

    def end_running(self) -> None:
        """Ask this user's agent to end, and wait until it has.

        Raises:
            WizardError: it did not end.

        """
        try:
            end_running(self.agent_paths)
        except (StillRunningError, OSError) as error:
            raise WizardError("still_running") from error

    def starts_at_login(self) -> bool:
        """Return whether the agent starts when the user signs in."""
        return XdgAutostart((), Machine()).is_on()
