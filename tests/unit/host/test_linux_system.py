"""The Linux system's store: Debian's real tool on folders of the test, and the others' by hand."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.host.tls import identity
from agent.host.tls.linux_system import FAMILIES, DistributionFamily, LinuxSystemStore
from agent.host.tls.machine import Completed, Machine, run
from agent.host.tls.manifest import TrustStep
from agent.host.tls.store import AuthorityFile, Presence, StoreError
from tests.unit.host.conftest import MachineFactory, Tools, tree

DEBIAN = FAMILIES[0]


@pytest.fixture
def steps() -> list[TrustStep]:
    return []


def debian(make_machine: MachineFactory) -> Machine:
    """Return a machine on which the real update-ca-certificates works below the test's root."""
    tool = shutil.which("update-ca-certificates")
    if tool is None:
        pytest.skip("needs ca-certificates")
    machine = make_machine(administrator=True)
    root = machine.root
    for folder in ("usr/local/share/ca-certificates", "etc/ssl/certs", "certs", "hooks"):
        (root / folder).mkdir(parents=True)
    office = identity.ensure(root.parent / "office").authority
    shutil.copy(office, root / "certs" / "office.crt")
    (root / "ca-certificates.conf").write_text("office.crt\n")
    options = [
        *("--etccertsdir", str(root / "etc/ssl/certs")),
        *("--localcertsdir", str(root / "usr/local/share/ca-certificates")),
        *("--certsdir", str(root / "certs"), "--hooksdir", str(root / "hooks")),
        *("--certsconf", str(root / "ca-certificates.conf")),
    ]

    def confined(command: Sequence[str]) -> Completed:
        assert command[0] == tool
        return run([*command, *options])

    return make_machine(administrator=True, run=confined)


def test_debians_own_tool_installs_and_forgets(
    make_machine: MachineFactory,
    authority: AuthorityFile,
    steps: list[TrustStep],
    local_identity: identity.ServerIdentity,
) -> None:
    machine = debian(make_machine)
    store = LinuxSystemStore(machine)
    assert store.check(authority)[0].presence is Presence.MISSING
    (place,) = store.install(authority, steps.append)
    assert place.presence is Presence.TRUSTED, place
    bundle = machine.root / "etc/ssl/certs/ca-certificates.crt"
    judge = ["openssl", "verify", "-CAfile", str(bundle), str(local_identity.leaf)]
    assert subprocess.run(judge, capture_output=True, check=False).returncode == 0
    for _ in range(2):
        store.uninstall(steps[0])
        found = list(machine.root.rglob("*"))
        assert not [path for path in found if "ankong" in path.name.lower()]
        assert all(path.exists() for path in found)  # no dead link by any other name
        assert authority.pem.strip() not in bundle.read_text()
    assert store.check(authority)[0].presence is Presence.MISSING


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.anchors)
def test_each_family_has_its_folder_and_its_tool(
    make_machine: MachineFactory,
    authority: AuthorityFile,
    steps: list[TrustStep],
    tools: Tools,
    family: DistributionFamily,
) -> None:
    machine = make_machine(administrator=True, find=tools.find, run=tools.run)
    anchors, bundle = machine.system_path(family.anchors), machine.system_path(family.bundle)
    anchors.mkdir(parents=True)
    bundle.parent.mkdir(parents=True, exist_ok=True)

    def refresh(_: Sequence[str]) -> Completed:
        bundle.write_bytes(b"".join(path.read_bytes() for path in anchors.iterdir()))
        return Completed(0)

    tools.answers[family.refresh[0]] = refresh
    refresh([])
    before = tree(machine.root)
    store = LinuxSystemStore(machine)
    (place,) = store.install(authority, steps.append)
    assert place.presence is Presence.TRUSTED
    assert Path(place.path).parent == anchors
    assert Path(place.path).suffix == family.suffix
    assert Path(place.path).stat().st_mode & 0o777 == 0o644
    assert tools.commands[-1] == [f"/usr/bin/{family.refresh[0]}", *family.refresh[1:]]
    store.uninstall(steps[0])
    assert tools.commands[-1] == [f"/usr/bin/{family.forget[0]}", *family.forget[1:]]
    assert tree(machine.root) == before


def test_a_tool_that_fails_is_said_and_can_be_undone(
    make_machine: MachineFactory, authority: AuthorityFile, steps: list[TrustStep], tools: Tools
) -> None:
    machine = make_machine(administrator=True, find=tools.find, run=tools.run)
    machine.system_path(DEBIAN.anchors).mkdir(parents=True)
    before = tree(machine.root)
    tools.answers[DEBIAN.refresh[0]] = lambda _: Completed(1, b"", "disk full")
    store = LinuxSystemStore(machine)
    (place,) = store.install(authority, steps.append)
    assert (place.presence, "disk full" in place.detail) == (Presence.UNREADABLE, True)
    with pytest.raises(StoreError, match="disk full"):
        store.uninstall(steps[0])
    tools.answers[DEBIAN.refresh[0]] = lambda _: Completed(0)
    store.uninstall(steps[0])
    assert tree(machine.root) == before


def test_without_an_administrator_nothing_happens(
    make_machine: MachineFactory, authority: AuthorityFile, steps: list[TrustStep], tools: Tools
) -> None:
    machine = make_machine(find=tools.find, run=tools.run)
    machine.system_path(DEBIAN.anchors).mkdir(parents=True)
    tools.answers[DEBIAN.refresh[0]] = lambda _: Completed(0)
    before = tree(machine.root)
    (place,) = LinuxSystemStore(machine).install(authority, steps.append)
    assert place.presence is Presence.NEEDS_ADMINISTRATOR
    assert (tree(machine.root), steps, tools.commands) == (before, [], [])


def test_a_file_that_somebody_added_to_is_not_removed(
    make_machine: MachineFactory,
    authority: AuthorityFile,
    steps: list[TrustStep],
    tools: Tools,
    tmp_path: Path,
) -> None:
    machine = make_machine(administrator=True, find=tools.find, run=tools.run)
    machine.system_path(DEBIAN.anchors).mkdir(parents=True)
    tools.answers[DEBIAN.refresh[0]] = lambda _: Completed(0)
    store = LinuxSystemStore(machine)
    store.install(authority, steps.append)
    path = Path(steps[0].place)
    other = identity.ensure(tmp_path / "other").authority.read_bytes()
    path.write_bytes(path.read_bytes() + other)
    with pytest.raises(StoreError, match="more than we put"):
        store.uninstall(steps[0])
    assert path.exists()


def test_a_system_without_either_has_no_such_store(
    make_machine: MachineFactory, authority: AuthorityFile, steps: list[TrustStep], tools: Tools
) -> None:
    machine = make_machine(administrator=True, find=tools.find, run=tools.run)
    assert LinuxSystemStore(machine).install(authority, steps.append) == []
