"""Chromium's and Firefox's databases, with the real certutil."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.host.tls import identity
from agent.host.tls.chromium import ChromiumStore
from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.machine import Machine
from agent.host.tls.manifest import Manifest, TrustStep
from agent.host.tls.store import AuthorityFile, Presence, StoreError
from tests.unit.host.conftest import MachineFactory, Tools, new_database, tree

pytestmark = pytest.mark.skipif(shutil.which("certutil") is None, reason="needs libnss3-tools")


def listing(database: Path) -> str:
    command = ["certutil", "-L", "-d", f"sql:{database}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def certutil(database: Path, *arguments: str) -> None:
    subprocess.run(["certutil", "-d", f"sql:{database}", *arguments], check=True)


def find_certutil(name: str) -> str | None:
    """Find what a computer without browsers has."""
    return shutil.which(name) if name == "certutil" else None


@pytest.fixture
def machine(make_machine: MachineFactory) -> Machine:
    return make_machine(find=find_certutil)


@pytest.fixture
def steps() -> list[TrustStep]:
    return []


def test_install_and_uninstall_leave_the_list_as_it_was(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    database = new_database(machine.home / ".pki" / "nssdb")
    before = listing(database)
    store = ChromiumStore(machine)
    assert [place.presence for place in store.check(authority)] == [Presence.MISSING]
    installed = store.install(authority, steps.append)
    assert [(place.path, place.presence) for place in installed] == [
        (str(database), Presence.TRUSTED)
    ]
    line = next(line for line in listing(database).splitlines() if authority.name in line)
    assert line.split()[-1] == "C,,"
    for _ in range(2):  # a step that is undone twice does no harm
        store.uninstall(steps[0])
        assert listing(database) == before
    assert [place.presence for place in store.check(authority)] == [Presence.MISSING]


@pytest.mark.parametrize(
    "place",
    [
        ".pki/nssdb",
        ".local/share/pki/nssdb",
        "snap/code/current/.pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        "snap/brave/current/.local/share/pki/nssdb",
        ".var/app/org.chromium.Chromium/.pki/nssdb",
        ".var/app/com.brave.Browser/data/pki/nssdb",
    ],
)
def test_every_packaging_of_chromium_is_found(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], place: str
) -> None:
    new_database(machine.home / place)
    (found,) = ChromiumStore(machine).install(authority, steps.append)
    assert found.presence is Presence.TRUSTED


def test_a_moved_data_folder_is_found(
    make_machine: MachineFactory, authority: AuthorityFile, tmp_path: Path
) -> None:
    database = new_database(tmp_path / "elsewhere" / "pki" / "nssdb")
    machine = make_machine(
        find=find_certutil, environment={"XDG_DATA_HOME": str(tmp_path / "elsewhere")}
    )
    assert [place.path for place in ChromiumStore(machine).check(authority)] == [str(database)]


def test_without_a_browser_no_database_is_made(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    (machine.home / ".pki" / "nssdb").mkdir(parents=True)
    (machine.home / "snap" / "calculator" / "current").mkdir(parents=True)
    before = tree(machine.home)
    store = ChromiumStore(machine)
    assert store.check(authority) == []
    assert store.install(authority, steps.append) == []
    store.uninstall(TrustStep("chromium", str(machine.home / ".pki/nssdb"), "00", {"pem": ""}))
    assert tree(machine.home) == before
    assert not list(machine.home.rglob("*.db"))
    assert steps == []


def test_one_database_behind_two_names_is_one(machine: Machine, authority: AuthorityFile) -> None:
    database = new_database(machine.home / "snap" / "chromium" / "42" / ".pki" / "nssdb")
    (machine.home / "snap" / "chromium" / "current").symlink_to("42")
    assert [place.path for place in ChromiumStore(machine).check(authority)] == [str(database)]


def test_the_step_is_written_down_before_it_is_taken(
    machine: Machine, authority: AuthorityFile
) -> None:
    database = new_database(machine.home / ".pki" / "nssdb")

    def dying(step: TrustStep) -> None:
        assert step.place == str(database)
        assert authority.name not in listing(database)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ChromiumStore(machine).install(authority, dying)
    assert authority.name not in listing(database)


def test_our_authority_is_known_by_content_not_by_name(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], tmp_path: Path
) -> None:
    database = new_database(machine.home / ".pki" / "nssdb")
    other = identity.ensure(tmp_path / "other").authority
    certutil(database, "-A", "-t", "C,,", "-n", "Ankong demo authority", "-i", str(other))
    store = ChromiumStore(machine)
    assert store.check(authority)[0].presence is Presence.MISSING
    certutil(database, "-A", "-t", "C,,", "-n", "Ankong by hand", "-i", str(authority.path))
    assert store.check(authority)[0].presence is Presence.TRUSTED
    store.install(authority, steps.append)
    store.uninstall(steps[0])
    left = listing(database)
    assert "by hand" not in left
    assert "Ankong demo authority" in left  # somebody else's stays


def test_trust_that_was_taken_away_is_given_back(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    database = new_database(machine.home / ".pki" / "nssdb")
    store = ChromiumStore(machine)
    store.install(authority, steps.append)
    certutil(database, "-M", "-t", ",,", "-n", authority.name)
    assert store.check(authority)[0].presence is Presence.MISSING
    assert store.install(authority, steps.append)[0].presence is Presence.TRUSTED


def test_a_database_with_a_password_is_left_alone_and_asks_nobody(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], tmp_path: Path
) -> None:
    folder = machine.home / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    password = tmp_path / "password"
    password.write_text("not ours\n")
    certutil(folder, "-N", "-f", str(password))
    before = listing(folder)
    (place,) = ChromiumStore(machine).install(authority, steps.append)
    assert place.presence is Presence.NEEDS_PASSWORD
    assert (listing(folder), steps) == (before, [])
    # The way out that is offered, with the password from a file instead of a terminal.
    subprocess.run([*shlex.split(place.detail), "-f", str(password)], check=True)
    (place,) = ChromiumStore(machine).install(authority, steps.append)
    assert place.presence is Presence.TRUSTED
    ChromiumStore(machine).uninstall(steps[0])
    assert listing(folder) == before


def test_a_damaged_database_is_said_to_be_one(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    folder = machine.home / ".pki" / "nssdb"
    folder.mkdir(parents=True)
    (folder / "cert9.db").write_bytes(b"no database" * 100)
    (place,) = ChromiumStore(machine).install(authority, steps.append)
    assert place.presence is Presence.DAMAGED
    assert steps == []
    # The way out that is offered, and what a browser does then.
    subprocess.run(shlex.split(place.detail), check=True)
    certutil(folder, "-N", "--empty-password")
    (place,) = ChromiumStore(machine).install(authority, steps.append)
    assert place.presence is Presence.TRUSTED


def test_without_certutil_the_place_says_what_is_missing(
    make_machine: MachineFactory, authority: AuthorityFile, tools: Tools, steps: list[TrustStep]
) -> None:
    machine = make_machine(find=tools.find, run=tools.run)
    database = new_database(machine.home / ".pki" / "nssdb")
    store = ChromiumStore(machine)
    (place,) = store.install(authority, steps.append)
    assert place.presence is Presence.NEEDS_TOOL
    assert place.detail == "certutil"
    assert (steps, tools.commands) == ([], [])
    with pytest.raises(StoreError, match="certutil"):
        store.uninstall(
            TrustStep("chromium", str(database), authority.sha256, {"pem": authority.pem})
        )


@pytest.mark.parametrize(
    "profile",
    [
        ".mozilla/firefox/abcd1234.default-release",
        ".config/mozilla/firefox/abcd1234.default",
        "snap/firefox/common/.mozilla/firefox/x.default",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/y.default",
    ],
)
def test_firefox_profiles_are_a_way_without_an_administrator(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], profile: str
) -> None:
    database = new_database(machine.home / profile)
    (database.parent / "Crash Reports").mkdir()  # no profile, and no stumbling block
    before = listing(database)
    store = FirefoxProfileStore(machine)
    (place,) = store.install(authority, steps.append)
    assert place.presence is Presence.TRUSTED
    store.uninstall(steps[0])
    assert listing(database) == before


def test_elsewhere_there_is_no_nss(
    make_machine: MachineFactory, authority: AuthorityFile, tmp_path: Path
) -> None:
    machine = make_machine(platform="win32")
    new_database(machine.home / ".pki" / "nssdb")
    new_database(machine.home / ".mozilla" / "firefox" / "x")
    manifest = Manifest(tmp_path / "trust.json")
    for store in (ChromiumStore(machine), FirefoxProfileStore(machine)):
        assert store.install(authority, manifest.record) == []
    assert manifest.steps == ()
