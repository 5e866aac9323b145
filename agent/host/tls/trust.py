"""All trust stores at once: what the command line, the doctor and the installer use."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

import structlog

from agent.host.tls.chromium import ChromiumStore
from agent.host.tls.chromium_policy import ChromiumPolicyStore
from agent.host.tls.firefox import FirefoxPolicyStore
from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.linux_system import LinuxSystemStore
from agent.host.tls.machine import Machine
from agent.host.tls.macos import MacosUserStore
from agent.host.tls.manifest import Manifest, TrustStep
from agent.host.tls.store import AuthorityFile, Place, PlatformTrustStore, Presence, StoreError
from agent.host.tls.windows import WindowsUserStore
from agent.host.tls.windows_machine import WindowsMachineStore

_log = structlog.get_logger(__name__)

KINDS: Final[Sequence[Callable[[Machine], PlatformTrustStore]]] = (
    ChromiumStore,
    ChromiumPolicyStore,
    FirefoxPolicyStore,  # before the profiles, which need not be touched where it works
    FirefoxProfileStore,
    LinuxSystemStore,
    WindowsUserStore,
    MacosUserStore,
)
"""What a user's browsers and programs look at."""
SHARED_KINDS: Final[Sequence[Callable[[Machine], PlatformTrustStore]]] = (
    FirefoxPolicyStore,
    LinuxSystemStore,
    WindowsMachineStore,
)
"""What an administrator changes for all users; none on macOS, where only a profile can do that."""


class Trust:
    """The trust stores of one computer, and the manifest of what was changed in them.

    Attributes:
        is_left: whether others see to it what the stores trust.

    """

    is_left: ClassVar[bool] = False

    def __init__(
        self,
        manifest: Path,
        machine: Machine,
        kinds: Sequence[Callable[[Machine], PlatformTrustStore]] = KINDS,
    ) -> None:
        """Use the stores of a computer.

        Args:
            manifest: the file in which changes are written down.
            machine: the computer.
            kinds: of its stores.

        """
        self._manifest = manifest
        stores = [kind(machine) for kind in kinds]
        self._stores: Mapping[str, PlatformTrustStore] = {store.name: store for store in stores}

    def check(self, authority: AuthorityFile) -> list[Place]:
        """Look into every store; nothing is changed."""
        return [place for store in self._stores.values() for place in store.check(authority)]

    def is_needed(self, place: Place) -> bool:
        """Return whether browsers of this user depend on that place."""
        return self._stores[place.store].for_browsers

    def install(self, authority: AuthorityFile, *, for_all_users: bool = False) -> list[Place]:
        """Make the authority trusted in the user's stores; return the state of each place then.

        This is also written down as the user's wish, so that stores which come later follow.

        Args:
            authority: to be trusted.
            for_all_users: also where it concerns every user, which takes an administrator.

        Raises:
            ManifestError: nothing was changed, because it could not be written down.
            OSError: the manifest, or a store's file, cannot be written.

        """
        manifest = Manifest(self._manifest)
        manifest.wish(wanted=True)
        places: list[Place] = []
        for store in self._stores.values():
            if store.for_all_users and not for_all_users:
                places += store.check(authority)
            else:
                places += store.install(authority, manifest.record)
        return places

    def leave_alone(self) -> None:
        """Write down that the user wants no more stores to be changed; what is done stays.

        Raises:
            ManifestError: the manifest is damaged.
            OSError: it cannot be read or written.

        """
        manifest = Manifest(self._manifest)
        if manifest.is_wanted:
            manifest.wish(wanted=False)

    def uninstall(self, *, keep: str | None = None) -> list[Place]:
        """Undo every change, the last one first; return what could not be undone.

        Args:
            keep: fingerprint of an authority that stays; None takes all away, and with it the
                user's wish.

        Raises:
            ManifestError: the manifest is damaged.
            OSError: it cannot be read or written.

        """
        manifest = Manifest(self._manifest)
        if keep is None and manifest.is_wanted:
            manifest.wish(wanted=False)  # first, or a running agent would put it back
        left = []
        for step in reversed(manifest.steps):
            if step.fingerprint != keep:
                left += self._undo(manifest, step)
        return left

    def _undo(self, manifest: Manifest, step: TrustStep) -> list[Place]:
        try:
            self._stores[step.store].uninstall(step)
        except (StoreError, OSError, KeyError, ValueError) as error:
            _log.warning("a trust store was not undone", store=step.store, detail=str(error))
            return [Place(step.store, step.place, Presence.UNREADABLE, str(error))]
        manifest.forget(step)
        return []


class LeftTrust(Trust):
    """The same stores, where an organisation sees to it what they trust."""

    is_left: ClassVar[bool] = True

    def install(self, authority: AuthorityFile, *, for_all_users: bool = False) -> list[Place]:
        """Take back whatever was changed before, and change nothing; no place is returned.

        Raises:
            ManifestError: the manifest is damaged.
            OSError: it cannot be read or written.

        """
        del authority, for_all_users
        return self.uninstall()
