"""Starting with the session: the same verbs on every system, and nothing beyond our own entry."""

import configparser
import plistlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host.autostart import Autostart, autostart, program_command
from agent.host.autostart import windows as on_windows
from agent.host.autostart.macos import LaunchAgent
from agent.host.autostart.windows import APPROVED, KEY, NAME, RunKey
from agent.host.autostart.xdg import XdgAutostart, desktop_file, quoted
from agent.host.autostart.xdg import unquoted as read_back
from agent.host.tls.machine import Machine

COMMAND = ("/opt/An kong/ankong", "tray", "--state-dir", '/home/王/it\'s "50%" $HOME\\x`')


class FakeRegistry:
    """The current user's registry, in memory."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str | bytes] = {}

    def read(self, key: str, name: str) -> str | bytes | None:
        return self.values.get((key, name))

    def write(self, key: str, name: str, value: str) -> None:
        self.values[key, name] = value

    def delete(self, key: str, name: str) -> None:
        self.values.pop((key, name), None)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "home").mkdir()
    return Machine(home=tmp_path / "home", root=tmp_path / "root", platform="linux", environment={})


@pytest.fixture(params=["linux", "darwin", "win32"])
def each(request: pytest.FixtureRequest, machine: Machine) -> Autostart:
    if request.param == "win32":
        return RunKey(COMMAND, FakeRegistry())
    if request.param == "darwin":
        return LaunchAgent(COMMAND, machine)
    return XdgAutostart(COMMAND, machine)


def test_it_is_off_until_it_is_turned_on(each: Autostart) -> None:
    assert not each.is_on()
    each.turn_off()
    assert not each.is_on()
    each.turn_on()
    assert each.is_on()
    each.turn_on()
    assert each.is_on()
    each.turn_off()
    each.turn_off()
    assert not each.is_on()


@pytest.mark.parametrize(
    ("platform", "kind"), [("linux", XdgAutostart), ("darwin", LaunchAgent), ("win32", RunKey)]
)
def test_each_system_has_its_own_way(platform: str, kind: type, machine: Machine) -> None:
    here = Machine(home=machine.home, root=machine.root, platform=platform, environment={})
    assert isinstance(autostart(COMMAND, here), kind)


def test_what_is_started_is_what_was_written(each: Autostart) -> None:
    assert each.started() == ()
    each.turn_on()
    if isinstance(each, RunKey):  # names of files have no quotation marks there
        each = RunKey((r"C:\Program Files\An kong\ankongw.exe", "tray"), FakeRegistry())
        each.turn_on()
        assert each.started() == (r"C:\Program Files\An kong\ankongw.exe", "tray")
        return
    assert each.started() == COMMAND


@given(st.lists(st.text(st.characters(exclude_categories=("C", "Z"))), min_size=1))
def test_an_exec_key_is_read_as_it_was_written(words: list[str]) -> None:
    assert read_back(" ".join(map(quoted, words))) == tuple(words)


def test_turning_off_leaves_nothing_behind(machine: Machine) -> None:
    found = XdgAutostart(COMMAND, machine)
    found.turn_on()
    found.turn_off()
    assert not [path for path in machine.home.rglob("*") if path.is_file()]
    registry = FakeRegistry()
    RunKey(COMMAND, registry).turn_on()
    RunKey(COMMAND, registry).turn_off()
    assert registry.values == {}


def test_the_desktop_file_is_one(machine: Machine) -> None:
    XdgAutostart(COMMAND, machine).turn_on()
    file = machine.home / ".config" / "autostart" / "ankong.desktop"
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    parser.read_string(file.read_text("utf-8"))
    entry = parser["Desktop Entry"]
    assert entry["Type"] == "Application"
    assert entry["Name[zh_TW]"] == "安控"
    judge = shutil.which("desktop-file-validate")
    if judge is not None:
        subprocess.run([judge, file], check=True)


def unquoted(line: str) -> list[str]:
    """Read an Exec key as a desktop does: first as a string, then the quotes, then field codes."""
    string = re.sub(r"\\\\", "\0", line).replace("\0", "\\")
    words = re.findall(r'"((?:[^"\\]|\\["`$\\])*)"|(\S+)', string)
    plain = (re.sub(r"\\(.)", r"\1", quoted) or bare for quoted, bare in words)
    return [word.replace("%%", "%") for word in plain]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r")), min_size=1))
def test_every_argument_survives_the_exec_key(words: list[str]) -> None:
    assert unquoted(" ".join(map(quoted, words))) == words


def test_a_plain_word_stays_plain() -> None:
    assert "Exec=/usr/bin/ankong tray\n" in desktop_file(["/usr/bin/ankong", "tray"])


def test_the_folder_of_the_environment_counts_if_it_is_absolute(
    machine: Machine, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    for folder, used in ((str(elsewhere), elsewhere), ("relative", machine.home / ".config")):
        here = Machine(
            home=machine.home,
            root=machine.root,
            platform="linux",
            environment={"XDG_CONFIG_HOME": folder},
        )
        XdgAutostart(COMMAND, here).turn_on()
        assert (used / "autostart" / "ankong.desktop").is_file()


def test_a_packages_entry_is_hidden_and_shown_again(machine: Machine) -> None:
    packaged = machine.root / "etc" / "xdg" / "autostart" / "ankong.desktop"
    packaged.parent.mkdir(parents=True)
    packaged.write_text(desktop_file(["/usr/bin/ankong", "tray"]))
    found = XdgAutostart(COMMAND, machine)
    own = machine.home / ".config" / "autostart" / "ankong.desktop"
    assert found.is_on()
    found.turn_off()
    assert not found.is_on()
    assert "Hidden=true" in own.read_text()
    found.turn_on()
    assert found.is_on()
    assert not own.exists()
    assert packaged.exists()


def test_what_the_task_manager_turned_off_is_off_until_it_is_turned_on_here() -> None:
    registry = FakeRegistry()
    found = RunKey(COMMAND, registry)
    found.turn_on()
    registry.values[APPROVED, NAME] = bytes([3]) + bytes(11)
    assert not found.is_on()
    registry.values[APPROVED, NAME] = bytes([2]) + bytes(11)
    assert found.is_on()
    registry.values[APPROVED, NAME] = bytes([3]) + bytes(11)
    found.turn_on()
    assert found.is_on()


def test_what_the_msi_wrote_for_everybody_counts_and_is_not_repeated() -> None:
    line = r'"C:\Program Files\Ankong\ankongw.exe" tray'
    command = (r"C:\Program Files\Ankong\ankongw.exe", "tray")
    registry = FakeRegistry()
    everybodys = {(KEY, NAME): line}
    found = RunKey(command, registry, lambda key, name: everybodys.get((key, name)))
    assert found.is_on()
    assert found.started() == command
    found.turn_on()
    assert registry.values == {}, "twice would start it twice"
    found.turn_off()
    assert found.is_on(), "only an administrator takes it away"
    another = RunKey(("D:\\own\\ankongw.exe", "tray"), registry, lambda *_: line)
    another.turn_on()
    assert registry.values == {(KEY, NAME): "D:\\own\\ankongw.exe tray"}
    assert another.started() == command
    everybodys.clear()
    assert found.is_on(), "the user's own"


def test_windows_gets_a_command_line_with_quotes() -> None:
    registry = FakeRegistry()
    RunKey((r"C:\Program Files\Ankong\ankong.exe", "tray"), registry).turn_on()
    assert registry.values[KEY, NAME] == r'"C:\Program Files\Ankong\ankong.exe" tray'


@pytest.mark.skipif(sys.platform == "win32", reason="there it would change the real registry")
def test_elsewhere_the_real_registry_is_empty() -> None:
    registry = on_windows.CurrentUser()
    registry.write(KEY, NAME, "x")
    registry.delete(KEY, NAME)
    assert registry.read(KEY, NAME) is None
    assert on_windows.read_for_all_users(KEY, NAME) is None


def test_the_launch_agent_starts_the_command_in_a_desktop_session(machine: Machine) -> None:
    LaunchAgent(COMMAND, machine).turn_on()
    (file,) = (machine.home / "Library" / "LaunchAgents").iterdir()
    content = plistlib.loads(file.read_bytes())
    assert content["ProgramArguments"] == list(COMMAND)
    assert content["RunAtLoad"] is True
    assert content["LimitLoadToSessionType"] == "Aqua"


def test_a_damaged_launch_agent_is_off_and_can_be_repaired(machine: Machine) -> None:
    found = LaunchAgent(COMMAND, machine)
    found.turn_on()
    (file,) = (machine.home / "Library" / "LaunchAgents").iterdir()
    file.write_bytes(b"<plist")
    assert not found.is_on()
    found.turn_on()
    assert found.is_on()


def test_what_is_started_has_an_icon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert program_command()[-3:] == ("-m", "tray", "tray")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert program_command() == (sys.executable, "tray")
