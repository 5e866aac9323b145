"""Firefox on Linux: its administrator's policy file, and without it each profile's database.

Elsewhere Firefox (120 and later) uses the system's store.
Mozilla, policy templates: ``Certificates.Install``.
"""

from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from agent.files import read_file, replace_file
from agent.host.tls.machine import Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.nss import NssDatabases, databases
from agent.host.tls.store import (
    MAX_PEM,
    AuthorityFile,
    Place,
    Presence,
    Recorder,
    StoreError,
    certificates_in,
)

POLICY_FILE: Final = "/etc/firefox/policies/policies.json"
_BINARIES: Final = ("firefox", "firefox-esr")
_PROFILES: Final = (
    *(".mozilla/firefox/*", ".config/mozilla/firefox/*"),
    "snap/firefox/common/.mozilla/firefox/*",
    ".var/app/org.mozilla.firefox/.mozilla/firefox/*",
)
_MAX_POLICY: Final = 1024 * 1024  # bytes


class _Certificates(Struct, rename="pascal"):
    install: list[Any] = []


class _Policies(Struct, rename="pascal"):
    certificates: _Certificates = field(default_factory=_Certificates)


class _PolicyFile(Struct):
    """As much of a policy file as concerns us."""

    policies: _Policies = field(default_factory=_Policies)


class FirefoxPolicyStore:
    """The policy file, for all users; other people's entries in it stay as they are."""

    name = "firefox-policy"
    for_all_users = True
    for_browsers = False  # the profiles below decide for this user

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._path = machine.system_path(POLICY_FILE)

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look whether the policy names a file with our authority; empty without Firefox."""
        if not self._is_wanted():
            return []
        try:
            trusted = any(_holds(file, authority) for file in _installed(_read(self._path)[0]))
        except StoreError as error:
            return [Place(self.name, str(self._path), Presence.UNREADABLE, error.detail)]
        presence = Presence.TRUSTED if trusted else Presence.MISSING
        if not trusted and not self._machine.administrator:
            presence = Presence.NEEDS_ADMINISTRATOR
        return [Place(self.name, str(self._path), presence)]

    def _is_wanted(self) -> bool:
        if self._machine.platform != "linux":
            return False
        return self._path.exists() or any(map(self._machine.find, _BINARIES))

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Add our file to the policy, as administrator."""
        found = self.check(authority)
        if not found or not self._machine.administrator:
            return found
        if found[0].presence is Presence.UNREADABLE:
            return found
        copy = self._path.with_name(f"{authority.name.replace(' ', '-').lower()}.pem")
        step = self._step(authority, copy)
        record(step)
        if found[0].presence is Presence.MISSING:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            replace_file(copy, authority.pem.encode(), mode=0o644)
            _write(self._path, step.facts["after"])
        return self.check(authority)

    def _step(self, authority: AuthorityFile, copy: Path) -> TrustStep:
        policy, before = _read(self._path)
        after = _with_file(policy, str(copy))
        made = [str(folder) for folder in self._path.parents if not folder.exists()]
        facts = {"copy": str(copy), "after": after, "made": msgspec.json.encode(made).decode()}
        if before is not None:
            facts["before"] = before
        return TrustStep(self.name, str(self._path), authority.sha256, facts)

    def uninstall(self, step: TrustStep) -> None:
        """Remove our entry and our file; restore the old policy if nobody changed it since.

        Raises:
            StoreError: the policy file cannot be read any more.
            OSError: it cannot be written.

        """
        path, copy = Path(step.place), step.facts["copy"]
        policy, now = _read(path)
        if now is not None and _digest(now) == _digest(step.facts["after"]):
            _restore(path, step.facts.get("before"))
        elif copy in _installed(policy):
            _write(path, _without_file(policy, copy))
        Path(copy).unlink(missing_ok=True)
        for folder in msgspec.json.decode(step.facts["made"], type=list[str]):
            with suppress(OSError):  # somebody else has moved in
                Path(folder).rmdir()


def _restore(path: Path, before: str | None) -> None:
    if before is None:
        path.unlink(missing_ok=True)
    else:
        _write(path, before)


def _write(path: Path, text: str) -> None:
    # An administrator's link to where the policies are kept stays one.
    replace_file(path, text.encode(), mode=0o644, follow_links=True)


def _digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _read(path: Path) -> tuple[dict[str, Any], str | None]:
    """Read the policy file: its content and its text; None for the text where there is none."""
    try:
        text = read_file(path, _MAX_POLICY, follow_links=True).decode()
        policy = msgspec.json.decode(text, type=dict[str, Any])
        _installed(policy)
    except FileNotFoundError:
        return {}, None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} is not a policy file: {error}") from error
    return policy, text


def _installed(policy: dict[str, Any]) -> list[str]:
    found = msgspec.convert(policy, _PolicyFile)
    return [each for each in found.policies.certificates.install if isinstance(each, str)]


def _with_file(policy: dict[str, Any], file: str) -> str:
    changed = deepcopy(policy)
    certificates = changed.setdefault("policies", {}).setdefault("Certificates", {})
    files = certificates.setdefault("Install", [])
    if file not in files:
        files.append(file)
    return _render(changed)


def _without_file(policy: dict[str, Any], file: str) -> str:
    changed = deepcopy(policy)
    certificates = changed["policies"]["Certificates"]
    certificates["Install"] = [each for each in certificates["Install"] if each != file]
    if not certificates["Install"]:
        del certificates["Install"]
    if not certificates:
        del changed["policies"]["Certificates"]
    return _render(changed)


def _render(policy: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(policy), indent=2).decode() + "\n"


def _holds(file: str, authority: AuthorityFile) -> bool:
    try:
        return authority.der in certificates_in(read_file(Path(file), MAX_PEM, follow_links=True))
    except (OSError, ValueError):
        return False


class FirefoxProfileStore:
    """The databases of this user's Firefox profiles: what works without an administrator."""

    name = "firefox"
    for_all_users = False
    for_browsers = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._policy = FirefoxPolicyStore(machine)
        self._databases = NssDatabases(machine, self.name)

    def _folders(self) -> list[Path]:
        if self._machine.platform != "linux":
            return []
        home = self._machine.home
        return databases(each for pattern in _PROFILES for each in home.glob(pattern))

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look into each profile, unless the policy file trusts the authority already."""
        by_policy = any(
            place.presence is Presence.TRUSTED for place in self._policy.check(authority)
        )
        if by_policy:
            return [
                Place(self.name, str(folder), Presence.TRUSTED, "by policy")
                for folder in self._folders()
            ]
        return [self._databases.check(folder, authority) for folder in self._folders()]

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Make each profile trust the authority, unless the policy does already."""
        places = self.check(authority)
        if any(place.detail == "by policy" for place in places):
            return places
        return [self._databases.install(folder, authority, record) for folder in self._folders()]

    def uninstall(self, step: TrustStep) -> None:
        """Remove the authority from one profile.

        Raises:
            StoreError: it is still there.

        """
        self._databases.uninstall(step)
