"""What follows from certificates that all users share: who may have made them, PINs, words."""

import json
import os
import stat
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cli import COMMANDS, parser_of
from agent.commands import machine as machine_command
from agent.commands.examples import examples_of
from agent.commands.machine import AuthorityOptions, MachineOptions
from agent.commands.parser import UnfitOptionsError
from agent.commands.policy import SettingSource, in_force
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.tls import check_tls
from agent.errors import BadRequestError
from agent.host.machine import administrators, paths
from agent.host.machine.administrators import (
    OpenToOthersError,
    StrangersError,
    check_shared,
    make_shared,
)
from agent.host.machine.paths import MachinePaths, Paths
from agent.host.machine.windows_acl import ADMINISTRATORS, SYSTEM, FileAccess
from agent.host.machine.windows_folders import WindowsFolders
from agent.host.settings import policy as policy_module
from agent.host.settings.policy_in_force import policy_in_force
from agent.host.tls import identity
from agent.host.tls.authority import LEAVES, LocalAuthority
from agent.host.tls.ladder_file import LADDER_FILE, ROOT_FILE, Ladder, read_ladder
from agent.host.tls.places import choose
from tests.unit.host.access_support import ADD, FULL, READ, STRANGER, USERS, FakeAccess
from tests.unit.host.conftest import MachineFactory

NOW = datetime.now(UTC)
needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="of modes and owners")


@pytest.fixture(scope="module")
def ladder() -> Ladder:
    """An organisation's."""
    made = LocalAuthority(NOW.replace(microsecond=0))
    return Ladder(made.certificate, made.leaves())


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ladder: Ladder) -> Paths:
    """A user of a computer whose administrator has made certificates for all."""
    monkeypatch.setattr(administrators, "ROOT", os.geteuid())
    monkeypatch.setattr(policy_module, "system_path", lambda: tmp_path / "no-policy.toml")
    found = Paths(tmp_path / "state", tmp_path / "all")
    found.prepare()
    make_shared(found.machine.folder)
    make_shared(found.machine.tls)
    identity.write(found.machine.tls, ladder.authority, ladder.leaves, 0o644)
    return found


# PINs of pages.


@needs_modes
@pytest.mark.parametrize(
    ("policy", "own", "settings", "expected", "source"),
    [
        (None, "", "", False, SettingSource.SHARED),
        (None, "", "page_pin = true", False, SettingSource.SHARED),
        (None, "page_pin = true", "page_pin = true", False, SettingSource.SHARED),
        (None, "page_pin = false", "", False, SettingSource.SHARED),
        ("page_pin = true", "", "page_pin = false", True, SettingSource.POLICY),
        ("page_pin = false", "page_pin = true", "page_pin = true", False, SettingSource.POLICY),
        ("other_sites = 'forbid'", "", "page_pin = true", False, SettingSource.SHARED),
    ],
)
def test_pages_hand_no_pin_over_unless_an_administrators_policy_says_so(  # noqa: PLR0917
    shared: Paths,
    monkeypatch: pytest.MonkeyPatch,
    policy: str | None,
    own: str,
    settings: str,
    expected: bool,
    source: SettingSource,
) -> None:
    monkeypatch.setattr(policy_module, "check_policy_file", os.stat)
    if policy is not None:
        policy_module.system_path().write_text(policy)
    shared.policy.write_text(own)
    shared.config.write_text(settings)
    found = policy_in_force(shared)
    (row,) = [
        each for each in in_force(shared, found, {"page_pin": True}) if each.name == "page_pin"
    ]
    assert (row.value, row.source, row.locked) == (expected, source, True)
    assert (found.over(policy_module.Settings()).page_pin, found.problem) == (expected, None)


@needs_modes
def test_they_may_again_where_nothing_is_shared_or_a_stranger_made_it(shared: Paths) -> None:
    before = policy_in_force(shared)
    if os.geteuid() == 0:
        os.chown(shared.machine.tls, 65534, -1)
        assert policy_in_force(shared).implied == {}
    for path in shared.machine.tls.iterdir():
        path.unlink()
    os.chown(shared.machine.tls, os.geteuid(), -1)
    after = policy_in_force(shared)
    assert after.over(policy_module.Settings()).page_pin
    assert after.fingerprint != before.fingerprint  # so that a restart is asked for


@needs_modes
def test_a_damaged_ladder_still_keeps_pins_from_pages(shared: Paths) -> None:
    (shared.machine.tls / "leaf-0.pem").unlink()
    assert policy_in_force(shared).implied == {"page_pin": False}


