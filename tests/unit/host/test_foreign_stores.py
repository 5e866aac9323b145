"""The stores of Windows and macOS, against stand-ins for their system's side."""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.host.tls.machine import Completed, Machine
from agent.host.tls.macos import SYSTEM_KEYCHAIN, MacosUserStore
from agent.host.tls.manifest import TrustStep
from agent.host.tls.store import AuthorityFile, Presence, StoreError
from agent.host.tls.windows import (
    CURRENT_USER,
    LOCAL_MACHINE,
    CertificateContext,
    RootStore,
    WindowsUserStore,
    open_roots,
)
from agent.host.tls.windows_machine import WindowsMachineStore
from tests.unit.host.conftest import MachineFactory, Tools


class Call:
    """A function of a library, with the attributes that ctypes sets."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.argtypes: list[Any] = []
        self.restype: Any = None

    def __call__(self, *arguments: Any) -> Any:
        if self.argtypes:
            assert len(arguments) == len(self.argtypes)
        return self.function(*arguments)


class Crypt32:
    """What of crypt32.dll is used: a store, and contexts that must be freed exactly once."""

    def __init__(self, *certificates: bytes, location: int = CURRENT_USER) -> None:
        self.location = location
        self.content = list(certificates)
        self.open = 0
        self.alive = 0
        self.refuses = False
        self.keeps_in: set[int] = set()
        self.provider = 0
        self.reads_only = False
        self.CertOpenStore = Call(self.open_store)
        self.CertCloseStore = Call(self.close_store)
        self.CertEnumCertificatesInStore = Call(self.enumerate)
        self.CertAddEncodedCertificateToStore = Call(self.add)
        self.CertDeleteCertificateFromStore = Call(self.delete)

    def open_store(self, kind: int, _e: int, _p: object, flags: int, name: str) -> int:
        assert kind in (10, 13)
        assert (flags & ~READ_ONLY, name) == (self.location, "Root")
        self.reads_only = bool(flags & READ_ONLY)
        self.provider = kind
        self.open += 1
        return 0 if self.refuses == "open" else 77

    def close_store(self, store: int, flags: int) -> int:
        assert (store, flags) == (77, 0)
        self.open -= 1
        return 1

    def context(self, index: int) -> Any:
        der = self.content[index]
        buffer = (ctypes.c_ubyte * len(der)).from_buffer_copy(der)
        context = CertificateContext(
            1, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ubyte)), len(der), index, None
        )
        self.alive += 1
        pointer = ctypes.pointer(context)
        pointer.keep = buffer  # type: ignore[attr-defined]  # ctypes pointers take attributes
        return pointer

    def enumerate(self, _store: int, previous: Any) -> Any:
        index = 0
        if previous is not None:
            self.alive -= 1
            index = (previous.contents.pCertInfo or 0) + 1
        return self.context(index) if index < len(self.content) else None

    def add(self, store: int, encoding: int, der: bytes, size: int, how: int, _c: None) -> int:
        assert (store, encoding, size, how) == (77, 0x10001, len(der), 3)
        assert not self.reads_only
        if self.refuses:
            return 0
        if der not in self.content:
            self.content.append(der)
        return 1

    def delete(self, context: Any) -> int:
        self.alive -= 1
        assert not self.reads_only
        if self.refuses:
            return 0
        if self.provider not in self.keeps_in:
            del self.content[context.contents.pCertInfo or 0]
        return 1


READ_ONLY = 0x8000  # CERT_STORE_READONLY_FLAG
CANCELLED = 0x800704C7  # ERROR_CANCELLED as an HRESULT


@pytest.fixture
def steps() -> list[TrustStep]:
    return []


def test_the_windows_boundary_reads_adds_and_removes(authority: AuthorityFile) -> None:
    crypt32 = Crypt32(b"first", b"second")
    roots = RootStore(crypt32, lambda: CANCELLED)
    assert roots.certificates() == [b"first", b"second"]
    roots.add(authority.der)
    assert roots.certificates() == [b"first", b"second", authority.der]
    roots.remove(b"second")
    assert crypt32.content == [b"first", authority.der]
    roots.remove(b"not there")
    assert (crypt32.open, crypt32.alive) == (0, 0)


def test_what_one_view_only_pretends_to_delete_is_deleted_through_the_other() -> None:
    crypt32 = Crypt32(b"first", b"second")
    crypt32.keeps_in = {10}  # as Wine 8 does
    RootStore(crypt32, lambda: 0).remove(b"second")
    assert crypt32.content == [b"first"]
    assert (crypt32.open, crypt32.alive) == (0, 0)


def test_what_stays_in_the_store_is_never_called_removed() -> None:
    crypt32 = Crypt32(b"first")
    crypt32.keeps_in = {10, 13}
    with pytest.raises(StoreError, match="still there"):
        RootStore(crypt32, lambda: 0).remove(b"first")


@pytest.mark.parametrize("refuses", [True, "open"])
def test_a_no_to_windows_dialog_is_an_error_with_its_number(
    authority: AuthorityFile, refuses: Any
) -> None:
    crypt32 = Crypt32(authority.der)
    roots = RootStore(crypt32, lambda: CANCELLED - (1 << 32))  # as ctypes gives it: signed
    crypt32.refuses = refuses
    with pytest.raises(StoreError, match="0x800704C7"):
        roots.add(authority.der)
    with pytest.raises(StoreError, match="0x800704C7"):
        roots.remove(authority.der)


def test_elsewhere_there_is_no_crypt32() -> None:
    if hasattr(ctypes, "WinDLL"):
        pytest.skip("this is Windows")
    with pytest.raises(StoreError, match="not Windows"):
        open_roots()


def test_the_windows_store_keeps_the_three_verbs(
    make_machine: MachineFactory, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    crypt32 = Crypt32(b"another")
    machine = make_machine(platform="win32")
    store = WindowsUserStore(machine, lambda: RootStore(crypt32, lambda: CANCELLED))
    assert store.check(authority)[0].presence is Presence.MISSING
    crypt32.refuses = True
    (refused,) = store.install(authority, steps.append)
    assert refused.presence is Presence.MISSING
    assert "0x800704C7" in refused.detail
    crypt32.refuses = False
    assert store.install(authority, steps.append)[0].presence is Presence.TRUSTED
    store.uninstall(steps[0])
    assert store.check(authority)[0].presence is Presence.MISSING
    assert b"another" in crypt32.content
    crypt32.refuses = True
    store.uninstall(steps[0])  # nothing there, so nothing that could be refused


def test_a_store_that_does_not_open_is_said(
    make_machine: MachineFactory, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    crypt32 = Crypt32()
    crypt32.refuses = "open"  # type: ignore[assignment]  # one flag for both refusals
    store = WindowsUserStore(
        make_machine(platform="win32"), lambda: RootStore(crypt32, lambda: CANCELLED)
    )
    assert store.install(authority, steps.append)[0].presence is Presence.UNREADABLE
    assert steps == []


class Security:
    """What ``security(1)`` does with one keychain."""

    def __init__(self, machine_home: Path) -> None:
        self.keychain = str(machine_home / "Library/Keychains/login.keychain-db")
        self.present: dict[str, str] = {}
        self.trusted: set[str] = set()
        self.by_profile = ""
        self.refuses = False

    def __call__(self, arguments: Sequence[str]) -> Completed:
        verb, *rest = arguments
        method = getattr(self, verb.replace("-", "_"))
        answer: Completed = method(rest)
        return answer

    def find_certificate(self, rest: Sequence[str]) -> Completed:
        assert rest[:-1] == ["-a", "-Z"]
        if rest[-1] == SYSTEM_KEYCHAIN:
            return Completed(0, f"SHA-256 hash: {self.by_profile.upper()}".encode())
        assert rest[-1] == self.keychain
        lines = [f"SHA-256 hash: {sha256.upper()}\nSHA-1 hash: 00" for sha256 in self.present]
        return Completed(0, "\n".join(lines).encode())

    def verify_cert(self, rest: Sequence[str]) -> Completed:
        assert rest[:-1] == ["-l", "-L", "-p", "ssl", "-c"]
        return Completed(0 if AuthorityFile.load(Path(rest[-1])).sha256 in self.trusted else 1)

    def add_trusted_cert(self, rest: Sequence[str]) -> Completed:
        assert rest[:-1] == ["-r", "trustRoot", "-p", "ssl", "-k", self.keychain]
        if self.refuses:
            return Completed(1, b"", "The authorization was canceled by the user.")
        found = AuthorityFile.load(Path(rest[-1]))
        self.present[found.sha256] = found.sha1
        self.trusted.add(found.sha256)
        return Completed(0)

    def remove_trusted_cert(self, rest: Sequence[str]) -> Completed:
        self.trusted.discard(AuthorityFile.load(Path(rest[0])).sha256)
        return Completed(0)

    def delete_certificate(self, rest: Sequence[str]) -> Completed:
        assert (rest[0], rest[2]) == ("-Z", self.keychain)
        if self.refuses:
            return Completed(1, b"", "write permissions error")
        self.present = {
            long: short for long, short in self.present.items() if short.upper() != rest[1]
        }
        return Completed(0)


def test_the_macos_store_keeps_the_three_verbs(
    make_machine: MachineFactory, authority: AuthorityFile, tools: Tools, steps: list[TrustStep]
) -> None:
    machine = make_machine(platform="darwin", run=tools.run)
    security = tools.answers["security"] = Security(machine.home)
    store = MacosUserStore(machine)
    assert store.check(authority)[0].presence is Presence.MISSING
    security.refuses = True
    (refused,) = store.install(authority, steps.append)
    assert (refused.presence, "canceled" in refused.detail) == (Presence.MISSING, True)
    security.refuses = False
    assert store.install(authority, steps.append)[0].presence is Presence.TRUSTED
    security.trusted.clear()  # present, but no longer trusted
    assert store.check(authority)[0].presence is Presence.MISSING
    security.refuses = True
    with pytest.raises(StoreError, match="permissions"):
        store.uninstall(steps[0])
    security.refuses = False
    for _ in range(2):
        store.uninstall(steps[0])
        assert (security.present, security.trusted) == ({}, set())


def test_what_a_profile_brought_to_macos_is_neither_asked_for_nor_written_down(
    make_machine: MachineFactory, authority: AuthorityFile, tools: Tools, steps: list[TrustStep]
) -> None:
    machine = make_machine(platform="darwin", run=tools.run)
    security = tools.answers["security"] = Security(machine.home)
    security.by_profile = authority.sha256
    security.trusted.add(authority.sha256)
    (place,) = MacosUserStore(machine).install(authority, steps.append)
    assert place.presence is Presence.TRUSTED
    assert (steps, security.present) == ([], {})


def both(
    machine: Machine, user: Crypt32, shared: Crypt32
) -> tuple[WindowsUserStore, WindowsMachineStore]:
    """Return the two stores of a Windows computer."""

    def roots() -> RootStore:
        return RootStore(user, lambda: CANCELLED)

    def machine_roots() -> RootStore:
        return RootStore(shared, lambda: CANCELLED, LOCAL_MACHINE)

    return (
        WindowsUserStore(machine, roots, machine_roots),
        WindowsMachineStore(machine, machine_roots),
    )


def test_the_computers_store_keeps_the_three_verbs(
    make_machine: MachineFactory, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    shared = Crypt32(b"another", location=LOCAL_MACHINE)
    _, store = both(make_machine(platform="win32", administrator=True), Crypt32(), shared)
    shared.refuses = True
    (refused,) = store.install(authority, steps.append)
    assert (refused.presence, "0x800704C7" in refused.detail) == (Presence.MISSING, True)
    shared.refuses = False
    assert store.install(authority, steps.append)[0].presence is Presence.TRUSTED
    store.uninstall(steps[0])
    assert shared.content == [b"another"]
    store.uninstall(steps[0])
    _, elsewhere = both(make_machine(platform="win32"), Crypt32(), shared)
    assert elsewhere.install(authority, steps.append)[0].presence is Presence.NEEDS_ADMINISTRATOR
    shared.refuses = "open"  # type: ignore[assignment]  # one flag for both refusals
    assert store.check(authority)[0].presence is Presence.UNREADABLE


def test_what_a_group_policy_brought_is_not_ours_to_take_away(
    make_machine: MachineFactory, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    shared = Crypt32(authority.der, location=LOCAL_MACHINE)
    machine = make_machine(platform="win32", administrator=True)
    # A user's view shows what the computer trusts.
    user, store = both(machine, Crypt32(authority.der), shared)
    for each in (user, store):
        assert each.install(authority, steps.append)[0].presence is Presence.TRUSTED
    assert steps == []


def test_neither_is_there_on_linux(
    make_machine: MachineFactory, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    machine = make_machine()
    for store in (WindowsUserStore(machine), MacosUserStore(machine), WindowsMachineStore(machine)):
        assert store.install(authority, steps.append) == []
