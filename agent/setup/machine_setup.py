"""Certificates for all users of a computer, and trust in them: made, renewed and taken away.

The order is what keeps every agent trusted: new certificates lie beside the old ones until the
stores trust their authority, take the old ones' place in a moment, and only then is the old
authority taken out of the stores. Killed in between, the next run ends what was begun.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from agent.errors import AgentError
from agent.files import SCRATCH
from agent.host.machine.administrators import (
    is_strangers,
    make_shared,
    set_aside,
    set_strangers_aside,
)
from agent.host.machine.paths import MachinePaths
from agent.host.tls import identity
from agent.host.tls.authority import LocalAuthority
from agent.host.tls.ladder_file import Ladder
from agent.host.tls.manifest import Manifest
from agent.host.tls.places import SharedCertificates, Standing, look
from agent.host.tls.store import NAMES, AuthorityFile, Place, Presence
from agent.host.tls.trust import Trust
from agent.setup.report import StepResult, done, failed, run_steps

RENEWAL: Final = timedelta(days=180)
"""So long before their end the certificates are made anew: before the doctor warns of it."""
ORGANISATION: Final = "organisation"
"""A file of this name says that an organisation's authority made the certificates beside it."""
_FILE_MODE: Final = 0o644  # every user's agent serves with them
_LOCK_SECONDS: Final = 120.0  # another run refreshes a store, or waits for a virus scanner


