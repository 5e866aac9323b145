"""Databases that are made before a browser's first start, and what keeps us from making one."""

import json
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.host.tls.chromium import ChromiumStore
from agent.host.tls.chromium_policy import SWITCH, ChromiumPolicyStore
from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.machine import Completed, Machine
from agent.host.tls.manifest import MADE, Manifest, TrustStep
from agent.host.tls.store import AuthorityFile, Presence
from agent.host.tls.trust import Trust
from tests.unit.host.conftest import MachineFactory, Tools, new_database, tree

pytestmark = pytest.mark.skipif(shutil.which("certutil") is None, reason="needs libnss3-tools")

NAMES = (".pki", ".local")
OLD, NEW = ".pki/nssdb", ".local/share/pki/nssdb"


def with_browser(name: str) -> str | None:
    """Find a Chromium, and certutil."""
    return {"chromium": "/usr/bin/chromium", "certutil": shutil.which("certutil")}.get(name)


@pytest.fixture
def machine(make_machine: MachineFactory) -> Machine:
    return make_machine(find=with_browser)


@pytest.fixture
def trust(machine: Machine, tmp_path: Path) -> Trust:
    return Trust(tmp_path / "trust.json", machine)


def places(machine: Machine, authority: AuthorityFile) -> dict[str, Presence]:
    found = ChromiumStore(machine).check(authority)
    return {str(Path(each.path).relative_to(machine.home)): each.presence for each in found}


def certutil(database: Path, *arguments: str) -> None:
    subprocess.run(["certutil", "-d", f"sql:{database}", *arguments], check=True)


def test_a_browser_that_never_ran_gets_a_database_and_gives_it_back(
    machine: Machine, authority: AuthorityFile, trust: Trust, tmp_path: Path
) -> None:
    before = tree(machine.home)
    assert places(machine, authority) == {OLD: Presence.MISSING, NEW: Presence.MISSING}
    trust.install(authority)
    assert places(machine, authority) == {OLD: Presence.TRUSTED, NEW: Presence.TRUSTED}
    for folder in (".pki", OLD, NEW):
        assert stat.S_IMODE((machine.home / folder).stat().st_mode) == 0o700
    assert {step.place for step in Manifest(tmp_path / "trust.json").steps} == {
        str(machine.home / OLD),
        str(machine.home / NEW),
    }
    assert not list(machine.home.rglob("*ankong*"))
    assert trust.uninstall() == []
    assert tree(machine.home) == before


@pytest.mark.parametrize(
    ("base", "made"),
    [
        ("snap/chromium/current", (OLD, NEW)),
        (".var/app/org.chromium.Chromium", (OLD, "data/pki/nssdb")),
    ],
)
def test_a_sandboxed_browser_gets_one_where_it_looks(
    make_machine: MachineFactory, authority: AuthorityFile, base: str, made: tuple[str, str]
) -> None:
    machine = make_machine(find=lambda name: with_browser(name) if name == "certutil" else None)
    (machine.home / base).mkdir(parents=True)
    ChromiumStore(machine).install(authority, lambda _: None)
    assert places(machine, authority) == {f"{base}/{each}": Presence.TRUSTED for each in made}


def test_a_flatpak_that_never_ran_gets_one(
    make_machine: MachineFactory, authority: AuthorityFile
) -> None:
    machine = make_machine(find=lambda name: with_browser(name) if name == "certutil" else None)
    (machine.root / "var/lib/flatpak/app/com.google.Chrome").mkdir(parents=True)
    ChromiumStore(machine).install(authority, lambda _: None)
    base = ".var/app/com.google.Chrome"
    assert set(places(machine, authority)) == {f"{base}/{OLD}", f"{base}/data/pki/nssdb"}


def test_a_snap_on_the_path_makes_none_in_the_home(
    make_machine: MachineFactory, authority: AuthorityFile
) -> None:
    machine = make_machine(
        find=lambda name: "/snap/bin/chromium" if name == "chromium" else with_browser(name)
    )
    assert ChromiumStore(machine).check(authority) == []


