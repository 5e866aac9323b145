"""A policy of an administrator that keeps Chromium and its relatives on Linux from trusting us.

``CAPlatformIntegrationEnabled``: where it is false, a browser ignores every authority that the user
has added to its database (tried with Chromium 156). Nobody but an administrator can change that.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.files import read_file
from agent.host.tls.machine import Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.store import AuthorityFile, Place, Presence, Recorder

SWITCH: Final = "CAPlatformIntegrationEnabled"
_MAX_SIZE: Final = 1024 * 1024  # bytes
# The folder of each browser's policies, and its programs.
_FOLDERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "/etc/chromium/policies/managed": ("Chromium", ("chromium", "ungoogled-chromium")),
    "/etc/chromium-browser/policies/managed": ("Chromium", ("chromium-browser",)),
    "/etc/opt/chrome/policies/managed": ("Google Chrome", ("google-chrome",)),
    "/etc/opt/edge/policies/managed": ("Microsoft Edge", ("microsoft-edge",)),
    "/etc/brave/policies/managed": ("Brave", ("brave", "brave-browser")),
}


class ChromiumPolicyStore:
    """The policies in force that forbid what the databases say; nothing is ever changed in them."""

    name = "chromium-policy"
    for_all_users = True
    for_browsers = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Return the files that forbid it; empty when all is well."""
        del authority
        if self._machine.platform != "linux":
            return []
        return list(self._forbidding())

    def _forbidding(self) -> Iterator[Place]:
        for folder, (browser, programs) in _FOLDERS.items():
            if not any(map(self._machine.find, programs)):
                continue
            try:
                files = sorted(self._machine.system_path(folder).glob("*.json"))
            except OSError:
                continue
            for file in files:
                if _forbids(file):
                    yield Place(self.name, str(file), Presence.FORBIDDEN, browser)

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Change nothing: whoever made the policy meant it."""
        del record
        return self.check(authority)

    def uninstall(self, step: TrustStep) -> None:
        """Undo nothing: there is never a step."""


def _forbids(file: Path) -> bool:
    try:
        policies = msgspec.json.decode(read_file(file, _MAX_SIZE, follow_links=True), type=Any)
    except (OSError, ValueError, RecursionError):
        return False  # the browser does not understand it either
    return isinstance(policies, dict) and policies.get(SWITCH) is False
