"""Certificates for all users: made once, renewed in time, taken away whole, and never believed
when somebody else than an administrator could have made them."""

import json
import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from agent.files import replace_file
from agent.host.machine import administrators
from agent.host.machine.paths import MachinePaths, Paths
from agent.host.tls import identity
from agent.host.tls.authority import LEAVES, LocalAuthority
from agent.host.tls.ladder_file import Ladder
from agent.host.tls.linux_system import FAMILIES
from agent.host.tls.machine import Completed, Machine
from agent.host.tls.manifest import Manifest
from agent.host.tls.places import Standing, TlsSource, choose, look
from agent.host.tls.trust import SHARED_KINDS, LeftTrust, Trust
from agent.setup.machine_setup import ORGANISATION, MachineSetup
from agent.setup.report import StepResult
from tests.unit.host.conftest import MachineFactory, Tools, tree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="of modes and owners")
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@dataclass
class Office:
    """A computer with a system store and Firefox, whose administrator is the test."""

    paths: MachinePaths
    own: Paths
    machine: Machine
    trust: Trust
    refuses: bool = False

    def run(
        self, now: datetime = NOW, ladder: Ladder | None = None, *, administrator: bool = True
    ) -> list[StepResult]:
        return list(self.setup(now, ladder, administrator=administrator).run())

    def undo(self, *, administrator: bool = True) -> list[StepResult]:
        return list(self.setup(administrator=administrator).undo())

    def setup(
        self, now: datetime = NOW, ladder: Ladder | None = None, *, administrator: bool = True
    ) -> MachineSetup:
        return MachineSetup(
            self.paths, self.trust, administrator=administrator, ladder=ladder, now=now
        )

    @property
    def root(self) -> Path:
        return self.machine.root

    @property
    def bundle(self) -> str:
        return (self.root / FAMILIES[0].bundle.lstrip("/")).read_text()

    @property
    def authority(self) -> str:
        return (self.paths.tls / identity.AUTHORITY_FILE).read_text()


@pytest.fixture
def office(
    tmp_path: Path, make_machine: MachineFactory, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> Office:
    monkeypatch.setattr(administrators, "ROOT", os.geteuid())
    machine = make_machine(administrator=True, find=tools.find, run=tools.run)
    anchors = machine.system_path(FAMILIES[0].anchors)
    bundle = machine.system_path(FAMILIES[0].bundle)
    anchors.mkdir(parents=True)
    bundle.parent.mkdir(parents=True)
    bundle.write_text("theirs\n")

    def refresh(_: object) -> Completed:
        if office.refuses:
            return Completed(1, complaint="disk full")
        bundle.write_text("theirs\n" + "".join(each.read_text() for each in anchors.iterdir()))
        return Completed(0)

    tools.answers["update-ca-certificates"] = refresh
    tools.answers["firefox"] = refresh
    paths = MachinePaths(tmp_path / "root" / "var" / "lib" / "ankong")
    paths.folder.parent.mkdir(parents=True)
    trust = Trust(paths.trust, machine, SHARED_KINDS)
    office = Office(paths, Paths(tmp_path / "state", paths.folder), machine, trust)
    return office


def codes(results: list[StepResult]) -> list[str]:
    return [each.code for each in results]


MADE = ["machine_made", "machine_trusted", "machine_trusted"]
KEPT = ["machine_kept", "machine_trusted", "machine_trusted"]


def test_all_users_can_serve_and_the_key_of_the_authority_is_nowhere(office: Office) -> None:
    before = tree(office.root)
    assert codes(office.run()) == MADE
    assert office.authority.strip() in office.bundle
    policies = (office.root / "etc/firefox/policies/policies.json").read_text()
    assert "ankong-local-authority-" in policies
    served = TlsSource(office.own).ensure(NOW)
    assert served.leaf.parent == office.paths.tls
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(served.leaf)
    assert not office.own.tls.exists()
    for path in (office.paths.folder, *office.paths.tls.iterdir(), office.paths.tls):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)
    keys = [path for path in office.paths.tls.iterdir() if b"PRIVATE" in path.read_bytes()]
    assert len(keys) == LEAVES
    assert codes(office.undo()) == ["machine_undone"]
    assert tree(office.root) == before
    assert not office.paths.folder.exists()
    assert office.bundle == "theirs\n"
    assert codes(office.undo()) == ["machine_none"]


def test_a_second_run_changes_nothing(office: Office) -> None:
    office.run()
    before = tree(office.root)
    assert codes(office.run()) == KEPT
    assert tree(office.root) == before


