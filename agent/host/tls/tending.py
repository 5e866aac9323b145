"""One look at the user's browsers: which stores are new, and do not trust us yet.

A look costs a few reads of folders. ``certutil`` runs for a store that was not seen before, and
for one that could not be served when something about it has changed, or after some minutes.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from agent.host.tls.chromium import ChromiumStore
from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.machine import Machine
from agent.host.tls.manifest import FILE, Manifest, ManifestError, TrustStep
from agent.host.tls.nss import TOOL, identity_of
from agent.host.tls.nss_folder import DATABASE_FILE
from agent.host.tls.store import AuthorityFile, Presence, StoreError

RETRY_SECONDS: Final = 600.0
"""After so long a store that could not be served is looked at again, though it seems the same."""

_log = structlog.get_logger(__name__)

_UserStore = ChromiumStore | FirefoxProfileStore
_State = tuple[object, ...]


class TrustTending:
    """Serves stores that come while the agent runs; one thread at a time may use it."""

    def __init__(
        self,
        manifest: Path,
        authority: Callable[[], Path],
        machine: Machine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare it; nothing is looked at yet.

        Args:
            manifest: the file in which changes and the user's wish are written down.
            authority: returns the file of the certificate that is to be trusted.
            machine: whose browsers they are.
            clock: seconds, from any moment on.

        """
        self._manifest = manifest
        self._authority = authority
        self._machine = machine
        self._clock = clock
        self._stores: tuple[_UserStore, ...] = (
            ChromiumStore(machine),
            FirefoxProfileStore(machine),
        )
        self._known: dict[tuple[str, str, str], _State] = {}
        self._logged: dict[tuple[str, str, str], str] = {}

    def look(self) -> None:
        """Serve what is new, if the user wants that; what cannot be done is logged once."""
        if self._machine.platform != "linux":
            return  # there the system's store serves every browser
        try:
            manifest = Manifest(self._manifest)
            if not manifest.is_wanted:
                return
            authority = AuthorityFile.load(self._authority())
            for store in self._stores:
                for folder in (*store.existing(), *store.missing()):
                    self._look_at(store, folder, authority, manifest)
        except (ManifestError, StoreError, OSError) as error:
            _log.warning("browsers cannot be looked after", detail=str(error))

    def _look_at(
        self, store: _UserStore, folder: Path, authority: AuthorityFile, manifest: Manifest
    ) -> None:
        key = (store.name, str(folder), authority.sha256)
        known = self._known.get(key)
        if known is not None and known in (self._trusted(folder), self._state(folder)):
            return
        outcome = self._serve(store, folder, authority, manifest)
        is_settled = outcome in {Presence.TRUSTED, _TAKEN_AWAY}
        self._known[key] = self._trusted(folder) if is_settled else self._state(folder)
        if self._logged.get(key) != outcome:
            self._logged[key] = outcome
            _log.info("a browser's store", store=store.name, path=str(folder), state=str(outcome))

    def _serve(
        self, store: _UserStore, folder: Path, authority: AuthorityFile, manifest: Manifest
    ) -> str:
        step = manifest.find(store.name, str(folder), authority.sha256)
        place = store.check_in(folder, authority)
        if place.presence is Presence.MISSING and step is not None and _was_served(step, folder):
            return _TAKEN_AWAY
        if place.presence is Presence.MISSING or (
            place.presence is Presence.TRUSTED and step is None
        ):
            place = store.install_in(folder, authority, manifest.record)
        return place.presence

    @staticmethod
    def _trusted(folder: Path) -> _State:
        """Return what stays the same as long as a database is the one that trusted us."""
        return (identity_of(folder),)

    def _state(self, folder: Path) -> _State:
        """Return what changes when a store that could not be served might be served now.

        Not the time of its last change: browsers write down certificates that they meet.
        """
        seen: list[object] = [int(self._clock() / RETRY_SECONDS), self._machine.find(TOOL)]
        for path in (folder.parent, folder, folder / DATABASE_FILE):
            try:
                found = path.stat()
            except OSError:
                seen.append(None)
            else:
                seen.append((found.st_ino, found.st_mode, found.st_uid, found.st_size == 0))
        return tuple(seen)


_TAKEN_AWAY: Final = "taken_away"


def _was_served(step: TrustStep, folder: Path) -> bool:
    """Return whether the user has taken our authority out of a database, or one of ours away.

    Nobody is fought: the doctor tells of it and offers to put it back.
    """
    served, now = step.facts.get(FILE), identity_of(folder)
    return served is not None and now in (served, "")
