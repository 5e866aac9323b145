"""NSS databases: where Chromium and its relatives look on Linux, and Firefox in each profile."""

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec

from agent.files import create_file
from agent.host.tls import obstacles
from agent.host.tls.machine import Completed, Machine
from agent.host.tls.manifest import FILE, MADE, READERS, TrustStep
from agent.host.tls.nss_folder import (
    DATABASE_FILE,
    DATABASE_FILES,
    own_folder,
    stays_inside,
    without_modules,
)
from agent.host.tls.obstacles import Obstacle
from agent.host.tls.store import (
    NAME_PREFIX,
    AuthorityFile,
    Place,
    Presence,
    Recorder,
    StoreError,
    certificates_in,
)
from agent.host.tls.store_readers import StoreReaders

TOOL: Final = "certutil"
TRUST: Final = "C,,"  # certutil's words: an authority for TLS servers, and nothing else
_LISTED: Final = re.compile(r"^(?P<name>.*\S)\s+(?P<trust>[a-zA-Z]*,[a-zA-Z]*,[a-zA-Z]*)\s*$")
# What certutil complains about, in NSS's names of errors.
_NO_PASSWORD: Final = "SEC_ERROR_BAD_PASSWORD"  # noqa: S105
_DAMAGED: Final = "SEC_ERROR_BAD_DATABASE"
_NO_KEYS: Final = "no keys found"


def databases(folders: Iterable[Path], home: Path) -> list[Path]:
    """Return those of ``folders`` that hold an NSS database, each once.

    What a sandboxed program has outside of its own home is none of its databases.
    """
    found = set()
    for folder in folders:
        with suppress(OSError):  # not ours to look into, or links in a circle
            if (folder / DATABASE_FILE).is_file() and stays_inside(folder, home):
                found.add(folder.resolve())
    return sorted(found)


def identity_of(folder: Path) -> str:
    """Return what tells a database file from another that takes its place; empty without one."""
    try:
        return str((folder / DATABASE_FILE).stat().st_ino)
    except OSError:
        return ""


