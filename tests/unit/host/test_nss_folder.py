"""A hostile database: one that lists code to be run, or leads out of its sandbox."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.host.tls.chromium import ChromiumStore
from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.machine import Completed, Machine, run
from agent.host.tls.manifest import Manifest
from agent.host.tls.store import AuthorityFile, Presence
from tests.unit.host.conftest import MachineFactory, new_database, tree
from tests.unit.host.doctor_fixture import needs_certutil

pytestmark = needs_certutil
STRANGER = ".var/app/org.example.Game/data/pki/nssdb"


def find_certutil(name: str) -> str | None:
    return shutil.which(name) if name == "certutil" else None


@pytest.fixture
def machine(make_machine: MachineFactory) -> Machine:
    return make_machine(find=find_certutil)


def precious(machine: Machine) -> Path:
    """Make a database that no sandboxed program may write."""
    return new_database(machine.home / ".thunderbird" / "mail")


@pytest.mark.parametrize("place", [STRANGER, ".pki/nssdb", ".mozilla/firefox/profile"])
def test_no_tool_sees_the_modules_that_a_database_lists(
    machine: Machine, authority: AuthorityFile, place: str
) -> None:
    database = new_database(machine.home / place)
    with (database / "pkcs11.txt").open("a") as listed:
        listed.write("library=./evil.so\nname=evil\n\n")
    (database / "libnssckbi.so").write_bytes(b"")
    seen: set[str] = set()

    def watched(command: Sequence[str]) -> Completed:
        folder = Path(command[2].removeprefix("sql:"))
        seen.update(each.name for each in folder.iterdir())
        assert not folder.is_relative_to(machine.home)
        return run(command)

    machine = replace(machine, run=watched)
    kind = FirefoxProfileStore if "mozilla" in place else ChromiumStore
    manifest = Manifest(machine.root / "trust.json")
    (found,) = kind(machine).install(authority, manifest.record)
    assert found.presence is Presence.TRUSTED
    kind(machine).uninstall(manifest.steps[0])
    assert seen == {"cert9.db", "key4.db"}


def test_a_new_database_is_made_where_no_sandbox_reaches(
    machine: Machine, authority: AuthorityFile
) -> None:
    def watched(command: Sequence[str]) -> Completed:
        assert not Path(command[2].removeprefix("sql:")).is_relative_to(machine.home)
        return run(command)

    (machine.home / "snap" / "chromium" / "current").mkdir(parents=True)
    store = ChromiumStore(replace(machine, run=watched))
    assert {place.presence for place in store.install(authority, lambda _: None)} == {
        Presence.TRUSTED
    }


@pytest.mark.parametrize("name", ["", "cert9.db", "key4.db"])
def test_no_link_is_followed_out_of_a_sandbox(
    machine: Machine, authority: AuthorityFile, name: str
) -> None:
    target = precious(machine)
    database = machine.home / STRANGER
    if name:
        new_database(database)
        (database / name).unlink()
    else:
        database.parent.mkdir(parents=True)
    (database / name).symlink_to(target / name)
    before = tree(target)
    store = ChromiumStore(machine)
    assert store.check(authority) == []
    assert store.install(authority, lambda _: None) == []
    assert tree(target) == before


@pytest.mark.parametrize("link", [".pki", ".pki/nssdb", "data/pki"])
def test_nothing_is_made_behind_a_link_out_of_a_sandbox(
    machine: Machine, authority: AuthorityFile, link: str
) -> None:
    elsewhere = machine.home / "elsewhere"
    elsewhere.mkdir()
    planted = machine.home / ".var/app/com.google.Chrome" / link
    planted.parent.mkdir(parents=True)
    planted.symlink_to(elsewhere)
    found = ChromiumStore(machine).install(authority, lambda _: None)
    assert Presence.OBSTRUCTED in {place.presence for place in found}
    assert list(elsewhere.iterdir()) == []


def test_a_link_that_is_put_there_meanwhile_is_not_followed(
    machine: Machine, authority: AuthorityFile
) -> None:
    target, database = precious(machine), new_database(machine.home / STRANGER)
    store, before = ChromiumStore(machine), tree(target)
    (folder,) = store.existing()
    (database / "cert9.db").unlink()
    (database / "cert9.db").symlink_to(target / "cert9.db")
    assert store.install_in(folder, authority, lambda _: None).presence is Presence.UNREADABLE
    assert tree(target) == before


def test_a_sandboxed_firefox_lists_no_profiles_elsewhere(
    machine: Machine, authority: AuthorityFile
) -> None:
    base = machine.home / ".var/app/org.mozilla.firefox"
    own = new_database(base / "own")
    listed = base / ".mozilla/firefox/profiles.ini"
    listed.parent.mkdir(parents=True)
    listed.write_text(
        f"Path={precious(machine)}\nPath={own}\nPath={base}/../../../.thunderbird/mail\n"
    )
    found = FirefoxProfileStore(machine).check(authority)
    assert [place.path for place in found] == [str(own)]


def test_what_a_link_leads_to_by_now_is_not_undone(
    machine: Machine, authority: AuthorityFile
) -> None:
    target, database = precious(machine), new_database(machine.home / STRANGER)
    store, manifest = ChromiumStore(machine), Manifest(machine.root / "trust.json")
    store.install(authority, manifest.record)
    before = tree(target)
    shutil.rmtree(database)
    database.symlink_to(target)
    store.uninstall(manifest.steps[0])
    assert tree(target) == before
