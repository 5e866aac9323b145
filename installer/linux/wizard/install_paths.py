"""The folders of the program for one user (XDG Base Directory Specification 0.8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256)


@dataclass(frozen=True)
class InstallPaths:
    """The folders of one user.

    Attributes:
        data: for files of programs, ``~/.local/share`` unless the user has another.
        commands: on the user's PATH.

    """

    data: Path
    commands: Path

    @classmethod
    def of(cls, environment: Mapping[str, str], home: Path) -> Self:
        """Return the folders; relative paths in the environment are ignored (the specification)."""
        given = Path(environment.get("XDG_DATA_HOME", ""))
        data = given if given.is_absolute() else home / ".local" / "share"
        return cls(data, home / ".local" / "bin")

    @property
    def program(self) -> Path:
        """The folder of the program."""
        return self.data / "ankong" / "app"

    @property
    def staging(self) -> Path:
        """The folder that a new version is copied to before it is renamed."""
        return self.data / "ankong" / ".app.new"

    @property
    def replaced(self) -> Path:
        """The folder of the earlier version while it is replaced."""
        return self.data / "ankong" / ".app.old"

    @property
    def executable(self) -> Path:
        """The executable of the program."""
        return self.program / "ankong"

    @property
    def removal_script(self) -> Path:
        """The script that the command ``ankong-uninstall`` leads to."""
        return self.program / "ankong-uninstall"

    @property
    def record(self) -> Path:
        """The file with the record of the installation, JSON."""
        return self.program / "installed.json"

    @property
    def command(self) -> Path:
        """The command ``ankong``."""
        return self.commands / "ankong"

    @property
    def removal_command(self) -> Path:
        """The command ``ankong-uninstall``."""
        return self.commands / "ankong-uninstall"

    @property
    def menu_entry(self) -> Path:
        """The program's entry in the desktop's menu."""
        return self.data / "applications" / "ankong.desktop"

    @property
    def removal_entry(self) -> Path:
        """The uninstaller's entry in the desktop's menu."""
        return self.data / "applications" / "ankong-uninstall.desktop"

    def help(self, place: Path) -> Path:
        """Return where a file of help belongs, so that it is found without being looked for.

        The shells look below ``data``. ``man`` has never heard of that: it looks beside the
        folders of the PATH, and so beside ``commands`` (manpath(5)).

        Args:
            place: below the folder that the program brings, such as ``man/man1/ankong.1``.

        """
        return (self._share if place.parts[:1] == ("man",) else self.data) / place

    def is_help(self, path: Path) -> bool:
        """Return whether a path is one of :meth:`help`, without which the program works."""
        roots = (self._share / "man", self.data / "bash-completion", self.data / "fish")
        return any(path.is_relative_to(root) for root in roots)

    @property
    def _share(self) -> Path:
        return self.commands.parent / "share"

    def icon(self, size: int) -> Path:
        """Return the icon of ``size`` pixels."""
        theme = self.data / "icons" / "hicolor"
        return theme / f"{size}x{size}" / "apps" / "ankong.png"
