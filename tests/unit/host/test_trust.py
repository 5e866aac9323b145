"""All stores together: the manifest comes first, and uninstall leaves nothing."""

import json
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.host.tls import identity
from agent.host.tls.machine import Completed, Machine, run
from agent.host.tls.manifest import Manifest, ManifestError, TrustStep
from agent.host.tls.store import AuthorityFile, Presence, StoreError
from agent.host.tls.trust import Trust
from tests.unit.host.conftest import MachineFactory, Tools, new_database, tree

needs_certutil = pytest.mark.skipif(shutil.which("certutil") is None, reason="libnss3-tools")


class Desktop:
    """A desktop with two Chromiums, a Firefox and a system store, all in the test's folder."""

    def __init__(self, make_machine: MachineFactory, tools: Tools) -> None:
        self.tools = tools
        tools.answers["firefox"] = lambda _: Completed(0)
        tools.answers["update-ca-certificates"] = self.refresh
        tools.answers["certutil"] = lambda arguments: run([self.certutil, *arguments])
        self.certutil = shutil.which("certutil") or ""
        self.machine = make_machine(administrator=True, find=tools.find, run=tools.run)
        home = self.machine.home
        self.anchors = self.machine.system_path("/usr/local/share/ca-certificates")
        self.anchors.mkdir(parents=True)
        self.bundle = self.machine.system_path("/etc/ssl/certs/ca-certificates.crt")
        self.bundle.parent.mkdir(parents=True)
        self.bundle.write_bytes(b"")
        self.databases = [
            new_database(home / ".pki/nssdb"),
            new_database(home / "snap/chromium/current/.pki/nssdb"),
            new_database(home / ".mozilla/firefox/x.default"),
        ]

    def refresh(self, _: Sequence[str]) -> Completed:
        content = b"".join(path.read_bytes() for path in sorted(self.anchors.iterdir()))
        self.bundle.write_bytes(content)
        return Completed(0)

    def state(self) -> Any:
        lists = [
            run([self.certutil, "-L", "-d", f"sql:{database}"]).output
            for database in self.databases
        ]
        return lists, tree(self.machine.home), tree(self.machine.root)


@pytest.fixture
def desktop(make_machine: MachineFactory, tools: Tools) -> Desktop:
    return Desktop(make_machine, tools)


@needs_certutil
@pytest.mark.parametrize("for_all_users", [False, True])
def test_uninstall_leaves_nothing(
    desktop: Desktop, authority: AuthorityFile, tmp_path: Path, for_all_users: bool
) -> None:
    before = desktop.state()
    manifest = tmp_path / "trust.json"
    trust = Trust(manifest, desktop.machine)
    places = trust.install(authority, for_all_users=for_all_users)
    needed = [place for place in places if trust.is_needed(place)]
    assert len(needed) == 3
    assert {place.presence for place in needed} == {Presence.TRUSTED}
    system = [place.presence for place in places if place.store == "linux-system"]
    assert system == [Presence.TRUSTED if for_all_users else Presence.MISSING]
    assert desktop.state() != before
    assert stat.S_IMODE(manifest.stat().st_mode) == 0o600
    assert trust.install(authority, for_all_users=for_all_users) == places  # again: no harm
    assert Trust(manifest, desktop.machine).uninstall() == []
    assert desktop.state() == before
    assert not manifest.exists()


@needs_certutil
def test_killed_at_any_step_uninstall_leaves_nothing(
    desktop: Desktop, authority: AuthorityFile, tmp_path: Path
) -> None:
    before = desktop.state()
    manifest = tmp_path / "trust.json"
    writes = ("certutil", "update-ca-certificates")
    calls = 0
    while True:
        calls += 1
        left = calls

        def dying(command: Sequence[str]) -> Completed:
            nonlocal left
            if Path(command[0]).name in writes and ("-A" in command or len(command) == 1):
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
            return desktop.tools.run(command)

        machine = Machine(
            home=desktop.machine.home,
            root=desktop.machine.root,
            platform="linux",
            administrator=True,
            find=desktop.tools.find,
            run=dying,
            environment={},
        )
        try:
            Trust(manifest, machine).install(authority, for_all_users=True)
        except KeyboardInterrupt:
            assert manifest.exists()
        else:
            break
        assert Trust(manifest, desktop.machine).uninstall() == []
        assert desktop.state() == before
    assert calls == 4  # it died at two Chromiums and the system; Firefox has the policy
    Trust(manifest, desktop.machine).uninstall()
    assert desktop.state() == before


