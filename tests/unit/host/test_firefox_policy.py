"""Firefox's policy file: our entry comes and goes, everybody else's stays."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.host.tls.firefox import POLICY_FILE, FirefoxPolicyStore
from agent.host.tls.firefox_profiles import FirefoxProfileStore
from agent.host.tls.machine import Completed, Machine
from agent.host.tls.manifest import TrustStep
from agent.host.tls.store import AuthorityFile, Presence, certificates_in
from tests.unit.host.conftest import MachineFactory, Tools, tree

needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="of modes")
OTHERS: list[Any] = [
    {},
    {"policies": {}},
    {"policies": {"DisableTelemetry": True, "Homepage": {"URL": "https://公司.example/"}}},
    {"policies": {"Certificates": {"ImportEnterpriseRoots": False}}},
    {"policies": {"Certificates": {"Install": []}}},
    {"policies": {"Certificates": {"Install": ["/opt/office/root.pem", "other.der"]}}},
]


@pytest.fixture
def machine(make_machine: MachineFactory, tools: Tools) -> Machine:
    tools.answers["firefox"] = lambda _: Completed(0)
    return make_machine(administrator=True, find=tools.find, run=tools.run)


@pytest.fixture
def steps() -> list[TrustStep]:
    return []


def policy_path(machine: Machine) -> Path:
    return machine.system_path(POLICY_FILE)


def existing(machine: Machine, content: str) -> Path:
    path = policy_path(machine)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return path


@needs_modes
def test_every_users_firefox_reads_it_whatever_the_umask_is(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    before = os.umask(0o077)
    try:
        FirefoxPolicyStore(machine).install(authority, steps.append)
    finally:
        os.umask(before)
    path = policy_path(machine)
    for folder in (path.parent, path.parent.parent):
        assert folder.stat().st_mode & 0o777 == 0o755


@needs_modes
@pytest.mark.parametrize("open_one", ["file", "folder", "way", "link"])
def test_root_writes_nothing_where_a_user_could_have_it_written_elsewhere(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], open_one: str
) -> None:
    """Nor a file in /etc, which would switch that user's policies off."""
    theirs = machine.root / "opt" / "firefox" / "distribution" / "policies.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}")
    if open_one == "link":
        real = machine.root / "users"
        real.mkdir(mode=0o755)
        theirs.rename(real / "policies.json")
        theirs.symlink_to(real / "policies.json")
        real.chmod(0o777)
    else:
        {"file": theirs, "folder": theirs.parent, "way": theirs.parents[1]}[open_one].chmod(0o777)
    assert FirefoxPolicyStore(machine).install(authority, steps.append) == []
    assert (steps, theirs.read_text()) == ([], "{}")
    assert not policy_path(machine).exists()


def test_where_there_was_none_nothing_is_left(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    before = tree(machine.root)
    store = FirefoxPolicyStore(machine)
    assert store.check(authority)[0].presence is Presence.MISSING
    assert store.install(authority, steps.append)[0].presence is Presence.TRUSTED
    policy = json.loads(policy_path(machine).read_text())
    (file,) = policy["policies"]["Certificates"]["Install"]
    assert certificates_in(Path(file).read_bytes()) == [authority.der]
    assert Path(file).stat().st_mode & 0o777 == 0o644  # every user's Firefox reads it
    for _ in range(2):
        store.uninstall(steps[0])
        assert tree(machine.root) == before


@pytest.mark.parametrize("others", OTHERS, ids=json.dumps)
def test_other_entries_stay_to_the_byte(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], others: Any
) -> None:
    path = existing(machine, json.dumps(others, indent=7, ensure_ascii=False))
    before = tree(machine.root)
    store = FirefoxPolicyStore(machine)
    store.install(authority, steps.append)
    merged = json.loads(path.read_text())
    install = merged["policies"]["Certificates"]["Install"]
    was = others.get("policies", {}).get("Certificates", {}).get("Install", [])
    assert install[:-1] == was
    for key, value in others.get("policies", {}).items():
        if key != "Certificates":
            assert merged["policies"][key] == value
    store.uninstall(steps[0])
    assert tree(machine.root) == before


def test_what_an_administrator_changed_meanwhile_stays(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    path = existing(machine, json.dumps({"policies": {"DisableTelemetry": True}}))
    store = FirefoxPolicyStore(machine)
    store.install(authority, steps.append)
    policy = json.loads(path.read_text())
    policy["policies"]["Certificates"]["Install"].insert(0, "/opt/new.pem")
    policy["policies"]["DisablePocket"] = True
    path.write_text(json.dumps(policy))
    store.uninstall(steps[0])
    assert json.loads(path.read_text()) == {
        "policies": {
            "DisableTelemetry": True,
            "DisablePocket": True,
            "Certificates": {"Install": ["/opt/new.pem"]},
        }
    }
    assert not Path(steps[0].facts["copy"]).exists()


def test_an_administrators_link_stays_one(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], tmp_path: Path
) -> None:
    managed = tmp_path / "managed.json"
    managed.write_text(json.dumps({"policies": {"DisableTelemetry": True}}))
    path = policy_path(machine)
    path.parent.mkdir(parents=True)
    path.symlink_to(managed)
    before = tree(tmp_path)
    store = FirefoxPolicyStore(machine)
    assert store.install(authority, steps.append)[0].presence is Presence.TRUSTED
    assert path.is_symlink()
    assert json.loads(managed.read_text())["policies"]["DisableTelemetry"] is True
    store.uninstall(steps[0])
    assert path.is_symlink()
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "damage",
    ["{", "[]", '{"policies": []}', '{"policies": {"Certificates": {"Install": "x"}}}', "\0"],
)
def test_a_policy_that_we_cannot_read_is_not_overwritten(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], damage: str
) -> None:
    path = existing(machine, damage)
    store = FirefoxPolicyStore(machine)
    assert store.install(authority, steps.append)[0].presence is Presence.UNREADABLE
    assert path.read_text() == damage
    assert steps == []


