"""``ankong setup`` and file managers: offered once, as chosen later, and gone without a trace."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.host.filemanager.desktop_actions import APPLICATION, DesktopActions
from agent.host.machine.paths import Paths
from agent.host.tls.machine import Machine
from agent.host.tls.trust import Trust
from agent.setup.report import StepResult
from agent.setup.uninstall import Uninstall
from agent.setup.user_setup import SetupOptions, UserSetup
from tests.unit.host.conftest import MachineFactory


@pytest.fixture
def machine(make_machine: MachineFactory) -> Machine:
    return make_machine(find=lambda _: None)


@pytest.fixture
def paths(machine: Machine) -> Paths:
    return Paths.choose(machine.home / ".local" / "state" / "ankong")


def offering(machine: Machine) -> DesktopActions:
    return DesktopActions(("ankong", "sign", "--window", "--"), machine)


def complete(paths: Paths, machine: Machine, wanted: bool | None = None) -> list[str]:
    options = SetupOptions(file_manager=wanted)
    setup = UserSetup(paths, Trust(paths.trust, machine), None, options, offering(machine))
    return codes(setup.run())


def codes(steps: Sequence[StepResult]) -> list[str]:
    return [step.code for step in steps if step.step == "file_manager"]


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_it_is_offered_and_gone_without_a_trace(paths: Paths, machine: Machine) -> None:
    machine.home.mkdir(exist_ok=True)
    before = files(machine.home)
    assert complete(paths, machine) == ["file_manager_on"]
    assert offering(machine).is_on()
    trust = Trust(paths.trust, machine)
    undo = Uninstall(paths, trust, None, offering(machine), forget=True, seconds=0.3)
    assert codes(undo.run()) == ["file_manager_off"]
    assert files(machine.home) == before


def test_a_choice_lasts_until_the_next(paths: Paths, machine: Machine) -> None:
    assert complete(paths, machine, wanted=False) == ["file_manager_off"]
    assert complete(paths, machine) == ["file_manager_off"]
    assert not offering(machine).is_on()
    assert complete(paths, machine, wanted=True) == ["file_manager_on"]
    (machine.home / ".local/share" / APPLICATION).unlink()
    assert complete(paths, machine) == ["file_manager_on"]
    assert offering(machine).is_on()


def test_what_cannot_be_written_is_said(paths: Paths, machine: Machine) -> None:
    (machine.home / ".local").mkdir(parents=True)
    (machine.home / ".local/share").write_text("in the way")
    assert complete(paths, machine) == ["file_manager_failed"]
