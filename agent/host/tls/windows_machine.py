"""The root store of a Windows computer, for all of its users; Windows asks nobody there."""

from collections.abc import Callable, Sequence
from typing import Final

from agent.host.tls.machine import Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.store import (
    AuthorityFile,
    Place,
    Presence,
    Recorder,
    StoreError,
    certificates_in,
)
from agent.host.tls.windows import Roots, open_machine_roots

_PLACE: Final = "LocalMachine\\Root"


class WindowsMachineStore:
    """Trust for every user of the computer, as an administrator."""

    name = "windows-machine"
    for_all_users = True
    for_browsers = True

    def __init__(self, machine: Machine, roots: Callable[[], Roots] = open_machine_roots) -> None:
        self._machine = machine
        self._roots = roots

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look for the authority among the computer's roots."""
        if self._machine.platform != "win32":
            return []
        try:
            trusted = authority.der in self._roots().certificates()
        except StoreError as error:
            return [Place(self.name, _PLACE, Presence.UNREADABLE, error.detail)]
        if trusted:
            return [Place(self.name, _PLACE, Presence.TRUSTED)]
        is_ours = self._machine.administrator
        presence = Presence.MISSING if is_ours else Presence.NEEDS_ADMINISTRATOR
        return [Place(self.name, _PLACE, presence)]

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Add the authority, as administrator.

        One that is there already is not written down: what a group policy has distributed is not
        ours to take away, and what we added was written down before.
        """
        found = self.check(authority)
        if not found or found[0].presence is not Presence.MISSING:
            return found
        record(TrustStep(self.name, _PLACE, authority.sha256, {"pem": authority.pem}))
        try:
            self._roots().add(authority.der)
        except StoreError as error:
            return [Place(self.name, _PLACE, Presence.MISSING, error.detail)]
        return self.check(authority)

    def uninstall(self, step: TrustStep) -> None:
        """Remove the authority from the computer's roots.

        Raises:
            StoreError: Windows said no.

        """
        for der in certificates_in(step.facts.get("pem", "").encode()):
            self._roots().remove(der)
