"""The interface of all trust stores, and the values that they return."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Final, Protocol, Self

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from agent.errors import AgentError
from agent.files import read_file
from agent.host.tls.manifest import TrustStep

NAMES: Final = {
    "chromium": "Chromium / Chrome / Edge",
    "chromium-policy": "Chromium (policy)",
    "firefox": "Firefox",
    "firefox-policy": "Firefox (policy)",
    "linux-system": "Linux",
    "windows-user": "Windows",
    "windows-machine": "Windows",
    "macos-user": "macOS",
}
"""What people call each kind of store."""
NAME_PREFIX = "Ankong"
"""What the name of each of our authorities begins with, in every store."""
MAX_PEM = 1024 * 1024
"""Bytes of a file with certificates, other than a system's bundle."""
AUTHORITY_NAME: Final = re.compile(r"Ankong local authority [0-9a-f]{8}")
"""What the name of each of them is, whole."""


class StoreError(AgentError):
    """A trust store could not be read or changed; ``detail`` says which and why."""


@unique
class Presence(StrEnum):
    """Whether a store trusts our authority."""

    TRUSTED = "trusted"
    MISSING = "missing"
    UNREADABLE = "unreadable"  # it is there, but cannot be looked into or changed
    NEEDS_TOOL = "needs_tool"  # the program that could is not installed
    NEEDS_ADMINISTRATOR = "needs_administrator"  # missing, and others may change it only
    NEEDS_PASSWORD = "needs_password"  # noqa: S105  # detail: a command that asks for it
    READ_ONLY = "read_only"  # missing, and the user may not write there
    FOREIGN = "foreign"  # missing, and it belongs to another user; detail: who
    DAMAGED = "damaged"  # the browser cannot read it either
    OBSTRUCTED = "obstructed"  # something else stands where it would have to be; detail: what
    FORBIDDEN = "forbidden"  # an administrator's policy; detail: whose browser
    NOT_YET = "not_yet"  # the browser makes it when it first starts


OBSTACLES: Final = frozenset(
    {
        Presence.NEEDS_PASSWORD,
        Presence.READ_ONLY,
        Presence.FOREIGN,
        Presence.DAMAGED,
        Presence.OBSTRUCTED,
        Presence.FORBIDDEN,
    }
)
"""What the user or an administrator has to deal with; each has its own words."""
SERVED: Final = frozenset({Presence.TRUSTED, Presence.NOT_YET})
"""Nobody has to do anything: the keeper does what is left (:mod:`agent.host.tls.trust_keeper`)."""


@dataclass(frozen=True, slots=True)
class Place:
    """One database, file or keychain that decides about trust.

    Attributes:
        store: which kind, as in ``PlatformTrustStore.name``.
        path: of the database, file or keychain; or its name.
        presence: whether it trusts our authority.
        detail: what was in the way, for a person.

    """

    store: str
    path: str
    presence: Presence
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuthorityFile:
    """The authority's certificate and its names.

    Attributes:
        path: PEM file.
        der: what is in it.
        name: what to call it in a store, ASCII.
        sha256: fingerprint, lower-case hex.
        sha1: the same with the hash by which Windows and macOS name certificates.

    """

    path: Path
    der: bytes
    name: str
    sha256: str
    sha1: str

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it.

        Raises:
            StoreError: it is no certificate, or none that we made.
            OSError: the file cannot be read.

        """
        try:
            certificate = x509.load_pem_x509_certificate(read_file(path, MAX_PEM))
            names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            name = str(names[0].value)
        except (ValueError, IndexError) as error:
            raise StoreError(f"{path} holds no certificate") from error
        if AUTHORITY_NAME.fullmatch(name) is None:  # it goes into command lines and file names
            raise StoreError(f"{path} holds somebody else's certificate")
        der = certificate.public_bytes(Encoding.DER)
        sha256, sha1 = certificate.fingerprint(SHA256()), certificate.fingerprint(SHA1())  # noqa: S303  # a name, no protection
        return cls(path, der, name, sha256.hex(), sha1.hex())

    @property
    def pem(self) -> str:
        """The certificate as text."""
        return x509.load_der_x509_certificate(self.der).public_bytes(Encoding.PEM).decode()


Recorder = Callable[[TrustStep], None]
"""Writes a change down; called before it is made."""


class PlatformTrustStore(Protocol):
    """One kind of trust store.

    Attributes:
        name: of the kind, in the manifest and in reports.
        for_all_users: whether changing it concerns every user of the computer.
        for_browsers: whether browsers look there.

    """

    name: str
    for_all_users: bool
    for_browsers: bool

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Return whether the authority is trusted in each place; empty without such a store."""

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Make it trusted wherever it is not; return what :meth:`check` returns afterwards.

        Each change goes to ``record`` before it is made, even if it turns out to be unneeded.
        """

    def uninstall(self, step: TrustStep) -> None:
        """Undo a change, whether or not it was made.

        Raises:
            StoreError: the store still trusts the authority.
            OSError: likewise.

        """


def certificates_in(pem: bytes) -> list[bytes]:
    """Return the certificates in a PEM text as DER; blocks that hold none are skipped."""
    found = []
    for block in re.findall(
        rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", pem, re.DOTALL
    ):
        try:
            found.append(x509.load_pem_x509_certificate(block).public_bytes(Encoding.DER))
        except ValueError:
            continue
    return found