def test_without_an_administrator_nothing_happens(
    make_machine: MachineFactory, authority: AuthorityFile, tools: Tools, steps: list[TrustStep]
) -> None:
    tools.answers["firefox-esr"] = lambda _: Completed(0)
    machine = make_machine(find=tools.find)
    before = tree(machine.root)
    (place,) = FirefoxPolicyStore(machine).install(authority, steps.append)
    assert place.presence is Presence.NEEDS_ADMINISTRATOR
    assert (tree(machine.root), steps) == (before, [])


def test_without_firefox_there_is_no_such_store(
    make_machine: MachineFactory, authority: AuthorityFile, tools: Tools, steps: list[TrustStep]
) -> None:
    machine = make_machine(administrator=True, find=tools.find)
    assert FirefoxPolicyStore(machine).install(authority, steps.append) == []
    assert tree(machine.root) == {}


def test_the_policys_word_is_enough_for_the_profiles(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    profile = machine.home / ".mozilla" / "firefox" / "x.default"
    profile.mkdir(parents=True)
    (profile / "cert9.db").write_bytes(b"")
    FirefoxPolicyStore(machine).install(authority, steps.append)
    (place,) = FirefoxProfileStore(machine).install(authority, steps.append)
    assert place.presence is Presence.TRUSTED
    assert (profile / "cert9.db").read_bytes() == b""


# The administrator's other place: it is in force only while there is no file in /etc.

DISTRIBUTION = {"policies": {"DisableTelemetry": True, "BlockAboutConfig": True}}


def in_force(machine: Machine, folder: str = "usr/lib/firefox") -> dict[str, Any]:
    """Read the policies as Firefox does: the file in /etc wins, and nothing is merged."""
    for path in (policy_path(machine), machine.root / folder / "distribution" / "policies.json"):
        if path.exists():
            return dict(json.loads(path.read_text())["policies"])
    return {}


def distribution(machine: Machine, folder: str = "usr/lib/firefox") -> Path:
    path = machine.root / folder / "distribution" / "policies.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(DISTRIBUTION))
    return path


@pytest.mark.parametrize(
    "folder", ["usr/lib/firefox", "usr/lib64/firefox-esr", "opt/firefox", "usr/local/lib/firefox"]
)
def test_the_administrators_policies_in_firefoxs_own_folder_stay_in_force(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], folder: str
) -> None:
    path = distribution(machine, folder)
    before = tree(machine.root)
    store = FirefoxPolicyStore(machine)
    (place,) = store.install(authority, steps.append)
    assert (place.presence, place.path) == (Presence.TRUSTED, str(path))
    effective = in_force(machine, folder)
    assert DISTRIBUTION["policies"].items() <= effective.items()
    assert len(effective["Certificates"]["Install"]) == 1
    store.uninstall(steps[0])
    assert tree(machine.root) == before


def test_policies_that_come_later_are_not_switched_off_by_ours(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    store = FirefoxPolicyStore(machine)
    store.install(authority, steps.append)
    assert policy_path(machine).exists()
    distribution(machine)
    assert store.check(authority)[0].presence is Presence.MISSING
    store.install(authority, steps.append)
    assert DISTRIBUTION["policies"].items() <= in_force(machine).items()
    for step in reversed(steps):
        store.uninstall(step)
    assert in_force(machine) == DISTRIBUTION["policies"]


def test_a_file_in_etc_that_an_administrator_wrote_stays_the_one_in_force(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep]
) -> None:
    path = existing(machine, json.dumps({"policies": {"DisablePocket": True}}))
    other = distribution(machine)
    untouched = other.read_bytes()
    (place,) = FirefoxPolicyStore(machine).install(authority, steps.append)
    assert place.path == str(path)
    assert in_force(machine)["DisablePocket"] is True
    assert other.read_bytes() == untouched


def test_a_linked_distribution_stays_a_link_and_says_where_it_leads(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], tmp_path: Path
) -> None:
    managed = tmp_path / "managed.json"
    path = distribution(machine)
    path.rename(managed)
    path.symlink_to(managed)
    (place,) = FirefoxPolicyStore(machine).install(authority, steps.append)
    assert path.is_symlink()
    assert str(managed) in place.detail
    assert DISTRIBUTION["policies"].items() <= in_force(machine).items()
    FirefoxPolicyStore(machine).uninstall(steps[0])
    assert path.is_symlink()
    assert json.loads(managed.read_text()) == DISTRIBUTION


@pytest.mark.parametrize(
    "sandboxed",
    [
        "snap/firefox/common/.mozilla/firefox/a.default",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/a.default",
    ],
)
def test_a_sandboxed_firefox_is_not_counted_as_served_by_the_policy(
    machine: Machine, authority: AuthorityFile, steps: list[TrustStep], sandboxed: str
) -> None:
    FirefoxPolicyStore(machine).install(authority, steps.append)
    for profile in (sandboxed, ".mozilla/firefox/b.default"):
        folder = machine.home / profile
        folder.mkdir(parents=True)
        (folder / "cert9.db").write_bytes(b"")
    places = {place.path: place for place in FirefoxProfileStore(machine).check(authority)}
    native = places[str(machine.home / ".mozilla/firefox/b.default")]
    assert (native.presence, native.detail) == (Presence.TRUSTED, "by policy")
    assert places[str(machine.home / sandboxed)].presence is not Presence.TRUSTED