class MachineSetup:
    """One run of ``ankong setup machine``, or of its undoing."""

    def __init__(
        self,
        paths: MachinePaths,
        trust: Trust,
        *,
        administrator: bool,
        ladder: Ladder | None = None,
        now: datetime | None = None,
    ) -> None:
        """Prepare a run; nothing is changed yet.

        Args:
            paths: of what all users share.
            trust: the trust stores of all users.
            administrator: whether this process may change them.
            ladder: an organisation's; None where the computer makes its own.
            now: with a time zone; the clock's when None.

        """
        self._paths = paths
        self._trust = trust
        self._administrator = administrator
        self._ladder = ladder
        self._now = now or datetime.now(UTC)

    def run(self) -> Sequence[StepResult]:
        """Make and trust the certificates, or renew them where that is due; may be repeated."""
        return run_steps({"machine": self._run})

    def undo(self) -> Sequence[StepResult]:
        """Take away what :meth:`run` has ever done, and nothing of users'; may be repeated."""
        return run_steps({"machine": self._undo})

    def _run(self) -> Iterator[StepResult]:
        if not self._administrator:
            yield failed("machine", "machine_no_administrator")
            return
        for path in self._make_folder():
            yield done("machine", "machine_set_aside", path=str(path))
        with self._locked():
            self._recover()
            found = look(self._paths.tls, self._now)
            if self._is_kept(found):
                yield from self._trusted_or_back(self._paths.tls, "machine_kept")
                return
            if self._is_organisations_end(found):
                yield failed("machine", "machine_needs_authority", detail=found.detail)
                return
            self._write_next()
            yield from self._trusted_or_back(self._paths.next_tls, "machine_made")

    def _make_folder(self) -> Iterator[Path]:
        """Make the folders administrators' own; yield what was in their place, renamed."""
        aside = make_shared(self._paths.folder)
        if aside is not None:
            yield aside
        for file in (self._paths.trust, self._paths.lock, self._paths.trust.with_suffix(".lock")):
            set_strangers_aside(file)
        for folder in (self._paths.tls, self._paths.next_tls, self._paths.last_tls):
            if folder.exists() or folder.is_symlink():
                aside = make_shared(folder)
                if aside is not None:
                    yield aside

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with FileLock(self._paths.lock, timeout=_LOCK_SECONDS):
                yield
        except Timeout as error:
            raise AgentError("another setup of this computer is at work") from error

    def _recover(self) -> None:
        """End what a killed run has begun."""
        paths = self._paths
        if not paths.tls.exists() and look(paths.next_tls, self._now).is_usable:
            paths.next_tls.rename(paths.tls)  # killed between the two renames
        elif not paths.tls.exists() and paths.last_tls.exists():
            paths.last_tls.rename(paths.tls)
        for folder in (paths.next_tls, paths.last_tls):
            _clear(folder)

    def _is_kept(self, found: SharedCertificates) -> bool:
        if found.certificates is None or found.standing not in {Standing.USABLE, Standing.ENDING}:
            return False
        if self._ladder is not None:
            return found.certificates.certificate == self._ladder.authority
        is_due = self._now >= found.certificates.ends - RENEWAL and not self._is_organisations()
        return found.is_usable and not is_due

    def _is_organisations(self) -> bool:
        return (self._paths.tls / ORGANISATION).exists()

    def _is_organisations_end(self, found: SharedCertificates) -> bool:
        """Return whether only the organisation can say what comes next."""
        is_there = found.standing is not Standing.ABSENT
        return self._ladder is None and is_there and self._is_organisations()

    def _write_next(self) -> None:
        """Write the new certificates beside those in use."""
        folder = self._paths.next_tls
        make_shared(folder)
        ladder = self._ladder
        if ladder is None:
            authority = LocalAuthority(self._now.replace(microsecond=0))
            ladder = Ladder(authority.certificate, authority.leaves())
            del authority  # and its key with it
        else:
            # another way: an empty file, in a folder that nobody else can write to
            (folder / ORGANISATION).touch(_FILE_MODE)
        identity.write(folder, ladder.authority, ladder.leaves, _FILE_MODE)
        found = look(folder, self._now)
        if not found.is_usable:
            _remove(folder)
            raise AgentError(f"{found.standing}: {found.detail}")

    def _trusted_or_back(self, folder: Path, code: str) -> Iterator[StepResult]:
        """Make the stores trust what is in ``folder``, and put it in its place."""
        authority = AuthorityFile.load(folder / identity.AUTHORITY_FILE)
        places = self._trust.install(authority, for_all_users=True)
        refused = [place for place in places if place.presence is not Presence.TRUSTED]
        if refused:
            if folder != self._paths.tls:
                self._trust.uninstall(keep=self._fingerprint_in_use())
                _remove(folder)
            yield from map(_refused, refused)
            return
        if folder != self._paths.tls:
            self._put_in_place()
        self._trust.uninstall(keep=authority.sha256)
        found = look(self._paths.tls, self._now)
        if found.certificates is None:
            raise AgentError(f"{found.standing}: {found.detail}")
        yield done("machine", code, date=f"{found.certificates.ends:%Y-%m-%d}")
        for store in dict.fromkeys(place.store for place in places):
            yield done("machine", "machine_trusted", store=NAMES.get(store, store))
        if not places:
            yield done("machine", "machine_left" if self._trust.is_left else "machine_no_store")

    def _fingerprint_in_use(self) -> str:
        """Return that of the authority in use; none that any has where there is none."""
        try:
            return AuthorityFile.load(self._paths.tls / identity.AUTHORITY_FILE).sha256
        except (AgentError, OSError):
            return "-"

    def _put_in_place(self) -> None:
        paths = self._paths
        if paths.tls.exists():
            paths.tls.rename(paths.last_tls)
        paths.next_tls.rename(paths.tls)
        _clear(paths.last_tls)

    def _undo(self) -> Iterator[StepResult]:
        if not self._administrator:
            yield failed("machine", "machine_no_administrator")
            return
        if not self._paths.folder.exists() or is_strangers(self._paths.folder):
            yield done("machine", "machine_none")  # whatever is there, we never made it
            return
        list(self._make_folder())
        with self._locked():
            had = bool(Manifest(self._paths.trust).steps) or self._paths.tls.exists()
            for folder in (self._paths.tls, self._paths.next_tls, self._paths.last_tls):
                _remove(folder)  # first, so that no agent serves what nobody trusts any more
            left = self._trust.uninstall()
        if left:
            yield from map(_refused, left)
            return
        self._remove_files()
        yield done("machine", "machine_undone" if had else "machine_none")

    def _remove_files(self) -> None:
        for file in (self._paths.trust.with_suffix(".lock"), self._paths.lock):
            with suppress(OSError):  # another run has it
                file.unlink()
        with suppress(OSError):  # the policy lies there, or somebody else's file
            self._paths.folder.rmdir()


def _clear(folder: Path) -> None:
    """Remove our files, and set aside what is left with somebody else's."""
    _remove(folder)
    if os.path.lexists(folder):
        set_aside(folder)


def _remove(folder: Path) -> None:
    """Remove our files from a folder, and the folder if it is empty then."""
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in folder.iterdir():
        if path.name in {*identity.FILES, ORGANISATION} or SCRATCH.fullmatch(path.name):
            path.unlink()
    with suppress(OSError):  # somebody else's file is in it
        folder.rmdir()


def _refused(place: Place) -> StepResult:
    store = NAMES.get(place.store, place.store)
    detail = place.detail or str(place.presence)
    return failed("machine", "machine_refused", store=store, path=place.path, detail=detail)
