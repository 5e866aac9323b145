"""The Linux system's store: used by curl, Python and others, not by browsers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.files import read_file, replace_file
from agent.host.tls.machine import Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.store import (
    MAX_PEM,
    AuthorityFile,
    Place,
    Presence,
    Recorder,
    StoreError,
    certificates_in,
)

_MAX_BUNDLE: Final = 32 * 1024 * 1024  # bytes; Debian's has 0.2 million


@dataclass(frozen=True, slots=True)
class DistributionFamily:
    """How one family of distributions keeps its authorities.

    Attributes:
        anchors: folder for what an administrator adds.
        suffix: of the files in it.
        refresh: the tool with its arguments, after a file was added.
        forget: the tool with its arguments, after one was removed.
        bundle: the file that the tool writes and programs read, PEM.

    """

    anchors: str
    suffix: str
    refresh: tuple[str, ...]
    forget: tuple[str, ...]
    bundle: str


FAMILIES: Final = (
    DistributionFamily(
        "/usr/local/share/ca-certificates",
        ".crt",
        ("update-ca-certificates",),
        ("update-ca-certificates", "--fresh"),  # without it dead links stay
        "/etc/ssl/certs/ca-certificates.crt",
    ),  # Debian, Ubuntu, Alpine
    DistributionFamily(
        "/etc/pki/ca-trust/source/anchors",
        ".pem",
        ("update-ca-trust", "extract"),
        ("update-ca-trust", "extract"),
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    ),  # Fedora, RHEL
    DistributionFamily(
        "/usr/share/pki/trust/anchors",
        ".pem",
        ("update-ca-certificates",),
        ("update-ca-certificates",),
        "/var/lib/ca-certificates/ca-bundle.pem",
    ),  # SUSE
    DistributionFamily(
        "/etc/ca-certificates/trust-source/anchors",
        ".crt",
        ("trust", "extract-compat"),
        ("trust", "extract-compat"),
        "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    ),  # Arch; p11-kit elsewhere
)


class LinuxSystemStore:
    """One file in the administrator's folder, and the tool that writes it into the bundle."""

    name = "linux-system"
    for_all_users = True
    for_browsers = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look for the authority in the bundle that programs read."""
        family = self._family()
        if family is None:
            return []
        bundle = self._machine.system_path(family.bundle)
        try:
            trusted = authority.pem.strip().encode() in read_file(
                bundle, _MAX_BUNDLE, follow_links=True
            )
        except FileNotFoundError:
            trusted = False
        except OSError as error:
            return [Place(self.name, str(bundle), Presence.UNREADABLE, str(error))]
        return [Place(self.name, str(self._file(family, authority)), self._presence(trusted))]

    def _presence(self, trusted: bool) -> Presence:
        if trusted:
            return Presence.TRUSTED
        if self._machine.administrator:
            return Presence.MISSING
        return Presence.NEEDS_ADMINISTRATOR

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Add the authority for all users, as administrator."""
        found, family = self.check(authority), self._family()
        if not found or family is None or not self._machine.administrator:
            return found
        path = self._file(family, authority)
        record(TrustStep(self.name, str(path), authority.sha256, {"pem": authority.pem}))
        if found[0].presence is Presence.MISSING:
            replace_file(path, authority.pem.encode(), mode=0o644)
            try:
                self._run(family.refresh)
            except StoreError as error:
                return [Place(self.name, str(path), Presence.UNREADABLE, error.detail)]
        return self.check(authority)

    def uninstall(self, step: TrustStep) -> None:
        """Delete our file and refresh the bundle.

        Raises:
            StoreError: the tool failed.
            OSError: the file cannot be removed.

        """
        path = Path(step.place)
        if path.exists():
            ours = certificates_in(step.facts.get("pem", "").encode())
            if not set(certificates_in(read_file(path, MAX_PEM))) <= set(ours):
                raise StoreError(f"{path} holds more than we put there")
            path.unlink()
        family = self._family()
        if family is not None:
            self._run(family.forget)

    def _family(self) -> DistributionFamily | None:
        if self._machine.platform != "linux":
            return None
        for family in FAMILIES:
            folder = self._machine.system_path(family.anchors)
            if folder.is_dir() and self._machine.find(family.refresh[0]) is not None:
                return family
        return None

    def _file(self, family: DistributionFamily, authority: AuthorityFile) -> Path:
        folder = self._machine.system_path(family.anchors)
        return folder / f"{authority.name.replace(' ', '-').lower()}{family.suffix}"

    def _run(self, command: Sequence[str]) -> None:
        name, *arguments = command
        done = self._machine.run([self._machine.find(name) or name, *arguments])
        if done.status:
            raise StoreError(f"{name}: {done.complaint}")