@needs_certutil
def test_a_renewed_authority_takes_the_old_ones_place(
    desktop: Desktop, authority: AuthorityFile, tmp_path: Path
) -> None:
    before = desktop.state()
    trust = Trust(tmp_path / "trust.json", desktop.machine)
    trust.install(authority, for_all_users=True)
    renewed = AuthorityFile.load(identity.ensure(tmp_path / "renewed").authority)
    assert trust.uninstall(keep=renewed.sha256) == []
    assert desktop.state() == before
    trust.install(renewed, for_all_users=True)
    assert trust.uninstall(keep=renewed.sha256) == []
    assert {place.presence for place in trust.check(renewed)} == {Presence.TRUSTED}
    assert Presence.TRUSTED not in {place.presence for place in trust.check(authority)}


@needs_certutil
def test_what_could_not_be_undone_stays_in_the_manifest(
    desktop: Desktop, authority: AuthorityFile, tmp_path: Path
) -> None:
    before = desktop.state()
    manifest = tmp_path / "trust.json"
    trust = Trust(manifest, desktop.machine)
    trust.install(authority)
    tool = desktop.tools.answers.pop("certutil")
    left = trust.uninstall()
    assert len(left) == 3
    assert all("certutil" in place.detail for place in left)
    desktop.tools.answers["certutil"] = tool
    assert trust.uninstall() == []
    assert desktop.state() == before


@needs_certutil
def test_after_a_lost_manifest_install_takes_responsibility_again(
    desktop: Desktop, authority: AuthorityFile, tmp_path: Path
) -> None:
    before = desktop.state()
    manifest = tmp_path / "trust.json"
    trust = Trust(manifest, desktop.machine)
    trust.install(authority, for_all_users=True)
    manifest.unlink()
    trust.install(authority, for_all_users=True)
    assert trust.uninstall() == []
    lists, home, root = desktop.state()
    assert (lists, home) == before[:2]
    assert not [name for name in root if "ankong" in name]


STEP = TrustStep("chromium", "/somewhere", "00" * 32, {"pem": "…"})


def test_the_manifest_remembers_in_order(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    manifest = Manifest(path)
    second = TrustStep("firefox", "/elsewhere", "11" * 32)
    for step in (STEP, second, STEP):
        manifest.record(step)
    assert Manifest(path).steps == (STEP, second)
    manifest.forget(STEP)
    assert Manifest(path).steps == (second,)
    manifest.forget(second)
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b'{"version": 2, "steps": []}',
        b'{"version": 1, "steps": [{"store": "chromium"}]}',
        b'{"version": 1, "steps": [{"store": 1, "place": "", "fingerprint": "", "facts": {}}]}',
        b'{"version": 1, "steps": [{"store": "", "place": "", "fingerprint": "", "facts": []}]}',
        b'{"version": 1, "steps": [7]}',
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_damaged_manifest_is_an_error_and_nothing_is_done(
    tmp_path: Path, make_machine: MachineFactory, authority: AuthorityFile, content: bytes
) -> None:
    path = tmp_path / "trust.json"
    path.write_bytes(content)
    trust = Trust(path, make_machine())
    with pytest.raises(ManifestError):
        trust.install(authority)
    with pytest.raises(ManifestError):
        trust.uninstall()
    assert path.read_bytes() == content


def test_a_step_of_an_unknown_kind_is_reported(
    tmp_path: Path, make_machine: MachineFactory
) -> None:
    path = tmp_path / "trust.json"
    Manifest(path).record(TrustStep("telepathy", "/", "00"))
    (left,) = Trust(path, make_machine()).uninstall()
    assert "telepathy" in left.store
    assert json.loads(path.read_bytes())["steps"]


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff" * 100])
def test_an_authority_file_must_hold_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "authority.pem"
    path.write_bytes(content)
    with pytest.raises(StoreError):
        AuthorityFile.load(path)


def test_somebody_elses_certificate_is_not_installed(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from cryptography.hazmat.primitives.serialization import Encoding

    from agent.host.tls.authority import LocalAuthority

    leaf = LocalAuthority(datetime.now(UTC)).leaf(datetime.now(UTC))
    path = tmp_path / "authority.pem"
    path.write_bytes(leaf.certificate.public_bytes(Encoding.PEM))
    with pytest.raises(StoreError, match="somebody else"):
        AuthorityFile.load(path)


def test_a_tool_that_is_not_there_or_hangs_is_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["/nowhere/tool"]).status != 0
    monkeypatch.setattr("agent.host.tls.machine.TIMEOUT", 0.05)
    assert run([shutil.which("sleep") or "sleep", "20"]).status != 0
    assert run([shutil.which("cat") or "cat"]) == Completed(0)  # nothing to read, so it ends
