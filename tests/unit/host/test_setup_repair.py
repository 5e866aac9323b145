"""``ankong setup complete --repair``: what is damaged is mended, and what was chosen stays."""

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.host.autostart.xdg import XdgAutostart
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.tls import identity
from agent.host.tls.authority import LEAVES
from agent.host.tls.machine import Machine
from agent.host.tls.manifest import Manifest
from agent.host.tls.trust import Trust
from agent.setup.owned_files import sort_contents
from agent.setup.record import SetupRecord, remember_autostart
from agent.setup.report import StepResult
from agent.setup.uninstall import Uninstall
from agent.setup.user_setup import SetupOptions, UserSetup
from tests.unit.host.conftest import MachineFactory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.fixture
def machine(make_machine: MachineFactory) -> Machine:
    return make_machine()


@pytest.fixture
def paths(machine: Machine) -> Paths:
    return Paths.choose(machine.home / ".local" / "state" / "ankong")


@pytest.fixture
def autostart(machine: Machine) -> XdgAutostart:
    return XdgAutostart(("ankong", "tray"), machine)


Setup = Callable[..., dict[str, StepResult]]


@pytest.fixture
def setup(paths: Paths, machine: Machine, autostart: XdgAutostart) -> Setup:
    def run(**chosen: bool | None) -> dict[str, StepResult]:
        trust = Trust(paths.trust, machine)
        steps = UserSetup(paths, trust, autostart, SetupOptions(**chosen)).run()
        return {step.code: step for step in steps}

    return run


def entry_of(machine: Machine) -> Path:
    return machine.home / ".config" / "autostart" / "ankong.desktop"


def test_what_is_whole_stays_as_it_is(setup: Setup, paths: Paths) -> None:
    setup()
    authority = (paths.tls / identity.AUTHORITY_FILE).read_bytes()
    paths.config.write_text('log_level = "debug"\n')
    said = setup(repair=True)
    assert all(step.ok for step in said.values())
    assert {"settings_kept", "certificate_kept"} <= set(said)
    assert (paths.tls / identity.AUTHORITY_FILE).read_bytes() == authority
    assert config.load(paths.config).log_level == "debug"


@pytest.mark.parametrize(
    "content", [b"port = 'x'\n", b"\xff\xfe", b"unknown = 1\n", b"[", b"p" * 2_000_000]
)
def test_settings_that_nobody_understands_are_kept_under_another_name(
    setup: Setup, paths: Paths, content: bytes
) -> None:
    setup()
    paths.config.write_bytes(content)
    said = setup(repair=True)
    aside = Path(said["settings_aside"].facts["path"])
    assert aside.read_bytes() == content
    assert not paths.config.exists()
    assert aside in sort_contents(paths.state).files  # an uninstall knows it


def test_a_list_of_changes_that_nobody_understands_is_begun_anew(
    setup: Setup, paths: Paths
) -> None:
    setup()
    paths.trust.write_bytes(b"{")
    said = setup(repair=True)
    assert Path(said["manifest_aside"].facts["path"]).read_bytes() == b"{"
    assert Manifest(paths.trust)


def _without_authority(tls: Path) -> None:
    (tls / identity.AUTHORITY_FILE).unlink()


def _with_a_leaf_missing(tls: Path) -> None:
    (tls / "leaf-3.pem").unlink()


def _with_rubbish(tls: Path) -> None:
    (tls / "leaf-0.pem").write_bytes(b"rubbish")


def _with_a_folder_for_a_file(tls: Path) -> None:
    (tls / "leaf-0.pem").unlink()
    (tls / "leaf-0.pem").mkdir()
    (tls / "leaf-0.pem" / "mine").touch()


def _as_a_file(tls: Path) -> None:
    for path in tls.iterdir():
        path.unlink()
    tls.rmdir()
    tls.write_bytes(b"a file")


def _as_a_link_to_nowhere(tls: Path) -> None:
    _as_a_file(tls)
    tls.unlink()
    tls.symlink_to(tls.parent / "nowhere")


DAMAGES = {
    each.__name__.strip("_"): each
    for each in (
        *(_without_authority, _with_a_leaf_missing, _with_rubbish, _with_a_folder_for_a_file),
        *(_as_a_file, _as_a_link_to_nowhere),
    )
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_certificates_are_made_anew(setup: Setup, paths: Paths, damage: str) -> None:
    setup()
    DAMAGES[damage](paths.tls)
    said = setup(repair=True)
    assert all(step.ok for step in said.values())
    assert "certificate_mended" in said
    found = identity.read(paths.tls)
    assert found is not None
    assert len(found.leaves) == LEAVES
    assert "certificate_kept" in setup(repair=True)


def test_a_folder_that_others_can_read_is_closed(setup: Setup, paths: Paths) -> None:
    setup()
    paths.tls.chmod(0o755)
    (paths.tls / "leaf-0.pem").chmod(0o644)
    assert "certificate_kept" in setup(repair=True)
    assert stat.S_IMODE(paths.tls.stat().st_mode) == 0o700
    assert stat.S_IMODE((paths.tls / "leaf-0.pem").stat().st_mode) == 0o600


def test_what_was_set_aside_goes_with_the_agent(
    setup: Setup, paths: Paths, machine: Machine, autostart: XdgAutostart
) -> None:
    setup()
    (paths.tls / "leaf-0.pem").unlink()
    (paths.tls / "leaf-0.pem").mkdir()
    setup(repair=True)
    [aside] = paths.state.glob("tls.broken-*")
    (aside / "leaf-0.pem").rmdir()
    Uninstall(paths, Trust(paths.trust, machine), autostart, forget=True).run()
    assert not paths.state.exists()


def test_an_entry_that_was_lost_comes_back(
    setup: Setup, machine: Machine, autostart: XdgAutostart
) -> None:
    setup()
    entry_of(machine).unlink()
    assert "autostart_on" in setup(repair=True)
    assert autostart.is_on()


def test_who_turned_it_off_in_the_wizard_or_the_menu_is_not_overruled(
    setup: Setup, paths: Paths, autostart: XdgAutostart
) -> None:
    setup()
    setup(autostart=False)
    assert "autostart_off" in setup(repair=True)
    setup(autostart=True)
    autostart.turn_off()
    remember_autostart(paths.installed, is_on=False)
    assert "autostart_off" in setup(repair=True)


@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_who_turned_it_off_in_the_desktop_is_not_overruled(
    setup: Setup, machine: Machine, line: str
) -> None:
    setup()
    content = entry_of(machine).read_text().replace("X-GNOME-Autostart-enabled=true\n", "")
    entry_of(machine).write_text(f"{content}{line}\n")
    assert "autostart_off" in setup(repair=True)


def test_where_no_choice_is_known_none_is_made(
    setup: Setup, paths: Paths, autostart: XdgAutostart
) -> None:
    setup(autostart=False)
    paths.installed.write_bytes(b"rubbish")
    assert "autostart_off" in setup(repair=True)
    assert not autostart.is_on()


def test_a_record_of_an_earlier_version_is_read(paths: Paths, setup: Setup) -> None:
    setup()
    paths.installed.write_text('{"version": "0.0.1", "complete": true, "folders": []}')
    record = SetupRecord.read(paths.installed)
    assert record is not None
    assert record.autostart is None