@needs_modes
def test_no_user_is_asked_to_trust_what_could_vouch_for_others(shared: Paths) -> None:
    """However it came there: an administrator can be talked into much."""
    made = _Anything()
    identity.write(shared.machine.tls, made.certificate, made.leaves(), 0o644)
    found = choose(shared)
    assert (found.folder, found.shared.is_usable) == (shared.tls, False)
    assert "not as Ankong makes them" in found.shared.detail
    assert policy_in_force(shared).implied == {"page_pin": False}


# What the doctor says.


@needs_modes
@pytest.mark.parametrize(
    ("left", "codes"),
    [
        (timedelta(days=121), ["tls_shared_ok", "clock_ok"]),
        (timedelta(days=119), ["tls_shared_ends_soon", "clock_ok"]),
        (timedelta(days=1), ["tls_shared_ends_soon", "tls_absent"]),
    ],
)
def test_the_doctor_warns_long_before_the_end(
    shared: Paths, make_machine: MachineFactory, left: timedelta, codes: list[str]
) -> None:
    found = identity.read(shared.machine.tls)
    assert found is not None
    agent = InstalledAgent(paths=shared, machine=make_machine(), now=found.ends - left)
    assert [each.code for each in check_tls(agent)] == codes


@needs_modes
@pytest.mark.parametrize("standing", ["open", "incomplete", "strangers"])
def test_the_doctor_says_why_they_are_not_used(
    shared: Paths, make_machine: MachineFactory, standing: str
) -> None:
    leaf = shared.machine.tls / "leaf-3.pem"
    if standing == "open":
        leaf.chmod(0o666)
    elif standing == "incomplete":
        leaf.unlink()
    elif os.geteuid() != 0:
        pytest.skip("gives a file to another user")
    else:
        os.chown(leaf, 65534, -1)
    agent = InstalledAgent(paths=shared, machine=make_machine())
    first, *rest = check_tls(agent)
    assert first.code == f"tls_shared_{standing}"
    assert first.facts["command"] == "ankong setup machine"
    assert [each.code for each in rest] == ["tls_absent"]


# Windows' access lists.

ALL = Path("C:/ProgramData/Ankong")
TLS = ALL / "tls"
LEAF = TLS / "leaf-0.pem"
GOOD = ((SYSTEM, FULL), (ADMINISTRATORS, FULL), (USERS, READ))
ADMINS = FileAccess(ADMINISTRATORS, GOOD)
STRANGERS = FileAccess(STRANGER, ((STRANGER, FULL), *GOOD))
USUAL = FileAccess(ADMINISTRATORS, (*GOOD, (USERS, ADD)))


@dataclass
class FakeFolders(FakeAccess):
    """A Windows that is not there; what is made or closed is written down."""

    made: list[Path] = field(default_factory=list)
    closed: list[Path] = field(default_factory=list)

    def make(self, folder: Path) -> None:
        folder.mkdir()
        self.made.append(folder)

    def close(self, folder: Path) -> None:
        self.closed.append(folder)


@pytest.mark.parametrize(
    ("outer", "folder", "links", "verdict"),
    [
        (ADMINS, ADMINS, set(), None),
        (USUAL, ADMINS, set(), None),
        (USUAL, USUAL, set(), OpenToOthersError),
        (ADMINS, FileAccess(SYSTEM, None), set(), OpenToOthersError),
        (FileAccess(ADMINISTRATORS, (*GOOD, (USERS, 0x40))), ADMINS, set(), OpenToOthersError),
        (STRANGERS, ADMINS, set(), StrangersError),
        (ADMINS, STRANGERS, set(), StrangersError),
        (ADMINS, PermissionError(5, "access denied"), set(), StrangersError),
        (ADMINS, ADMINS, {TLS}, StrangersError),
        (ADMINS, ADMINS, {ALL}, StrangersError),
    ],
)
def test_on_windows_the_owners_and_access_lists_decide(
    outer: FileAccess,
    folder: FileAccess | OSError,
    links: set[Path],
    verdict: type[Exception] | None,
) -> None:
    windows = FakeFolders({ALL: outer, TLS: folder}, links)
    if verdict is None:
        check_shared(TLS, ["leaf-0.pem"], windows)
    else:
        with pytest.raises(verdict):
            check_shared(TLS, ["leaf-0.pem"], windows)