@pytest.mark.parametrize("there", [OLD, NEW])
def test_where_there_is_one_no_other_is_made_that_could_hide_it(
    machine: Machine, authority: AuthorityFile, there: str
) -> None:
    new_database(machine.home / there)
    ChromiumStore(machine).install(authority, lambda _: None)
    assert places(machine, authority) == {there: Presence.TRUSTED}


def test_an_empty_folder_that_browsers_prefer_is_filled(
    machine: Machine, authority: AuthorityFile
) -> None:
    new_database(machine.home / NEW)
    (machine.home / OLD).mkdir(parents=True)
    ChromiumStore(machine).install(authority, lambda _: None)
    assert places(machine, authority) == {OLD: Presence.TRUSTED, NEW: Presence.TRUSTED}


def test_an_empty_file_is_a_new_database(
    machine: Machine, authority: AuthorityFile, trust: Trust
) -> None:
    (machine.home / OLD).mkdir(parents=True)
    (machine.home / OLD / "cert9.db").touch()
    trust.install(authority)
    assert places(machine, authority) == {OLD: Presence.TRUSTED}


def test_what_somebody_put_into_ours_stays(
    machine: Machine, authority: AuthorityFile, trust: Trust, tmp_path: Path
) -> None:
    trust.install(authority)
    certutil(machine.home / OLD, "-A", "-t", "C,,", "-n", "mine", "-i", str(authority.path))
    (machine.home / NEW / "notes.txt").write_text("mine")
    trust.uninstall()
    listed = subprocess.run(
        ["certutil", "-L", "-d", f"sql:{machine.home / NEW}"], capture_output=True, check=True
    )
    assert b"Ankong" not in listed.stdout
    assert (machine.home / NEW / "notes.txt").exists()
    assert not Manifest(tmp_path / "trust.json").steps


def test_a_key_of_the_citizens_in_ours_stays(
    machine: Machine, authority: AuthorityFile, trust: Trust, tmp_path: Path
) -> None:
    trust.install(authority)
    noise, folder = tmp_path / "noise", machine.home / OLD
    noise.write_bytes(os.urandom(2048))
    certutil(folder, "-S", "-x", "-n", "me", "-s", "CN=me", "-t", ",,", "-z", str(noise))
    assert trust.uninstall() == []
    assert (folder / "key4.db").exists()
    assert not (machine.home / NEW).exists()


def test_a_killed_making_is_undone(machine: Machine, authority: AuthorityFile) -> None:
    steps: list[TrustStep] = []

    def dying(step: TrustStep) -> None:
        steps.append(step)
        raise KeyboardInterrupt

    before = tree(machine.home)
    store = ChromiumStore(machine)
    with pytest.raises(KeyboardInterrupt):
        store.install(authority, dying)
    assert MADE in steps[0].facts
    assert tree(machine.home) == before  # written down before anything is made
    store.uninstall(steps[0])
    assert tree(machine.home) == before


def block_with_file(home: Path) -> None:
    (home / ".pki").write_text("a file")
    (home / ".local").write_text("another")


def block_with_link(home: Path) -> None:
    outside = home.parent / "outside"
    outside.mkdir()
    (home / ".pki").symlink_to(outside)
    (home / ".local").symlink_to(outside)


def block_with_circle(home: Path) -> None:
    for name in NAMES:
        (home / name).symlink_to(name)


def block_with_dead_link(home: Path) -> None:
    for name in NAMES:
        (home / name).symlink_to("nowhere")


@pytest.mark.parametrize(
    "block", [block_with_file, block_with_link, block_with_circle, block_with_dead_link]
)
def test_what_stands_in_the_way_is_named_and_left(
    machine: Machine, authority: AuthorityFile, block: Callable[[Path], None], tmp_path: Path
) -> None:
    block(machine.home)
    before = tree(tmp_path)
    found = ChromiumStore(machine).install(authority, pytest.fail)
    assert {place.presence for place in found} == {Presence.OBSTRUCTED}
    assert [
        str(machine.home / each) in found[n].detail for n, each in enumerate([".pki", ".local"])
    ]
    assert tree(tmp_path) == before


def test_a_folder_where_the_file_should_be_is_named(
    machine: Machine, authority: AuthorityFile
) -> None:
    (machine.home / OLD / "cert9.db").mkdir(parents=True)
    found = ChromiumStore(machine).install(authority, lambda _: None)
    assert Presence.OBSTRUCTED in {place.presence for place in found}


