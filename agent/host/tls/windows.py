"""The root store of this Windows user: Chrome, Edge and Firefox (120 and later) look there.

Windows shows its own dialog when an authority is added, and again when one is removed; the caller
must have told the citizen before. Everything that touches Windows is in
:class:`RootStore`; it cannot run elsewhere, and is tested against a stand-in of its four calls.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import POINTER, Structure, c_char_p, c_ubyte, c_uint32, c_void_p, c_wchar_p, cast
from typing import Any, Final, Protocol

from agent.host.machine.windows_libraries import load_libraries
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

# wincrypt.h
_PROVIDER_SYSTEM: Final = 10  # CERT_STORE_PROV_SYSTEM_W
_PROVIDER_REGISTRY: Final = 13  # CERT_STORE_PROV_SYSTEM_REGISTRY_W
CURRENT_USER: Final = 1 << 16
"""CERT_SYSTEM_STORE_CURRENT_USER, which shows what the computer trusts, too."""
LOCAL_MACHINE: Final = 2 << 16
"""CERT_SYSTEM_STORE_LOCAL_MACHINE."""
_READ_ONLY: Final = 0x8000  # CERT_STORE_READONLY_FLAG: all that a user may do with the computer's
_ENCODING: Final = 0x00000001 | 0x00010000  # X509_ASN_ENCODING | PKCS_7_ASN_ENCODING
_REPLACE_EXISTING: Final = 3  # CERT_STORE_ADD_REPLACE_EXISTING


class CertificateContext(Structure):
    """CERT_CONTEXT, wincrypt.h."""

    _fields_ = (
        ("dwCertEncodingType", c_uint32),
        ("pbCertEncoded", POINTER(c_ubyte)),
        ("cbCertEncoded", c_uint32),
        ("pCertInfo", c_void_p),
        ("hCertStore", c_void_p),
    )


class Roots(Protocol):
    """The authorities that this user trusts."""

    def certificates(self) -> Sequence[bytes]:
        """Return all of them, DER."""

    def add(self, der: bytes) -> None:
        """Add one; Windows asks the citizen."""

    def remove(self, der: bytes) -> None:
        """Remove one, if it is there; Windows asks the citizen."""


class RootStore:
    """A Root store, through crypt32.dll."""

    def __init__(
        self, crypt32: Any, last_error: Callable[[], int], location: int = CURRENT_USER
    ) -> None:
        """Use ``crypt32``, loaded with ``use_last_error``.

        Args:
            crypt32: the library.
            last_error: reads the code of the last call that failed.
            location: :data:`CURRENT_USER`, or :data:`LOCAL_MACHINE`.

        """
        self._crypt32 = crypt32
        self._last_error = last_error
        self._location = location
        crypt32.CertOpenStore.argtypes = [c_void_p, c_uint32, c_void_p, c_uint32, c_wchar_p]
        crypt32.CertOpenStore.restype = c_void_p
        crypt32.CertCloseStore.argtypes = [c_void_p, c_uint32]
        crypt32.CertEnumCertificatesInStore.argtypes = [c_void_p, POINTER(CertificateContext)]
        crypt32.CertEnumCertificatesInStore.restype = POINTER(CertificateContext)
        arguments = [c_void_p, c_uint32, c_char_p, c_uint32, c_uint32, c_void_p]
        crypt32.CertAddEncodedCertificateToStore.argtypes = arguments
        crypt32.CertDeleteCertificateFromStore.argtypes = [POINTER(CertificateContext)]

    def certificates(self) -> Sequence[bytes]:
        """Return all certificates in the store, DER.

        Raises:
            StoreError: it cannot be opened.

        """
        with self._open(flags=_READ_ONLY) as store:
            return [der for der, _ in self._contexts(store)]

    def add(self, der: bytes) -> None:
        """Add a certificate; returns when the citizen has answered Windows' own dialog.

        Raises:
            StoreError: the citizen, or Windows, said no.

        """
        with self._open() as store:
            added = self._crypt32.CertAddEncodedCertificateToStore(
                store, _ENCODING, der, len(der), _REPLACE_EXISTING, None
            )
            self._insist(added, "CertAddEncodedCertificateToStore")

    def remove(self, der: bytes) -> None:
        """Remove a certificate, if it is there.

        Raises:
            StoreError: the citizen, or Windows, said no.

        """
        # Wine deletes from what lies behind the user's view of all stores, not through the view.
        for provider in (_PROVIDER_SYSTEM, _PROVIDER_REGISTRY):
            if not self._delete(provider, der):
                break
        if der in self.certificates():
            raise StoreError("it is still there after it was deleted")

    def _delete(self, provider: int, der: bytes) -> bool:
        """Delete a certificate from one view of the store; return whether it was there."""
        with self._open(provider) as store:
            # Deleting frees the context, so the enumeration must not go on from it.
            context = next((each for found, each in self._contexts(store) if found == der), None)
            if context is None:
                return False
            deleted = self._crypt32.CertDeleteCertificateFromStore(context)
            self._insist(deleted, "CertDeleteCertificateFromStore")
        return True

    @contextmanager
    def _open(self, provider: int = _PROVIDER_SYSTEM, flags: int = 0) -> Iterator[Any]:
        flags |= self._location
        store = self._crypt32.CertOpenStore(provider, 0, None, flags, "Root")
        self._insist(store, "CertOpenStore")
        try:
            yield store
        finally:
            self._crypt32.CertCloseStore(store, 0)

    def _contexts(self, store: Any) -> Iterator[tuple[bytes, Any]]:
        context = self._crypt32.CertEnumCertificatesInStore(store, None)
        while context:
            content = context.contents
            size = content.cbCertEncoded
            encoded = cast(content.pbCertEncoded, POINTER(c_ubyte * size))
            yield bytes(encoded.contents), context
            context = self._crypt32.CertEnumCertificatesInStore(store, context)

    def _insist(self, result: Any, call: str) -> None:
        if not result:
            raise StoreError(f"{call}: error 0x{self._last_error() & 0xFFFFFFFF:08X}")


def open_roots(location: int = CURRENT_USER) -> RootStore:
    """Open the store of this Windows user, or of the computer.

    Args:
        location: :data:`CURRENT_USER`, or :data:`LOCAL_MACHINE`.

    Raises:
        StoreError: this is not Windows.

    """
    try:
        (crypt32,), read_error = load_libraries("crypt32")
    except OSError as error:
        raise StoreError(str(error)) from error
    return RootStore(crypt32, read_error, location)


def open_machine_roots() -> RootStore:
    """Open the store of all users of this computer.

    Raises:
        StoreError: this is not Windows.

    """
    return open_roots(LOCAL_MACHINE)


class WindowsRoots:
    """What trust in a root store of Windows is, whoever's the store is.

    Attributes:
        name: of the store.
        place: in it.

    """

    name: str
    place: str

    def __init__(self, machine: Machine, roots: Callable[[], Roots]) -> None:
        """Say on which computer, and what opens the store."""
        self._machine = machine
        self._roots = roots

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look for the authority among the roots."""
        if self._machine.platform != "win32":
            return []
        try:
            trusted = authority.der in self._roots().certificates()
        except StoreError as error:
            return [Place(self.name, self.place, Presence.UNREADABLE, error.detail)]
        presence = Presence.TRUSTED if trusted else self._absence()
        return [Place(self.name, self.place, presence)]

    def uninstall(self, step: TrustStep) -> None:
        """Remove the authority from the roots.

        Raises:
            StoreError: the citizen, or Windows, said no.

        """
        for der in certificates_in(step.facts.get("pem", "").encode()):
            self._roots().remove(der)

    def _absence(self) -> Presence:
        """Return what is wrong where the authority is not there."""
        return Presence.MISSING

    def _add(self, authority: AuthorityFile) -> Sequence[Place]:
        try:
            self._roots().add(authority.der)
        except StoreError as error:
            return [Place(self.name, self.place, Presence.MISSING, error.detail)]
        return self.check(authority)


class WindowsUserStore(WindowsRoots):
    """Trust for this user only; needs no administrator, but the citizen's yes."""

    name = "windows-user"
    place = "CurrentUser\\Root"
    for_all_users = False
    for_browsers = True

    def __init__(
        self,
        machine: Machine,
        roots: Callable[[], Roots] = open_roots,
        shared: Callable[[], Roots] = open_machine_roots,
    ) -> None:
        """Say on which computer, and what opens the user's store and the computer's."""
        super().__init__(machine, roots)
        self._shared = shared

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Add the authority to the user's roots."""
        found = self.check(authority)
        if not found or found[0].presence is Presence.UNREADABLE:
            return found
        if found[0].presence is Presence.TRUSTED and self._is_shared(authority):
            return found  # the user cannot take that back, and does not have to
        record(TrustStep(self.name, self.place, authority.sha256, {"pem": authority.pem}))
        return self._add(authority) if found[0].presence is Presence.MISSING else found

    def _is_shared(self, authority: AuthorityFile) -> bool:
        try:
            return authority.der in self._shared().certificates()
        except StoreError:
            return False