def test_stores_that_an_organisation_sees_to_are_left_and_what_was_changed_is_taken_back(
    office: Office,
) -> None:
    policies = office.root / "etc/firefox/policies/policies.json"
    left = LeftTrust(office.paths.trust, office.machine, SHARED_KINDS)
    trusting, office.trust = office.trust, left
    for expected in ("machine_made", "machine_kept"):
        assert codes(office.run()) == [expected, "machine_left"]
        assert office.bundle == "theirs\n"
        assert not policies.exists()
    office.trust = trusting
    assert codes(office.run()) == KEPT
    assert policies.exists()
    office.trust = left
    assert codes(office.run()) == ["machine_kept", "machine_left"]
    assert office.bundle == "theirs\n"
    assert not policies.exists()
    assert TlsSource(office.own).ensure(NOW).leaf.parent == office.paths.tls
    office.trust = trusting
    assert codes(office.undo()) == ["machine_undone"]


@pytest.mark.parametrize(("left", "expected"), [(181 * DAY, KEPT), (179 * DAY, MADE), (-DAY, MADE)])
def test_it_is_renewed_when_that_is_due_and_one_authority_stays(
    office: Office, left: timedelta, expected: list[str]
) -> None:
    office.run()
    first = office.authority
    found = look(office.paths.tls, NOW).certificates
    assert found is not None
    assert codes(office.run(found.ends - left)) == expected
    assert (office.authority == first) is (expected == KEPT)
    assert office.bundle == "theirs\n" + office.authority
    assert {step.fingerprint for step in Manifest(office.paths.trust).steps} == {
        x509.load_pem_x509_certificate(office.authority.encode())
        .fingerprint(identity.SHA256())
        .hex()
    }


def test_nobody_but_an_administrator_does_it(office: Office) -> None:
    before = tree(office.root)
    for results in (office.run(administrator=False), office.undo(administrator=False)):
        assert codes(results) == ["machine_no_administrator"]
        assert not results[0].ok
    assert tree(office.root) == before


@pytest.mark.parametrize("renews", [False, True])
def test_a_store_that_refuses_leaves_all_as_it_was(office: Office, renews: bool) -> None:
    now = NOW
    if renews:
        office.run()
        now += timedelta(days=6 * 365)
    before = tree(office.root)
    office.refuses = True
    results = office.run(now)
    assert "machine_refused" in codes(results)
    assert not all(each.ok for each in results)
    assert look(office.paths.tls, NOW).standing is (Standing.USABLE if renews else Standing.ABSENT)
    assert not office.paths.next_tls.exists()
    office.refuses = False
    assert codes(office.run(NOW)) == (KEPT if renews else MADE)
    if renews:
        assert tree(office.root) == before


class Killed(BaseException):
    """The end of the process, wherever it is."""