def test_somebody_elses_database_is_said_to_be_one(
    machine: Machine, authority: AuthorityFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_database(machine.home / OLD)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    (place,) = ChromiumStore(machine).install(authority, pytest.fail)
    assert place.presence is Presence.FOREIGN
    assert shlex.split(place.detail)[-1] == str(folder)


def may_read(_: Path, mode: int) -> bool:
    return not mode & os.W_OK


def test_a_read_only_database_is_said_to_be_one(
    machine: Machine, authority: AuthorityFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_database(machine.home / OLD)
    monkeypatch.setattr(os, "access", may_read)
    (place,) = ChromiumStore(machine).install(authority, pytest.fail)
    assert place.presence is Presence.READ_ONLY
    assert shlex.split(place.detail) == ["chmod", "-R", "u+rwX", str(folder)]
    # One that trusts us already is well, though nobody may write there.
    monkeypatch.undo()
    ChromiumStore(machine).install(authority, lambda _: None)
    monkeypatch.setattr(os, "access", may_read)
    assert places(machine, authority) == {OLD: Presence.TRUSTED}


def test_without_certutil_a_browser_that_never_ran_needs_it(
    make_machine: MachineFactory, authority: AuthorityFile, tools: Tools
) -> None:
    tools.answers |= {"chromium": lambda _: Completed(0), "firefox": lambda _: Completed(0)}
    machine = make_machine(find=tools.find, run=tools.run)
    for store in (ChromiumStore(machine), FirefoxProfileStore(machine)):
        found = store.install(authority, pytest.fail)
        assert {place.presence for place in found} == {Presence.NEEDS_TOOL}
    assert tree(machine.home) == {}


def test_a_firefox_that_never_ran_waits_for_its_first_start(
    make_machine: MachineFactory, authority: AuthorityFile
) -> None:
    machine = make_machine(find=lambda name: f"/usr/bin/{name}")
    (place,) = FirefoxProfileStore(machine).install(authority, pytest.fail)
    assert place.presence is Presence.NOT_YET
    assert tree(machine.home) == {}


def test_a_profile_that_firefox_lists_elsewhere_is_found(
    machine: Machine, authority: AuthorityFile, tmp_path: Path
) -> None:
    profile = new_database(tmp_path / "on another disk")
    listed = machine.home / ".mozilla" / "firefox" / "profiles.ini"
    listed.parent.mkdir(parents=True)
    listed.write_text(f"[Profile0]\nIsRelative=0\nPath={profile}\nPath=/a\0b\nPath=relative\n")
    (place,) = FirefoxProfileStore(machine).check(authority)
    assert (place.path, place.presence) == (str(profile), Presence.MISSING)


@pytest.mark.parametrize("name", ["a b", "new\nline", "中文", "it's", 'q"uote', "back\\slash"])
def test_names_may_be_odd(machine: Machine, authority: AuthorityFile, name: str) -> None:
    profile = new_database(machine.home / ".mozilla" / "firefox" / name)
    steps: list[TrustStep] = []
    store = FirefoxProfileStore(machine)
    (place,) = store.install(authority, steps.append)
    assert (place.path, place.presence) == (str(profile), Presence.TRUSTED)
    store.uninstall(steps[0])
    assert store.check(authority)[0].presence is Presence.MISSING


@pytest.mark.parametrize(
    ("content", "forbids"),
    [
        (json.dumps({SWITCH: False}).encode(), True),
        (json.dumps({SWITCH: True}).encode(), False),
        (b"{}", False),
        (b"[]", False),
        (b"\xff", False),
        (b"[" * 100_000, False),
    ],
    ids=["false", "true", "nothing", "list", "no text", "deep"],
)
def test_a_policy_against_it_is_named(
    machine: Machine, authority: AuthorityFile, content: bytes, forbids: bool
) -> None:
    file = machine.system_path("/etc/chromium/policies/managed/office.json")
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    found = ChromiumPolicyStore(machine).check(authority)
    assert [(place.path, place.presence) for place in found] == (
        [(str(file), Presence.FORBIDDEN)] if forbids else []
    )
