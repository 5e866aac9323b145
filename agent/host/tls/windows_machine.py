"""The root store of a Windows computer, for all of its users; Windows asks nobody there."""

from collections.abc import Callable, Sequence

from agent.host.tls.machine import Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.store import AuthorityFile, Place, Presence, Recorder
from agent.host.tls.windows import Roots, WindowsRoots, open_machine_roots


class WindowsMachineStore(WindowsRoots):
    """Trust for every user of the computer, as an administrator."""

    name = "windows-machine"
    place = "LocalMachine\\Root"
    for_all_users = True
    for_browsers = True

    def __init__(self, machine: Machine, roots: Callable[[], Roots] = open_machine_roots) -> None:
        """Say on which computer, and what opens its store."""
        super().__init__(machine, roots)

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Add the authority, as administrator.

        One that is there already is not written down: what a group policy has distributed is not
        ours to take away, and what we added was written down before.
        """
        found = self.check(authority)
        if not found or found[0].presence is not Presence.MISSING:
            return found
        record(TrustStep(self.name, self.place, authority.sha256, {"pem": authority.pem}))
        return self._add(authority)

    def _absence(self) -> Presence:
        is_ours = self._machine.administrator
        return Presence.MISSING if is_ours else Presence.NEEDS_ADMINISTRATOR