class NssDatabases:
    """Read and change NSS databases with ``certutil``; used by two kinds of store."""

    def __init__(self, machine: Machine, store: str) -> None:
        self._machine = machine
        self._store = store

    def check(self, folder: Path, authority: AuthorityFile) -> Place:
        """Look whether one database trusts the authority, and if not, what is in the way."""
        tool = self._machine.find(TOOL)
        if tool is None:
            return self._place(folder, Presence.NEEDS_TOOL, TOOL)
        try:
            found = None if _is_empty(folder) else self._find(tool, folder, authority)
        except StoreError as error:
            return self._unread(folder, error)
        if found is not None and "C" in found[1].partition(",")[0]:
            return self._place(folder, Presence.TRUSTED)
        obstacle = obstacles.in_database(folder)
        if obstacle is not None:
            return self._place(folder, obstacle.presence, obstacle.detail)
        if not _is_empty(folder) and _NO_PASSWORD in self._ask_for_keys(tool, folder):
            command = obstacles.password_command(folder, authority.name, authority.path)
            return self._place(folder, Presence.NEEDS_PASSWORD, command)
        return self._place(folder, Presence.MISSING)

    def install(self, folder: Path, authority: AuthorityFile, record: Recorder) -> Place:
        """Make one database trust the authority."""
        before = self.check(folder, authority)
        if before.presence not in {Presence.TRUSTED, Presence.MISSING}:
            return before
        facts = {"pem": authority.pem}
        if before.presence is Presence.TRUSTED:
            facts[FILE] = identity_of(folder)
        step = TrustStep(self._store, str(folder), authority.sha256, facts)
        record(step)
        if before.presence is Presence.TRUSTED:
            return before
        try:
            self._add(folder, authority)
        except StoreError as error:
            return self._unread(folder, error)
        after = self.check(folder, authority)
        if after.presence is Presence.TRUSTED:
            self._record_success(folder, step, record)
        return after

    def check_new(self, folder: Path, home: Path) -> Place:
        """Say what keeps us from making a database in ``folder``, which has none."""
        if self._machine.find(TOOL) is None:
            return self._place(folder, Presence.NEEDS_TOOL, TOOL)
        found = obstacles.on_the_way(folder, home) or Obstacle(Presence.MISSING)
        return self._place(folder, found.presence, found.detail)

    def make(self, folder: Path, home: Path, authority: AuthorityFile, record: Recorder) -> Place:
        """Make a database with an empty password, in which the authority is trusted.

        It appears in one piece: no browser ever sees one without the authority. Where a browser or
        another agent makes one meanwhile, that one counts.
        """
        before = self.check_new(folder, home)
        if before.presence is not Presence.MISSING:
            return before
        new = [str(each) for each in (folder, *folder.parents) if not each.exists()]
        facts = {"pem": authority.pem, MADE: msgspec.json.encode(new).decode()}
        record(TrustStep(self._store, str(folder), authority.sha256, facts))
        scratch = folder.with_name(f".ankong-{token_hex(8)}.new")
        try:
            for missing in reversed(new[1:]):
                Path(missing).mkdir(mode=0o700, exist_ok=True)
            scratch.mkdir(mode=0o700)
            self._fill(scratch, authority)
            with suppress(FileExistsError, OSError):  # full by now: then that one is served
                scratch.rename(folder)  # an empty folder gives way
        except (StoreError, OSError) as error:
            return self._unread(folder, error)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if not folder.is_dir():
            return self._place(folder, Presence.MISSING)
        return self.install(folder, authority, record)

    def _fill(self, scratch: Path, authority: AuthorityFile) -> None:
        """Put a new database there; it is made where no sandboxed program can put modules in.

        Raises:
            StoreError: it cannot be made.
            OSError: it cannot be written.

        """
        with own_folder() as folder:
            self._run(self._tool(), folder, "-N", "--empty-password")
            self._add(folder, authority)
            for name in DATABASE_FILES:
                create_file(scratch / name, (folder / name).read_bytes())

    def _record_success(self, folder: Path, step: TrustStep, record: Recorder) -> None:
        """Write down which file trusts us now, and which browsers had read it before."""
        facts = {**step.facts, FILE: identity_of(folder)}
        if self._store == "chromium":  # Firefox asks again each time
            found = self._machine.browsers.readers(folder / DATABASE_FILE)
            if found:
                facts[READERS] = StoreReaders.of(self._machine.browsers, found).encoded()
        record(msgspec.structs.replace(step, facts=facts))

    def uninstall(self, step: TrustStep) -> None:
        """Remove the step's certificate from its database, and the database if we made it.

        One that we made stays if it holds anything else by now.

        Raises:
            StoreError: it is still there.

        """
        folder = Path(step.place)
        # What a sandboxed program has put a link to meanwhile is not the database that we changed.
        if (folder / DATABASE_FILE).is_file() and stays_inside(folder, self._machine.home):
            tool = self._tool()
            wanted = certificates_in(step.facts.get("pem", "").encode())
            for name, _ in self._ours(tool, folder):
                if any(der in wanted for der in self._certificates(tool, folder, name)):
                    self._run(tool, folder, "-D", "-n", name)
            if MADE in step.facts and self._holds_nothing(tool, folder):
                for name in obstacles.FILES:
                    (folder / name).unlink(missing_ok=True)
        for made in msgspec.json.decode(step.facts.get(MADE, "[]"), type=list[str]):
            with suppress(OSError):  # somebody else has moved in
                Path(made).rmdir()

    def _holds_nothing(self, tool: str, folder: Path) -> bool:
        """Return whether a database is as it was when it was new."""
        modules = folder / "pkcs11.txt"  # where a smart card's module is entered, too
        text = modules.read_text("utf-8", "replace") if modules.is_file() else ""
        has_more = len(re.findall(r"^library=", text, re.MULTILINE)) > 1
        is_alone = all(each.name in obstacles.FILES for each in folder.iterdir())
        has_keys = _NO_KEYS not in self._ask_for_keys(tool, folder)
        has_any = any(True for _ in self._listed(tool, folder))
        return is_alone and not (has_more or has_any or has_keys)

    def _ask_for_keys(self, tool: str, folder: Path) -> str:
        """Return what certutil says when it is asked for keys, which needs the password."""
        done = self._completed(tool, folder, "-K")
        return done.output.decode("utf-8", "replace") + done.complaint

    def _add(self, folder: Path, authority: AuthorityFile) -> None:
        tool = self._tool()
        known = None if _is_empty(folder) else self._find(tool, folder, authority)
        if known is not None:  # there, but somebody took the trust away
            self._run(tool, folder, "-M", "-t", TRUST, "-n", known[0])
        else:
            source = ("-n", authority.name, "-i", str(authority.path))
            self._run(tool, folder, "-A", "-t", TRUST, *source)

    def _find(self, tool: str, folder: Path, authority: AuthorityFile) -> tuple[str, str] | None:
        """Find the authority by its content, whatever it is called here: name and trust flags."""
        for name, trust in self._ours(tool, folder):
            if authority.der in self._certificates(tool, folder, name):
                return name, trust
        return None

    def _ours(self, tool: str, folder: Path) -> Iterator[tuple[str, str]]:
        return (each for each in self._listed(tool, folder) if each[0].startswith(NAME_PREFIX))

    def _listed(self, tool: str, folder: Path) -> Iterator[tuple[str, str]]:
        listing = self._run(tool, folder, "-L").decode("utf-8", "replace")
        for line in listing.splitlines():
            match = _LISTED.match(line)
            if match is not None:
                yield match["name"], match["trust"]

    def _certificates(self, tool: str, folder: Path, name: str) -> list[bytes]:
        return certificates_in(self._run(tool, folder, "-L", "-a", "-n", name))

    def _tool(self) -> str:
        tool = self._machine.find(TOOL)
        if tool is None:
            raise StoreError(f"{TOOL} is not installed")
        return tool

    def _run(self, tool: str, folder: Path, *arguments: str) -> bytes:
        done = self._completed(tool, folder, *arguments)
        if done.status:
            raise StoreError(f"{TOOL}: {done.complaint}")
        return done.output

    def _completed(self, tool: str, folder: Path, *arguments: str) -> Completed:
        with without_modules(folder, self._machine.home) as shown:
            return self._machine.run([tool, "-d", f"sql:{shown}", *arguments])

    def _unread(self, folder: Path, error: Exception) -> Place:
        """Say why a database cannot be read or changed."""
        detail = error.detail if isinstance(error, StoreError) else str(error)
        obstacle = obstacles.in_database(folder) if folder.exists() else None
        if obstacle is not None:
            return self._place(folder, obstacle.presence, obstacle.detail)
        if _DAMAGED in detail:
            return self._place(folder, Presence.DAMAGED, obstacles.aside_command(folder))
        return self._place(folder, Presence.UNREADABLE, detail)

    def _place(self, folder: Path, presence: Presence, detail: str = "") -> Place:
        return Place(self._store, str(folder), presence, detail)


def _is_empty(folder: Path) -> bool:
    """Return whether the file is there and holds nothing, which NSS makes a database of."""
    try:
        return (folder / DATABASE_FILE).stat().st_size == 0
    except OSError:
        return True
