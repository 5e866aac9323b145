"""NSS databases: where Chromium and its relatives look on Linux, and Firefox in each profile.

A missing database is never created: that is the browser's work.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from agent.host.tls.machine import Machine
from agent.host.tls.manifest import READERS, TrustStep
from agent.host.tls.readers import Readers
from agent.host.tls.store import (
    NAME_PREFIX,
    AuthorityFile,
    Place,
    Presence,
    Recorder,
    StoreError,
    certificates_in,
)

TOOL: Final = "certutil"
TRUST: Final = "C,,"  # certutil's words: an authority for TLS servers, and nothing else
DATABASE_FILE: Final = "cert9.db"
# Where NSS's shared database is, natively and in the two kinds of sandbox.
_SHARED: Final = (".pki/nssdb", ".local/share/pki/nssdb")
_SANDBOXES: Final = (
    *("snap/*/current/.pki/nssdb", "snap/*/current/.local/share/pki/nssdb"),
    *(".var/app/*/.pki/nssdb", ".var/app/*/data/pki/nssdb"),
)
_LISTED: Final = re.compile(r"^(?P<name>.*\S)\s+(?P<trust>[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*)\s*$")


def databases(folders: Iterable[Path]) -> list[Path]:
    """Return those of ``folders`` that hold an NSS database, each once."""
    found = {folder.resolve() for folder in folders if (folder / DATABASE_FILE).is_file()}
    return sorted(found)


class NssDatabases:
    """Read and change NSS databases with ``certutil``; used by two kinds of store."""

    def __init__(self, machine: Machine, store: str) -> None:
        self._machine = machine
        self._store = store

    def check(self, folder: Path, authority: AuthorityFile) -> Place:
        """Look whether one database trusts the authority."""
        tool = self._machine.find(TOOL)
        if tool is None:
            return self._place(folder, Presence.NEEDS_TOOL, TOOL)
        try:
            found = self._find(tool, folder, authority)
        except StoreError as error:
            return self._place(folder, Presence.UNREADABLE, error.detail)
        trusted = found is not None and "C" in found[1].partition(",")[0]
        return self._place(folder, Presence.TRUSTED if trusted else Presence.MISSING)

    def install(self, folder: Path, authority: AuthorityFile, record: Recorder) -> Place:
        """Make one database trust the authority."""
        before = self.check(folder, authority)
        if before.presence in {Presence.NEEDS_TOOL, Presence.UNREADABLE}:
            return before
        step = TrustStep(self._store, str(folder), authority.sha256, {"pem": authority.pem})
        record(step)
        tool = self._machine.find(TOOL)
        if before.presence is Presence.TRUSTED or tool is None:
            return before
        try:
            self._add(tool, folder, authority)
        except StoreError as error:
            return self._place(folder, Presence.UNREADABLE, error.detail)
        self._record_readers(folder, step, record)
        return self.check(folder, authority)

    def _record_readers(self, folder: Path, step: TrustStep, record: Recorder) -> None:
        """Write down which browsers have read the database without the authority."""
        found = self._machine.browsers.readers(folder / DATABASE_FILE)
        if found:
            names = Readers.of(self._machine.browsers, found)
            record(msgspec.structs.replace(step, facts={**step.facts, READERS: names.encoded()}))

    def uninstall(self, step: TrustStep) -> None:
        """Remove the step's certificate from its database.

        Raises:
            StoreError: it is still there.

        """
        folder = Path(step.place)
        if not (folder / DATABASE_FILE).is_file():
            return
        tool = self._machine.find(TOOL)
        if tool is None:
            raise StoreError(f"{TOOL} is not installed")
        wanted = certificates_in(step.facts.get("pem", "").encode())
        for name, _ in self._listed(tool, folder):
            if any(der in wanted for der in self._certificates(tool, folder, name)):
                self._run(tool, folder, "-D", "-n", name)

    def _add(self, tool: str, folder: Path, authority: AuthorityFile) -> None:
        known = self._find(tool, folder, authority)
        if known is not None:  # there, but somebody took the trust away
            self._run(tool, folder, "-M", "-t", TRUST, "-n", known[0])
        else:
            source = ("-n", authority.name, "-i", str(authority.path))
            self._run(tool, folder, "-A", "-t", TRUST, *source)

    def _find(self, tool: str, folder: Path, authority: AuthorityFile) -> tuple[str, str] | None:
        """Find the authority by its content, whatever it is called here: name and trust flags."""
        for name, trust in self._listed(tool, folder):
            if authority.der in self._certificates(tool, folder, name):
                return name, trust
        return None

    def _listed(self, tool: str, folder: Path) -> Iterator[tuple[str, str]]:
        listing = self._run(tool, folder, "-L").decode("utf-8", "replace")
        for line in listing.splitlines():
            match = _LISTED.match(line)
            if match is not None and match["name"].startswith(NAME_PREFIX):
                yield match["name"], match["trust"]

    def _certificates(self, tool: str, folder: Path, name: str) -> list[bytes]:
        return certificates_in(self._run(tool, folder, "-L", "-a", "-n", name))

    def _run(self, tool: str, folder: Path, *arguments: str) -> bytes:
        done = self._machine.run([tool, "-d", f"sql:{folder}", *arguments])
        if done.status:
            raise StoreError(f"{TOOL}: {done.complaint}")
        return done.output

    def _place(self, folder: Path, presence: Presence, detail: str = "") -> Place:
        return Place(self._store, str(folder), presence, detail)


class ChromiumStore:
    """The databases of Chromium, Chrome, Edge, Brave and others on Linux."""

    name = "chromium"
    for_all_users = False
    for_browsers = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._databases = NssDatabases(machine, self.name)

    def _folders(self) -> list[Path]:
        if self._machine.platform != "linux":
            return []
        home = self._machine.home
        folders = [home / shared for shared in _SHARED]
        moved = self._machine.environment.get("XDG_DATA_HOME")
        if moved:
            folders.append(Path(moved) / "pki" / "nssdb")
        folders += [each for pattern in _SANDBOXES for each in home.glob(pattern)]
        return databases(folders)

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look into each database."""
        return [self._databases.check(folder, authority) for folder in self._folders()]

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Make each database trust the authority."""
        return [self._databases.install(folder, authority, record) for folder in self._folders()]

    def uninstall(self, step: TrustStep) -> None:
        """Remove the authority from one database.

        Raises:
            StoreError: it is still there.

        """
        self._databases.uninstall(step)
