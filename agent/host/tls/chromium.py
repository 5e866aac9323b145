"""The databases of Chromium, Chrome, Edge, Brave and others on Linux.

Up to version 145 the place is ``~/.pki/nssdb``. Later ones use ``$XDG_DATA_HOME/pki/nssdb``, and
for some of them the old place comes first where it exists (tried with 156). So a browser that has
no database anywhere gets one in both places, and where it has one anywhere no other is made: a
fresh one could hide it, with the citizen's own certificates.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.host.tls.machine import Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.nss import NssDatabases, databases
from agent.host.tls.nss_folder import DATABASE_FILE
from agent.host.tls.store import AuthorityFile, Place, Recorder

_OLD: Final = Path(".pki/nssdb")
_NEW: Final = Path(".local/share/pki/nssdb")
_IN_FLATPAK: Final = Path("data/pki/nssdb")  # where a Flatpak's XDG_DATA_HOME leads
_PROGRAMS: Final = (
    *("chromium", "chromium-browser", "ungoogled-chromium"),
    *("google-chrome", "google-chrome-stable", "google-chrome-beta", "google-chrome-unstable"),
    *("microsoft-edge", "microsoft-edge-stable", "brave", "brave-browser", "brave-browser-stable"),
    *("vivaldi", "vivaldi-stable", "opera", "opera-stable", "yandex-browser", "thorium-browser"),
)
# Where installers put them, for a PATH that does not lead there.
_INSTALLED: Final = (
    *("/usr/lib/chromium/chromium", "/usr/lib64/chromium-browser/chromium-browser"),
    *("/opt/google/chrome/chrome", "/opt/microsoft/msedge/msedge"),
    *("/opt/brave.com/brave/brave", "/opt/vivaldi/vivaldi-bin"),
)
_IN_SANDBOXES: Final = ("/snap/", "/var/lib/snapd/", "/var/lib/flatpak/")  # they have other homes
_SNAPS: Final = ("chromium", "brave", "opera", "vivaldi", "ungoogled-chromium")
_FLATPAKS: Final = (
    *("org.chromium.Chromium", "io.github.ungoogled_software.ungoogled_chromium"),
    *("com.google.Chrome", "com.google.ChromeDev", "com.microsoft.Edge", "com.brave.Browser"),
    *("com.vivaldi.Vivaldi", "com.opera.Opera"),
)
_FLATPAK_APPS: Final = ("/var/lib/flatpak/app", ".local/share/flatpak/app")


@dataclass(frozen=True, slots=True)
class _BrowserHome:
    """Where one packaging of browsers keeps its files.

    Attributes:
        home: the citizen's home folder.
        places: of databases, absolute, the old one first.
        is_installed: whether such a browser is there, as far as can be known.

    """

    home: Path
    places: tuple[Path, ...]
    is_installed: bool

    def missing(self) -> tuple[Path, ...]:
        """Return where databases have to be made."""
        if not self.is_installed:
            return ()
        if not databases(self.places, self.home):
            return self.places
        # There are databases, but browsers use this one, and would make it when they start.
        old = self.places[0]
        return (old,) if old.is_dir() and not (old / DATABASE_FILE).exists() else ()


class ChromiumStore:
    """The databases that the browsers of this user read or will read."""

    name = "chromium"
    for_all_users = False
    for_browsers = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._databases = NssDatabases(machine, self.name)

    def _homes(self) -> Iterator[_BrowserHome]:
        home = self._machine.home
        moved = Path(self._machine.environment.get("XDG_DATA_HOME") or "")
        # Outside of the home nothing is made.
        new = moved / "pki" / "nssdb" if home in moved.parents else home / _NEW
        yield _BrowserHome(home, (home / _OLD, new), self._is_installed())
        for name in _SNAPS:
            inside = home / "snap" / name / "current"
            yield _BrowserHome(home, (inside / _OLD, inside / _NEW), inside.is_dir())
        for name in _FLATPAKS:
            inside = home / ".var" / "app" / name
            # A version may see one of the two only: which one, its packager has decided.
            places = (inside / _OLD, inside / _IN_FLATPAK)
            yield _BrowserHome(home, places, inside.is_dir() or self._has_flatpak(name))

    def _is_installed(self) -> bool:
        found = (self._machine.find(name) for name in _PROGRAMS)
        if any(each is not None and not each.startswith(_IN_SANDBOXES) for each in found):
            return True
        return any(self._machine.system_path(each).exists() for each in _INSTALLED)

    def _has_flatpak(self, name: str) -> bool:
        system, own = _FLATPAK_APPS
        folders = (self._machine.system_path(system), self._machine.home / own)
        return any((folder / name).is_dir() for folder in folders)

    def existing(self) -> list[Path]:
        """Return the folders of the databases there are."""
        if self._machine.platform != "linux":
            return []
        home = self._machine.home
        folders = [home / _OLD, home / _NEW]
        moved = self._machine.environment.get("XDG_DATA_HOME")
        if moved:
            folders.append(Path(moved) / "pki" / "nssdb")
        for place in (_OLD, _NEW):
            folders += home.glob(f"snap/*/current/{place}")
        for place in (_OLD, _IN_FLATPAK):
            folders += home.glob(f".var/app/*/{place}")
        return databases(folders, home)

    def missing(self) -> list[Path]:
        """Return the folders in which databases have to be made, for browsers that have none."""
        if self._machine.platform != "linux":
            return []
        return [place for home in self._homes() for place in home.missing()]

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look into each database, and at the place of each that is missing."""
        home = self._machine.home
        return [
            *(self._databases.check(folder, authority) for folder in self.existing()),
            *(self._databases.check_new(folder, home) for folder in self.missing()),
        ]

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Make each database trust the authority; make those that are missing."""
        folders = [*self.existing(), *self.missing()]
        return [self.install_in(folder, authority, record) for folder in folders]

    def install_in(self, folder: Path, authority: AuthorityFile, record: Recorder) -> Place:
        """Make one of :meth:`existing` or :meth:`missing` trust the authority."""
        if (folder / DATABASE_FILE).exists():
            return self._databases.install(folder, authority, record)
        return self._databases.make(folder, self._machine.home, authority, record)

    def check_in(self, folder: Path, authority: AuthorityFile) -> Place:
        """Look into one of :meth:`existing` or :meth:`missing`."""
        if (folder / DATABASE_FILE).exists():
            return self._databases.check(folder, authority)
        return self._databases.check_new(folder, self._machine.home)

    def uninstall(self, step: TrustStep) -> None:
        """Remove the authority from one database.

        Raises:
            StoreError: it is still there.

        """
        self._databases.uninstall(step)