@pytest.mark.parametrize(
    ("file", "verdict"), [(STRANGERS, StrangersError), (USUAL, OpenToOthersError)]
)
def test_on_windows_each_file_counts(
    tmp_path: Path, file: FileAccess, verdict: type[Exception]
) -> None:
    leaf = tmp_path / "leaf-0.pem"
    leaf.touch()
    windows = FakeFolders({tmp_path.parent: ADMINS, tmp_path: ADMINS, leaf: file})
    with pytest.raises(verdict):
        check_shared(tmp_path, [leaf.name], windows)


def test_a_folder_that_a_user_planted_is_set_aside_with_what_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "Ankong"
    folder.mkdir()
    (folder / "authority.pem").write_text("planted")
    windows = FakeFolders({folder: STRANGERS})
    aside = make_shared(folder, windows)
    assert aside is not None
    assert (aside / "authority.pem").read_text() == "planted"
    assert (windows.made, windows.closed, list(folder.iterdir())) == ([folder], [], [])
    ours = FakeFolders({folder: USUAL})
    assert make_shared(folder, ours) is None
    assert (ours.made, ours.closed) == ([], [folder])


@needs_modes
def test_what_a_user_plants_meanwhile_is_never_closed(tmp_path: Path) -> None:
    folder, made = tmp_path / "all", []

    class Racing(FakeFolders):
        def make(self, folder: Path) -> None:
            """A stranger is faster, twice."""
            if len(made) < 2:
                made.append(folder)
                folder.mkdir()
            super().make(folder)

    windows = Racing({folder: STRANGERS})
    assert make_shared(folder, windows) is not None
    assert (windows.made, windows.closed) == ([folder], [])


def test_whoever_goes_on_planting_stops_it(tmp_path: Path) -> None:
    class Racing(FakeFolders):
        def make(self, folder: Path) -> None:
            folder.mkdir()
            super().make(folder)

    windows = Racing({tmp_path / "all": STRANGERS})
    with pytest.raises(OSError, match="again and again"):
        make_shared(tmp_path / "all", windows)
    assert windows.closed == []


def test_of_a_link_it_is_asked_whose_the_link_is(tmp_path: Path) -> None:
    """Not whose that is to which it leads at this moment: a stranger chooses that."""
    asked: list[tuple[int, int]] = []

    class Library:
        """Both libraries: opens by flags, and knows no more."""

        def __getattr__(self, name: str) -> "Function":
            return self.__dict__.setdefault(name, Function(name))

    class Function:
        def __init__(self, name: str) -> None:
            self.name = name

        def __call__(self, *words: Any) -> int:
            if self.name == "CreateFileW":
                asked.append((words[1], words[5]))
                return 2**64 - 1 if str(words[0]).endswith("gone") else 7
            assert self.name in {"GetSecurityInfo", "CloseHandle"}, "the name leads elsewhere"
            return 5

    folders = WindowsFolders(Library(), Library(), lambda: 2)
    with pytest.raises(OSError, match="GetSecurityInfo"):
        folders.access(tmp_path)
    with pytest.raises(FileNotFoundError):
        folders.access(tmp_path / "gone")
    assert asked == [(0x20000, 0x2200000)] * 2  # READ_CONTROL; the link itself, be it a folder's


def test_where_they_lie_no_variable_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_STATE_HOME", "XDG_DATA_DIRS", "ProgramData"):
        monkeypatch.setenv(name, "/elsewhere")
    for platform, expected in (
        ("linux", "/var/lib/ankong/tls"),
        ("darwin", "/Library/Application Support/Ankong/tls"),
    ):
        monkeypatch.setattr(paths.sys, "platform", platform)
        assert str(MachinePaths().tls) == expected


# An organisation's file.