def kill(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("renews", [False, True])
@pytest.mark.parametrize("step", ["write", "trust", "swap", "forget"])
def test_killed_midway_the_next_run_ends_it(
    office: Office, monkeypatch: pytest.MonkeyPatch, step: str, renews: bool
) -> None:
    later = NOW
    if renews:
        office.run()
        later += timedelta(days=5 * 365 - 30)
    with monkeypatch.context() as patched:
        break_off(office, patched, step)
        with pytest.raises(Killed):
            office.run(later)
    choose(office.own, later)  # whatever is there, it can be judged
    assert office.run(later)[-1].ok
    assert look(office.paths.tls, later).is_usable
    assert office.bundle == "theirs\n" + office.authority
    names = {path.name for path in office.paths.folder.iterdir()}
    assert names <= {"tls", "trust.json", "trust.lock", "machine.lock"}
    assert codes(office.undo()) == ["machine_undone"]
    assert office.bundle == "theirs\n"
    assert not office.paths.folder.exists()


def break_off(office: Office, patched: pytest.MonkeyPatch, step: str) -> None:
    written: list[Path] = []

    def write_three(path: Path, content: bytes, **options: int) -> None:
        written.append(path)
        if len(written) > 3:
            kill()
        replace_file(path, content, **options)

    renamed: list[Path] = []
    rename = Path.rename

    def rename_once(path: Path, target: Path) -> Path:
        renamed.append(path)
        if path == office.paths.next_tls:
            kill()
        return rename(path, target)

    if step == "write":
        patched.setattr(identity, "replace_file", write_three)
    elif step == "trust":
        patched.setattr(MachineSetup, "_put_in_place", kill)
    elif step == "swap":
        patched.setattr(Path, "rename", rename_once)
    else:
        patched.setattr(office.trust, "uninstall", kill)


def make_open(office: Office) -> None:
    (office.paths.tls / "leaf-2.pem").chmod(0o666)


def make_folder_open(office: Office) -> None:
    office.paths.tls.chmod(0o777)


def lose_a_leaf(office: Office) -> None:
    (office.paths.tls / "leaf-5.pem").unlink()


def lose_the_authority(office: Office) -> None:
    (office.paths.tls / identity.AUTHORITY_FILE).unlink()


def exchange_a_leaf(office: Office) -> None:
    other = LocalAuthority(NOW).leaves()[0]
    (office.paths.tls / "leaf-1.pem").write_bytes(identity.leaf_pem(other))


def give_away(office: Office) -> None:
    os.chown(office.paths.tls, 65534, -1)


def link_it(office: Office) -> None:
    moved = office.paths.tls.rename(office.root / "elsewhere")
    office.paths.tls.symlink_to(moved)


@pytest.mark.parametrize(
    ("spoil", "standing"),
    [
        (make_open, Standing.OPEN),
        (make_folder_open, Standing.OPEN),
        (lose_a_leaf, Standing.INCOMPLETE),
        (lose_the_authority, Standing.INCOMPLETE),
        (exchange_a_leaf, Standing.INCOMPLETE),
        (give_away, Standing.STRANGERS),
        (link_it, Standing.STRANGERS),
    ],
)
def test_what_cannot_be_believed_is_not_served_and_the_next_run_mends_it(
    office: Office, spoil: Callable[[Office], None], standing: Standing
) -> None:
    if spoil is give_away and os.geteuid() != 0:
        pytest.skip("gives a folder to another user")
    office.run()
    spoil(office)
    found = choose(office.own, NOW)
    assert (found.shared.standing, found.folder) == (standing, office.own.tls)
    assert found.shared.is_administrators is (standing is not Standing.STRANGERS)
    assert TlsSource(office.own).ensure(NOW).leaf.parent == office.own.tls
    assert all(each.ok for each in office.run())
    assert choose(office.own, NOW).folder == office.paths.tls
    assert office.bundle == "theirs\n" + office.authority


def test_before_their_end_the_users_own_take_over(office: Office) -> None:
    office.run()
    found = look(office.paths.tls, NOW).certificates
    assert found is not None
    assert choose(office.own, found.ends - 4 * DAY).folder == office.paths.tls
    ending = choose(office.own, found.ends - 2 * DAY)
    assert (ending.folder, ending.shared.standing) == (office.own.tls, Standing.ENDING)
    assert choose(office.own, NOW - 30 * DAY).folder == office.paths.tls  # an empty battery


def test_an_agent_that_took_pins_of_pages_begins_to_share_at_its_next_start(
    office: Office,
) -> None:
    office.run()
    assert TlsSource(office.own, may_share=False).ensure(NOW).leaf.parent == office.own.tls
    assert TlsSource(office.own, may_share=False).authority().parent == office.own.tls
    assert TlsSource(office.own).authority().parent == office.paths.tls


def test_an_organisations_ladder_is_taken_and_never_replaced_by_the_computers_own(
    office: Office,
) -> None:
    made = LocalAuthority(NOW.replace(microsecond=0))
    ladder = Ladder(made.certificate, made.leaves())
    office.run()
    assert codes(office.run(ladder=ladder)) == MADE
    assert codes(office.run(ladder=ladder)) == KEPT
    assert codes(office.run()) == KEPT
    assert (office.paths.tls / ORGANISATION).exists()
    assert office.authority.encode() == ladder.encoded()[: len(office.authority)]
    late = NOW + timedelta(days=5 * 365 + 91)
    assert codes(office.run(late)) == ["machine_needs_authority"]
    lose_a_leaf(office)
    assert codes(office.run()) == ["machine_needs_authority"]
    assert codes(office.run(ladder=ladder)) == MADE
    assert codes(office.undo()) == ["machine_undone"]
    assert not office.paths.folder.exists()


def test_what_others_keep_in_the_folders_stays(office: Office) -> None:
    office.run()
    policy = office.paths.folder / "policy.toml"
    policy.write_text("page_pin = true\n")
    (office.paths.tls / "notes.txt").write_text("theirs")
    assert codes(office.undo()) == ["machine_undone"]
    assert policy.read_text() == "page_pin = true\n"
    assert (office.paths.tls / "notes.txt").read_text() == "theirs"
    assert choose(office.own, NOW).shared.standing is Standing.ABSENT
    assert codes(office.run()) == MADE
    aside = [path for path in office.paths.folder.iterdir() if "set-aside" in path.name]
    assert [(path / "notes.txt").read_text() for path in aside] == ["theirs"]


def test_a_list_of_changes_that_a_stranger_wrote_is_not_obeyed(office: Office) -> None:
    if os.geteuid() != 0:
        pytest.skip("gives a file to another user")
    victim = office.root / "victim.crt"
    victim.write_text("not ours")
    office.paths.folder.mkdir()
    step = {"store": "linux-system", "place": str(victim), "fingerprint": "0", "facts": {}}
    office.paths.trust.write_text(json.dumps({"version": 1, "steps": [step]}))
    os.chown(office.paths.trust, 65534, -1)
    assert codes(office.undo()) == ["machine_none"]
    assert victim.exists()
