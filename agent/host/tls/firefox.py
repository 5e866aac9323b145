"""The policy file with which an administrator makes Firefox on Linux trust us, for all users.

Elsewhere Firefox (120 and later) uses the system's store.
Mozilla, policy templates: ``Certificates.Install``.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from agent.files import read_file, replace_file
from agent.host.machine.exchange import others_can_exchange
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
from agent.strict_json import refuse_deep

POLICY_FILE: Final = "/etc/firefox/policies/policies.json"
"""Where it is there, the files of :data:`DISTRIBUTIONS` count for nothing: they are not merged."""
DISTRIBUTIONS: Final = (
    "/usr/lib*/firefox*/distribution/policies.json",
    "/usr/local/lib/firefox*/distribution/policies.json",
    "/usr/local/firefox*/distribution/policies.json",
    "/opt/firefox*/distribution/policies.json",
    "/opt/mozilla/firefox*/distribution/policies.json",
)
"""The policy files in the folders of installed Firefoxes."""
BINARIES: Final = ("firefox", "firefox-esr")
"""What its program is called."""
_OUR_COPY: Final = re.compile(r"ankong-local-authority-[0-9a-f]{8}\.pem")
_MAX_POLICY: Final = 1024 * 1024  # bytes


class _Certificates(Struct, rename="pascal"):
    install: list[Any] = []


class _Policies(Struct, rename="pascal"):
    certificates: _Certificates = field(default_factory=_Certificates)


class _PolicyFile(Struct):
    """As much of a policy file as concerns us."""

    policies: _Policies = field(default_factory=_Policies)


class FirefoxPolicyStore:
    """The policy files that are in force, for all users; other entries in them stay as they are.

    Without a file in ``/etc`` those in the folders of installed Firefoxes are in force. Then none
    is made in ``/etc``, which would switch them off.

    An administrator writes nothing into the folder of a Firefox that others can exchange, such as a
    user's that root's PATH leads to: they could have it written elsewhere. The users of that
    Firefox have their own profiles.
    """

    name = "firefox-policy"
    for_all_users = True
    for_browsers = False  # the profiles below decide for this user

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._path = machine.system_path(POLICY_FILE)

    def check(self, authority: AuthorityFile) -> Sequence[Place]:
        """Look whether the policies name a file with our authority; empty without Firefox."""
        return [self._check(path, authority) for path in self._files()]

    def serves_everybody(self, authority: AuthorityFile) -> bool:
        """Return whether every Firefox outside a sandbox trusts the authority by policy."""
        places = self.check(authority)
        in_etc = [place for place in places if place.path == str(self._path)]
        return bool(in_etc) and in_etc[0].presence is Presence.TRUSTED

    def _check(self, path: Path, authority: AuthorityFile) -> Place:
        try:
            trusted = any(_holds(file, authority) for file in _installed(_read(path)[0]))
        except StoreError as error:
            return Place(self.name, str(path), Presence.UNREADABLE, error.detail)
        presence = Presence.TRUSTED if trusted else Presence.MISSING
        if not trusted and not self._machine.administrator:
            presence = Presence.NEEDS_ADMINISTRATOR
        detail = f"a link to {path.resolve()}" if path.is_symlink() else ""
        return Place(self.name, str(path), presence, detail)

    def _files(self) -> list[Path]:
        """Return the files in force, or the one to be made; none without Firefox."""
        if self._machine.platform != "linux":
            return []
        distributions = self._distributions()
        if os.path.lexists(self._path) and not (distributions and self._is_only_ours()):
            return [self._path]
        if distributions:
            return [each for each in distributions if self._may_write(each)]
        return [self._path] if any(map(self._machine.find, BINARIES)) else []

    def _may_write(self, path: Path) -> bool:
        try:
            return not (self._machine.administrator and others_can_exchange(path))
        except OSError:
            return False

    def _distributions(self) -> list[Path]:
        """Return the policy files in the folders of installed Firefoxes, each once."""
        root = self._machine.root
        found = [each for pattern in DISTRIBUTIONS for each in root.glob(pattern.lstrip("/"))]
        for name in BINARIES:
            program = self._machine.find(name)
            if program is not None:
                beside = Path(program).resolve().parent / "distribution" / "policies.json"
                found += [beside] if beside.exists() else []
        return list({each.resolve(): each for each in sorted(found)}.values())

    def _is_only_ours(self) -> bool:
        """Return whether the file in ``/etc`` says nothing but what we wrote."""
        if self._path.is_symlink():
            return False
        try:
            policy, text = _read(self._path)
        except StoreError:
            return False
        files = _installed(policy)
        is_ours = len(files) == 1 and _OUR_COPY.fullmatch(Path(files[0]).name) is not None
        return text is not None and is_ours and text == _with_file({}, files[0])

    def install(self, authority: AuthorityFile, record: Recorder) -> Sequence[Place]:
        """Add our file to the policies, as administrator."""
        found = self.check(authority)
        if not self._machine.administrator:
            return found
        for place in found:
            if place.presence is not Presence.UNREADABLE:
                self._install(Path(place.path), place.presence, authority, record)
        if found and Path(found[0].path) != self._path and os.path.lexists(self._path):
            self._path.unlink()  # only ours, and it would switch off what is in force without it
        return self.check(authority)

    def _install(
        self, path: Path, presence: Presence, authority: AuthorityFile, record: Recorder
    ) -> None:
        copy = path.with_name(f"{authority.name.replace(' ', '-').lower()}.pem")
        step = self._step(path, authority, copy)
        record(step)
        if presence is Presence.MISSING:
            _make_public(path.parent)
            replace_file(copy, authority.pem.encode(), mode=0o644)
            _write(path, step.facts["after"])

    def _step(self, path: Path, authority: AuthorityFile, copy: Path) -> TrustStep:
        policy, before = _read(path)
        after = _with_file(policy, str(copy))
        made = [str(folder) for folder in path.parents if not folder.exists()]
        facts = {"copy": str(copy), "after": after, "made": msgspec.json.encode(made).decode()}
        if before is not None:
            facts["before"] = before
        return TrustStep(self.name, str(path), authority.sha256, facts)

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


def _make_public(folder: Path) -> None:
    """Make a folder, and those above it, that all users can read, whatever root's umask is."""
    for each in (*reversed(folder.parents), folder):
        if not each.exists():
            each.mkdir()
            each.chmod(0o755)


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
        raw = read_file(path, _MAX_POLICY, follow_links=True)
        refuse_deep(raw)
        text = raw.decode()
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
