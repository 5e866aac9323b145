"""The doctor and the windows: what is missing is named, and no terminal speaks for a desktop."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.consent.wire import CHECK, NO_DISPLAY, NO_TOOLKIT
from agent.doctor import windows
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.windows import check_windows
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.settings.config import QuestionPlace
from agent.host.settings.preferences import Preferences
from agent.host.tls.machine import Completed
from tests.unit.host.conftest import MachineFactory

DESKTOP = {"DISPLAY": ":7"}


def found(machine: Any, paths: Paths) -> list[tuple[str, str, dict[str, str]]]:
    findings = check_windows(InstalledAgent(paths=paths, machine=machine))
    return [(each.level, each.code, dict(each.facts)) for each in findings]


@pytest.fixture(autouse=True)
def _no_screen_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    async def runs() -> bool:
        return False

    monkeypatch.setattr(windows.screen_reader, "runs", runs)


@pytest.mark.parametrize(
    ("done", "level", "code"),
    [
        (Completed(0), "ok", "windows_ok"),
        (Completed(NO_DISPLAY), "fault", "windows_no_display"),
        (Completed(NO_TOOLKIT), "fault", "windows_no_toolkit"),
        (Completed(127, b"", "No such file"), "fault", "windows_not_started"),
    ],
)
def test_the_windows_program_is_asked(
    make_machine: MachineFactory, tmp_path: Path, done: Completed, level: str, code: str
) -> None:
    commands: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> Completed:
        commands.append(command)
        return done

    machine = make_machine(run=run, environment=DESKTOP)
    assert [each[:2] for each in found(machine, Paths(tmp_path))] == [(level, code)]
    ((program, *_, last),) = commands
    assert (program, last) == (sys.executable, CHECK)


@pytest.mark.parametrize(
    ("release", "package"),
    [
        ("ID=debian\n", "python3-tk"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", "python3-tk"),
        ('ID="fedora"\n', "python3-tkinter"),
        ("ID=arch\n", "tk"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "python3-tk"),
    ],
)
def test_the_package_is_named_as_the_distribution_calls_it(
    make_machine: MachineFactory, tmp_path: Path, release: str, package: str
) -> None:
    machine = make_machine(run=lambda _: Completed(NO_TOOLKIT), environment=DESKTOP)
    (machine.root / "etc").mkdir()
    (machine.root / "etc/os-release").write_text(release)
    assert found(machine, Paths(tmp_path))[0][2] == {"package": package}


def test_on_an_unknown_system_all_names_of_the_package_are_told(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    machine = make_machine(run=lambda _: Completed(NO_TOOLKIT), environment=DESKTOP)
    package = found(machine, Paths(tmp_path))[0][2]["package"]
    assert all(name in package for name in ("python3-tk ", "python3-tkinter", "tk (Arch)"))


def test_a_terminal_without_a_display_says_nothing_of_an_agent_on_a_desktop(
    make_machine: MachineFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(tmp_path)
    machine = make_machine(run=lambda _: Completed(NO_DISPLAY))
    elsewhere, missing = [("note", "windows_elsewhere", {})], [("fault", "windows_no_display", {})]
    assert found(machine, paths) == elsewhere  # it may be started on the desktop
    with Instance(paths, display=True):
        assert found(machine, paths) == missing  # it is this one
        monkeypatch.setattr("os.getpid", lambda: 2**31)
        assert found(machine, paths) == elsewhere
    with monkeypatch.context() as own, Instance(paths, display=False):
        own.setattr("os.getpid", lambda: 2**31)
        assert found(machine, paths) == missing


NO_X = {"WAYLAND_DISPLAY": "wayland-0"}


@pytest.mark.parametrize(
    ("setting", "chosen", "reads", "environment", "expected"),
    [
        ('questions = "page"', "auto", False, NO_X, ("ok", "windows_pages")),
        ('questions = "page"', "window", False, DESKTOP, ("ok", "windows_pages")),
        ("", "page", False, NO_X, ("ok", "windows_pages")),
        ("", "auto", True, DESKTOP, ("ok", "windows_pages")),
        ("", "auto", False, DESKTOP, ("fault", "windows_no_display")),
        ('questions = "window"', "page", True, DESKTOP, ("fault", "windows_no_display")),
        # Without any display no browser opens either.
        ('questions = "page"', "page", True, {}, ("note", "windows_elsewhere")),
    ],
)
@pytest.mark.parametrize("status", [NO_DISPLAY, NO_TOOLKIT])
def test_where_pages_ask_no_window_is_missed(
    make_machine: MachineFactory,
    tmp_path: Path,
    *,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    chosen: QuestionPlace,
    environment: dict[str, str],
    expected: tuple[str, str],
    status: int,
    reads: bool,
) -> None:
    async def runs() -> bool:
        return reads

    paths = Paths(tmp_path)
    paths.config.write_text(setting)
    Preferences(paths.preferences).set_questions(chosen)
    monkeypatch.setattr(windows.screen_reader, "runs", runs)
    machine = make_machine(run=lambda _: Completed(status), environment=environment)
    level, code, _ = found(machine, paths)[0]
    if status == NO_TOOLKIT and code == "windows_no_toolkit":
        assert expected[1] != "windows_pages"
    else:
        assert (level, code) == expected


def test_who_wants_no_windows_is_not_told_of_them(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    Paths(tmp_path).config.write_text('consent = "allow"\n')
    assert found(make_machine(), Paths(tmp_path)) == []
