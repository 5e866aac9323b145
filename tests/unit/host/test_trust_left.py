"""``TRUST=none``: who installed the program for all leaves browsers' trust to the organisation."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.commands import setup as command
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.inventory_facts import trust_facts
from agent.doctor.repairs import repair
from agent.doctor.tls import check_trust
from agent.host.machine.paths import Paths
from agent.host.shared_program import SharedProgram
from agent.host.tls.machine import Machine
from agent.host.tls.trust import Trust
from agent.setup.record import SetupRecord
from agent.setup.user_setup import SetupOptions, UserSetup
from agent.web.panel.first_page import FirstMount
from tests.unit.host.conftest import MachineFactory, new_database

FOLDER = r"C:\Program Files\Ankong"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "state")


@pytest.fixture
def machine(make_machine: MachineFactory) -> Machine:
    return make_machine()


def shared(trust: str | None, folder: str | None = FOLDER, here: str | None = FOLDER) -> bool:
    values = {"Trust": trust, "InstallDir": folder}
    found = SharedProgram(None if here is None else Path(here), lambda _key, name: values[name])
    return found.leaves_trust()


def test_the_program_for_all_users_alone_heeds_it() -> None:
    assert shared("none")
    assert shared("none", FOLDER.lower() + "\\"), "Windows compares names of folders so"
    assert not shared("none", here=None), "a user's own copy is the user's"
    assert not shared("none", here=r"C:\Program Files\Another")
    assert not shared("none", folder=None)
    for other in ("machine", "user", "None", None):
        assert not shared(other), other


def test_the_setup_of_a_user_touches_no_store_and_is_complete(
    paths: Paths, machine: Machine
) -> None:
    browser = new_database(machine.home / ".pki" / "nssdb")
    before = {each.name: each.read_bytes() for each in browser.iterdir()}
    trust = InstalledAgent(paths=paths, machine=machine).trust
    steps = UserSetup(paths, trust, None, SetupOptions(trust=None)).run()
    assert "trust_organisations" in [each.code for each in steps]
    assert {each.name: each.read_bytes() for each in browser.iterdir()} == before
    assert not paths.trust.exists()
    found = SetupRecord.read(paths.installed)
    assert found is not None
    assert found.complete, "or every start would try again"


@pytest.mark.parametrize(("left", "wanted"), [(True, None), (False, True)])
def test_it_holds_where_nobody_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: bool, wanted: bool | None
) -> None:
    monkeypatch.setattr(SharedProgram, "leaves_trust", lambda _: left)
    chosen: list[bool | None] = []

    class Recorded(UserSetup):
        def run(self) -> list[object]:  # type: ignore[override]  # no step is taken
            chosen.append(self._options.trust)
            return []

    monkeypatch.setattr(command, "UserSetup", Recorded)
    for given in (None, True, False):
        command.complete(command.CompleteOptions(json=True, trust=given, state_dir=tmp_path))
    command.complete_once(tmp_path)
    assert chosen == [wanted, True, False, wanted]


def test_the_doctor_says_whose_affair_it_is_and_finds_no_fault(
    paths: Paths, machine: Machine
) -> None:
    new_database(machine.home / ".pki" / "nssdb")
    trust = InstalledAgent(paths=paths, machine=machine).trust
    UserSetup(paths, trust, None, SetupOptions(trust=None)).run()
    asked = InstalledAgent(paths=paths, machine=machine)
    assert "trust_missing" in [each.code for each in check_trust(asked)]
    left = replace(asked, trust_left=True)
    assert [(each.code, each.level) for each in check_trust(left)] == [
        ("trust_organisations", "note")
    ]


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("name", ["renew_tls", "set_manifest_aside"])
def test_a_repair_of_something_else_touches_no_store(
    paths: Paths, machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str, left: bool
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Trust, "install", lambda *_, **__: asked.append("install"))
    monkeypatch.setattr(Trust, "uninstall", lambda *_, **__: asked.append("uninstall"))
    paths.prepare()
    paths.trust.write_text("broken")
    repair(name, InstalledAgent(paths=paths, machine=machine, trust_left=left))
    assert asked == ([] if left else ["uninstall", "install"])


def test_the_inventory_tells_it(paths: Paths, machine: Machine) -> None:
    asked = InstalledAgent(paths=paths, machine=machine)
    assert trust_facts(asked).left is False
    assert trust_facts(replace(asked, trust_left=True)).left is True


@pytest.mark.parametrize("left", [True, False])
def test_the_first_page_is_told(left: bool) -> None:
    mount = FirstMount(lambda _: None, trust_left=left)
    assert ('<main class="left" ' in mount._page.document) is left