def test_an_organisations_file_says_again_what_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "office"
    assert machine_command.authority(AuthorityOptions(out=out, json=True)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ladder"] == str(out / LADDER_FILE)
    found = read_ladder(out)
    assert (found.encoded(), len(found.leaves)) == ((out / LADDER_FILE).read_bytes(), LEAVES)
    root = x509.load_der_x509_certificate((out / ROOT_FILE).read_bytes())
    assert root == found.authority == read_ladder(out / LADDER_FILE).authority
    assert (out / LADDER_FILE).read_bytes().count(b"PRIVATE KEY-----\n") == 2 * LEAVES
    if sys.platform != "win32":
        assert stat.S_IMODE((out / LADDER_FILE).stat().st_mode) == 0o600
    with pytest.raises(BadRequestError, match="there already"):
        machine_command.authority(AuthorityOptions(out=out))
    assert read_ladder(out).authority == root


class _Anything(LocalAuthority):
    """An authority that nothing binds to this computer."""

    def __init__(self) -> None:
        super().__init__(NOW.replace(microsecond=0))
        old = self.certificate
        builder = x509.CertificateBuilder(old.issuer, old.subject, old.public_key())
        builder = builder.serial_number(1).not_valid_before(old.not_valid_before_utc)
        builder = builder.not_valid_after(old.not_valid_after_utc)
        for each in old.extensions:
            if not isinstance(each.value, x509.NameConstraints):
                builder = builder.add_extension(each.value, each.critical)
        self.certificate = builder.sign(self._key, identity.SHA256())


def _spoilt(ladder: Ladder) -> dict[str, bytes]:
    whole = ladder.encoded()
    unbound, other = _Anything(), LocalAuthority(NOW.replace(microsecond=0))
    strange = (*ladder.leaves[:-1], other.leaves()[0])
    site = other.leaf(NOW.replace(microsecond=0), [x509.DNSName("site.example")])
    return {
        "empty": b"",
        "noise": bytes(range(256)) * 9,
        "half": whole[: len(whole) // 2],
        "twice": whole * 2,
        "huge": b"-" * (256 * 1024 + 1),
        "no key": whole.replace(b"PRIVATE KEY", b"PUBLIC KEY"),
        "stranger's leaf": Ladder(ladder.authority, strange).encoded(),
        "leaf of a site": Ladder(other.certificate, (*other.leaves()[1:], site)).encoded(),
        "unbound": Ladder(unbound.certificate, unbound.leaves()).encoded(),
        "leaf as authority": Ladder(ladder.leaves[0].certificate, ladder.leaves).encoded(),
        "broken base64": whole.replace(b"MI", b"=="),
    }


def test_no_file_can_make_a_computer_trust_more_than_itself(tmp_path: Path, ladder: Ladder) -> None:
    file = tmp_path / "given.pem"
    for name, content in _spoilt(ladder).items():
        file.write_bytes(content)
        with pytest.raises(BadRequestError) as refused:
            read_ladder(file)
        assert refused.value.said is not None, name
    file.write_bytes(ladder.encoded().replace(b"\n", b"\r\n"))  # as some editors save it
    assert read_ladder(file).authority == ladder.authority
    with pytest.raises(FileNotFoundError):
        read_ladder(tmp_path / "missing.pem")


# The command.


def test_who_is_no_administrator_is_refused(
    tmp_path: Path,
    make_machine: MachineFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: Any,
) -> None:
    computer = make_machine()
    monkeypatch.setattr(machine_command, "MachinePaths", lambda: MachinePaths(tmp_path / "all"))
    monkeypatch.setattr(machine_command, "Machine", lambda: computer)
    for undo in (False, True):
        assert machine_command.machine(MachineOptions(undo=undo, language="en")) == 1
        assert "Only an administrator" in capsys.readouterr().out
    assert not (tmp_path / "all").exists()
    with pytest.raises(UnfitOptionsError):
        machine_command.machine(MachineOptions(undo=True, authority=tmp_path))


@needs_modes
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_system_without_a_store_says_who_brings_the_trust(  # noqa: PLR0917
    tmp_path: Path,
    make_machine: MachineFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    ladder: Ladder,
) -> None:
    monkeypatch.setattr(administrators, "ROOT", os.geteuid())
    computer = make_machine(platform=platform, administrator=True, find=lambda _: None)
    monkeypatch.setattr(machine_command, "MachinePaths", lambda: MachinePaths(tmp_path / "all"))
    monkeypatch.setattr(machine_command, "Machine", lambda: computer)
    file = tmp_path / "office.pem"
    file.write_bytes(ladder.encoded())
    assert machine_command.machine(MachineOptions(authority=file, language="en")) == 0
    assert "A profile of the organisation" in capsys.readouterr().out
    pem = ladder.authority.public_bytes(Encoding.PEM)
    assert (tmp_path / "all/tls/authority.pem").read_bytes() == pem
    assert machine_command.machine(MachineOptions(undo=True, language="en")) == 0
    assert not (tmp_path / "all").exists()


def test_the_examples_of_the_help_are_understood() -> None:
    parser = parser_of(COMMANDS)
    for example in examples_of("setup machine"):
        assert parser.parse_args(example.line.split()).parser.path == "setup machine"
