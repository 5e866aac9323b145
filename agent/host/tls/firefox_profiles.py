"""The databases of this user's Firefox profiles on Linux: what works without an administrator.

A profile that does not exist yet cannot be made from outside; Firefox makes it, with its database,
when it first starts. It asks the database again for each connection, so it need not be restarted
after that (tried with Firefox 153).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.files import read_file
from agent.host.tls.firefox import BINARIES, FirefoxPolicyStore
from agent.host.tls.machine import Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.nss import TOOL, NssDatabases, databases
from agent.host.tls.nss_folder import sandbox_of
from agent.host.tls.store import AuthorityFile, Place, Presence, Recorder

_FOLDERS: Final = (
    *(".mozilla/firefox", ".config/mozilla/firefox"),
    *(".librewolf", ".config/librewolf/librewolf", ".waterfox", ".floorp", ".zen"),
)
_IN_SANDBOXES: Final = (
    "snap/firefox/common/.mozilla/firefox",
    "snap/firefox/common/.config/mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox",
    ".var/app/io.gitlab.librewolf-community/.librewolf",
)
_MAX_LIST: Final = 1024 * 1024  # bytes of a profiles.ini
_MAX_PROFILES: Final = 1000


class FirefoxProfileStore:
    """The databases of this user's profiles."""

    name = "firefox"
    for_all_users = False
    for_browsers = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._policy = FirefoxPolicyStore(machine)
        self._databases = NssDatabases(machine, self.name)

    def _profiles(self, folders: Sequence[str]) -> list[Path]:
        """Return the profiles with a database in and beside these folders of the home."""
        if self._machine.platform != "linux":
            return []
        home = self._machine.home
        roots = [home / folder for folder in folders]
        found = [each for root in roots for each in _entries(root)]
        for root in roots:
            sandbox = sandbox_of(root, home)
            listed = _elsewhere(root / "profiles.ini")
            found += [each for each in listed if sandbox is None or each.is_relative_to(sandbox)]
        return databases(found, home)

    def _by_policy(self, authority: AuthorityFile) -> list[Place]:
        """Return the profiles that need no entry of their own.

        A Firefox in a sandbox may not see the system's policy, so its profiles are never among
        them.
        """
        if not self._policy.serves_everybody(authority):
            return []
        return [
            Place(self.name, str(folder), Presence.TRUSTED, "by policy")
            for folder in self._profiles(_FOLDERS)
        ]

    def _others(self, by_policy: Iterable[Place]) -> list[Path]:
        served = {place.path for place in by_policy}
        return [folder for folder in self.existing() if str(folder) not in served]

    def existing(self) -> list[Path]:
        """Return the profiles that have a database."""
        return self._profiles((*_FOLDERS, *_IN_SANDBOXES))

    def missing(self) -> list[Path]:
        """Return nothing: only Firefox makes profiles."""
        return []

    def _to_come(self) -> list[Place]:
        """Say what becomes of a Firefox that has never run; nothing where there is another."""
        installed = self._machine.platform == "linux" and any(map(self._machine.find, BINARIES))
        if not installed or self.existing():
            return []
        folder = str(self._machine.home / _FOLDERS[0])
        if self._machine.find(TOOL) is None:
            return [Place(self.name, folder, Presence.NEEDS_TOOL, TOOL)]
        return [Place(self.name, folder, Presence.NOT_YET)]

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look into each profile, unless a policy makes its Firefox trust the authority."""
        by_policy = self._by_policy(authority)
        others = [self.check_in(folder, authority) for folder in self._others(by_policy)]
        return [*by_policy, *others, *self._waiting(authority)]

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Make each profile trust the authority, unless a policy does already."""
        by_policy = self._by_policy(authority)
        others = [self.install_in(folder, authority, record) for folder in self._others(by_policy)]
        return [*by_policy, *others, *self._waiting(authority)]

    def _waiting(self, authority: AuthorityFile) -> list[Place]:
        return [] if self._policy.serves_everybody(authority) else self._to_come()

    def check_in(self, folder: Path, authority: AuthorityFile) -> Place:
        """Look into one of :meth:`existing`."""
        return self._databases.check(folder, authority)

    def install_in(self, folder: Path, authority: AuthorityFile, record: Recorder) -> Place:
        """Make one of :meth:`existing` trust the authority."""
        return self._databases.install(folder, authority, record)

    def uninstall(self, step: TrustStep) -> None:
        """Remove the authority from one profile.

        Raises:
            StoreError: it is still there.

        """
        self._databases.uninstall(step)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())[:_MAX_PROFILES]
    except OSError:
        return []


def _elsewhere(file: Path) -> Iterator[Path]:
    """Return the profiles that Firefox's list has in other folders.

    A citizen chose those in Firefox's own window of profiles.
    """
    with suppress(OSError):
        lines = read_file(file, _MAX_LIST).decode("utf-8", "replace").splitlines()
        paths = [line.partition("=")[2].strip() for line in lines if line.startswith("Path=")]
        for path in paths[:_MAX_PROFILES]:
            if path.startswith("/") and "\0" not in path:
                yield Path(path)
