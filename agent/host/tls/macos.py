"""The login keychain of this macOS user: Safari, Chrome and Firefox (120 and later) look there.

All through ``security(1)``, which shows the system's own dialog. It exists on macOS only; the
tests hold its command lines and its answers.
"""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1

from agent.host.tls.machine import Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.store import AuthorityFile, Place, Presence, Recorder, StoreError

TOOL: Final = "/usr/bin/security"
KEYCHAIN: Final = "Library/Keychains/login.keychain-db"
SYSTEM_KEYCHAIN: Final = "/Library/Keychains/System.keychain"
"""Where profiles of an organisation put authorities, with their trust."""
_LISTED: Final = re.compile(rb"SHA-256 hash:\s*([0-9A-Fa-f]{64})")


class MacosUserStore:
    """Trust for this user, for TLS servers only (``-p ssl``)."""

    name = "macos-user"
    for_all_users = False
    for_browsers = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._keychain = machine.home / KEYCHAIN

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Ask whether the authority is in the keychain, and trusted for TLS."""
        if self._machine.platform != "darwin":
            return []
        present = self._is_present(authority.sha256, str(self._keychain)) or self._is_shared(
            authority
        )
        # -l: the certificate is an authority itself; -L: do not ask the network.
        judged = self._machine.run(
            [TOOL, "verify-cert", "-l", "-L", "-p", "ssl", "-c", str(authority.path)]
        )
        trusted = present and judged.status == 0
        presence = Presence.TRUSTED if trusted else Presence.MISSING
        return [Place(self.name, str(self._keychain), presence)]

    def _is_shared(self, authority: AuthorityFile) -> bool:
        return self._is_present(authority.sha256, SYSTEM_KEYCHAIN)

    def _is_present(self, fingerprint: str, keychain: str) -> bool:
        listing = self._machine.run([TOOL, "find-certificate", "-a", "-Z", keychain])
        return fingerprint in {each.decode().lower() for each in _LISTED.findall(listing.output)}

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Add the authority; macOS asks the citizen."""
        found = self.check(authority)
        if not found:
            return found
        if found[0].presence is Presence.TRUSTED and self._is_shared(authority):
            return found  # by a profile, which the user cannot take back
        facts = {"pem": authority.pem}
        record(TrustStep(self.name, str(self._keychain), authority.sha256, facts))
        if found[0].presence is Presence.MISSING:
            command = [TOOL, "add-trusted-cert", "-r", "trustRoot", "-p", "ssl"]
            done = self._machine.run([*command, "-k", str(self._keychain), str(authority.path)])
            if done.status:
                return [
                    Place(self.name, str(self._keychain), Presence.MISSING, done.complaint),
                ]
        return self.check(authority)

    def uninstall(self, step: TrustStep) -> None:
        """Remove the trust and then the certificate.

        Raises:
            StoreError: the certificate is still there.

        """
        try:
            certificate = x509.load_pem_x509_certificate(step.facts["pem"].encode())
        except (KeyError, ValueError) as error:
            raise StoreError("the manifest does not hold the certificate") from error
        if not self._is_present(step.fingerprint, step.place):
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "authority.pem"
            # another way: in a folder that was made just now, for us only
            file.write_text(step.facts["pem"], encoding="ascii")
            # Fails where the trust was taken away already; the certificate is what counts.
            self._machine.run([TOOL, "remove-trusted-cert", str(file)])
        sha1 = certificate.fingerprint(SHA1()).hex().upper()  # noqa: S303  # a name, no protection
        done = self._machine.run([TOOL, "delete-certificate", "-Z", sha1, step.place])
        if done.status:
            raise StoreError(f"security: {done.complaint}")
