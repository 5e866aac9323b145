"""File managers offer to sign: the same verbs on every system, and nothing beyond our own files."""

import configparser
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.host.filemanager import FileManager, file_manager, sign_command
from agent.host.filemanager import desktop_actions as xdg
from agent.host.filemanager.desktop_actions import CONTENTS, DesktopActions
from agent.host.filemanager.explorer_verb import CLASSES, COMMAND, KEY, ExplorerVerb
from agent.host.filemanager.finder_service import BUNDLE, FinderService
from agent.host.tls.machine import Completed, Machine
from tests.unit.host.test_autostart import FakeRegistry

COMMAND_LINE = (
    "/opt/An kong/ankong",
    "sign",
    "--state-dir",
    '/home/王/it\'s "50%" $HOME\\x`',
    "--window",
    "--",
)
WINDOWS_LINE = (r"C:\Users\王 小明\ankongw.exe", "sign", "--window", "--")
PACKAGED = ("/usr/lib/ankong/ankong", "sign", "--window", "--")
HOSTILE = (
    'a"; touch pwned; ".pdf',
    "$(touch pwned).pdf",
    "`touch pwned`.pdf",
    "it's.pdf",
    "new\nline.pdf",
    "\u202efdp.pdf",
    "-x",
    "%1 %F %U.pdf",
    "back\\slash\\",
    "長" * 83 + ".pdf",
)


class KeyedRegistry(FakeRegistry):
    """The current user's registry, in memory, with keys that can be deleted."""

    def delete_key(self, key: str) -> None:
        assert not [each for each, _ in self.values if each.startswith(f"{key}\\")]
        for each in [each for each in self.values if each[0] == key]:
            del self.values[each]

    def delete_empty(self, key: str) -> None:
        assert CLASSES.startswith(key)
        assert key.startswith(r"Software\Classes")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "home").mkdir()
    return Machine(
        home=tmp_path / "home",
        root=tmp_path / "root",
        platform="linux",
        environment={},
        find=lambda _: None,
    )


@pytest.fixture(params=["linux", "darwin", "win32"])
def each(request: pytest.FixtureRequest, machine: Machine) -> FileManager:
    if request.param == "win32":
        return ExplorerVerb(WINDOWS_LINE, KeyedRegistry())
    if request.param == "darwin":
        return FinderService(COMMAND_LINE, machine)
    return DesktopActions(COMMAND_LINE, machine)


def test_it_is_off_until_it_is_turned_on(each: FileManager) -> None:
    assert not each.is_on()
    assert each.started() == ()
    each.turn_off()
    for _ in range(2):
        each.turn_on()
        assert each.is_on()
    each.turn_off()
    each.turn_off()
    assert not each.is_on()
    each.turn_on()
    each.forget()
    assert not each.is_on()


def test_what_is_started_is_what_was_written(each: FileManager) -> None:
    each.turn_on()
    assert each.started() == (WINDOWS_LINE if isinstance(each, ExplorerVerb) else COMMAND_LINE)


def test_nothing_is_left_of_it(each: FileManager, machine: Machine) -> None:
    each.turn_on()
    each.forget()
    assert [path for path in machine.home.rglob("*") if not path.is_dir()] == []
    for folder in each.folders:
        assert list(folder.iterdir()) == []
    if isinstance(each, ExplorerVerb):
        assert each._registry.values == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("platform", "kind"),
    [("linux", DesktopActions), ("darwin", FinderService), ("win32", ExplorerVerb)],
)
def test_each_system_has_its_own_way(platform: str, kind: type, machine: Machine) -> None:
    here = Machine(home=machine.home, root=machine.root, platform=platform, environment={})
    assert isinstance(file_manager(PACKAGED, here), kind)


def test_the_command_ends_its_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sign_command(None) == (sys.executable, "-P", "-m", "tray", "sign", "--window", "--")
    assert sign_command(tmp_path)[-4:] == ("--state-dir", str(tmp_path), "--window", "--")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert sign_command(None) == (sys.executable, "sign", "--window", "--")


# Windows.


def test_the_verb_is_one_of_the_explorers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_TW.UTF-8")
    registry = KeyedRegistry()
    ExplorerVerb(WINDOWS_LINE, registry).turn_on()
    assert registry.values == {
        (KEY, "MUIVerb"): "以安控簽署",
        (KEY, "Icon"): r"C:\Users\王 小明\ankongw.exe,0",
        (KEY, "MultiSelectModel"): "Player",
        (COMMAND, ""): r'"C:\Users\王 小明\ankongw.exe" sign --window -- "%1"',
    }


# Desktops of the XDG kind.


def read(path: Path) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None, strict=True)
    found.optionxform = str  # type: ignore[assignment,method-assign]
    found.read_string(path.read_text("utf-8"))
    return found


def test_each_desktop_reads_its_own_file(machine: Machine) -> None:
    DesktopActions(PACKAGED, machine).turn_on()
    share = machine.home / ".local/share"
    entry = read(share / xdg.APPLICATION)["Desktop Entry"]
    assert entry["Exec"] == "/usr/lib/ankong/ankong sign --window -- %F"
    assert (entry["MimeType"], entry["NoDisplay"]) == ("application/pdf;", "true")
    assert entry["Name[zh_TW]"] == "以安控簽署"
    menu = read(share / xdg.SERVICE_MENU)
    assert menu["Desktop Entry"]["Actions"] == "ankongSign;"
    assert menu["Desktop Action ankongSign"]["Exec"] == entry["Exec"]
    assert (share / xdg.SERVICE_MENU).stat().st_mode & 0o777 == 0o755
    nemo = read(share / xdg.NEMO_ACTION)["Nemo Action"]
    assert nemo["Exec"] == "/usr/lib/ankong/ankong sign --window -- %U"
    assert (nemo["Quote"], nemo["Mimetypes"]) == ("double", "application/pdf;")
    assert not list(machine.home.rglob("mimeapps.list"))


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="desktop-file-utils")
@pytest.mark.parametrize("command", [PACKAGED, COMMAND_LINE], ids=["packaged", "own"])
@pytest.mark.parametrize("change", [lambda text: text, xdg.hidden], ids=["shown", "hidden"])
def test_the_desktops_own_judge_takes_it(
    tmp_path: Path, command: Sequence[str], change: Any
) -> None:
    file = tmp_path / "ankong-sign.desktop"
    file.write_text(change(xdg.application(command)), "utf-8")
    done = subprocess.run(
        ["desktop-file-validate", "--warn-kde", str(file)], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_packages_files_are_used_and_hidden(machine: Machine) -> None:
    packaged = machine.system_path("/usr/share")
    for place, content in CONTENTS.items():
        (packaged / place).parent.mkdir(parents=True)
        (packaged / place).write_text(content(PACKAGED))
    before = {path: path.read_bytes() for path in packaged.rglob("*") if path.is_file()}
    way = DesktopActions(COMMAND_LINE, machine)
    assert way.started() == PACKAGED
    way.turn_on()
    assert not (machine.home / ".local").exists()
    way.turn_off()
    assert not way.is_on()
    share = machine.home / ".local/share"
    assert read(share / xdg.APPLICATION)["Desktop Entry"]["Hidden"] == "true"
    assert read(share / xdg.SERVICE_MENU)["Desktop Entry"]["Hidden"] == "true"
    assert read(share / xdg.NEMO_ACTION)["Nemo Action"]["Active"] == "false"
    way.turn_on()
    assert way.started() == PACKAGED
    assert before == {path: path.read_bytes() for path in packaged.rglob("*") if path.is_file()}


def test_the_list_of_programs_is_made_anew(machine: Machine) -> None:
    asked: list[list[str]] = []

    def run(command: Sequence[str]) -> Completed:
        asked.append(list(command))
        (Path(command[-1]) / "mimeinfo.cache").write_text("[MIME Cache]\n")
        return Completed(0)

    here = Machine(
        home=machine.home,
        root=machine.root,
        platform="linux",
        environment={},
        find=lambda name: f"/usr/bin/{name}",
        run=run,
    )
    way = DesktopActions(PACKAGED, here)
    way.turn_on()
    way.forget()
    folder = machine.home / ".local/share/applications"
    assert asked == [["/usr/bin/update-desktop-database", "-q", str(folder)]] * 2
    assert list(folder.iterdir()) == []


def in_nemo(line: str, paths: Sequence[Path]) -> list[str]:
    """Return what Nemo starts: addresses in double quotes, then one line taken apart."""
    return shlex.split(line.replace("%U", " ".join(f'"{path.as_uri()}"' for path in paths)))


@pytest.mark.parametrize("name", HOSTILE, ids=[f"name{each}" for each in range(len(HOSTILE))])
def test_no_name_of_a_file_is_more_than_a_name(tmp_path: Path, name: str) -> None:
    from agent.commands.sign_window import place_of

    file = tmp_path / name
    line = read_exec(xdg.nemo_action(PACKAGED))
    *command, address = in_nemo(line, [file])
    assert tuple(command) == PACKAGED
    assert place_of(Path(address)) == file
    assert place_of(file) == file


def read_exec(content: str) -> str:
    (line,) = re.findall(r"^Exec=(.*)$", content, re.MULTILINE)
    return str(line)


# macOS.


def workflow_of(home: Path) -> Any:
    return plistlib.loads(
        (home / "Library/Services" / BUNDLE / "Contents/document.wflow").read_bytes()
    )


def test_the_finder_offers_it_for_pdfs_alone(machine: Machine) -> None:
    FinderService(COMMAND_LINE, machine).turn_on()
    contents = machine.home / "Library/Services" / BUNDLE / "Contents"
    assert sorted(path.name for path in contents.iterdir()) == ["Info.plist", "document.wflow"]
    (service,) = plistlib.loads((contents / "Info.plist").read_bytes())["NSServices"]
    assert service["NSSendFileTypes"] == ["com.adobe.pdf"]
    assert service["NSMessage"] == "runWorkflowAsService"
    (action,) = workflow_of(machine.home)["actions"]
    assert action["action"]["ActionParameters"]["inputMethod"] == 1  # as arguments


@pytest.mark.skipif(os.name != "posix", reason="needs a shell of POSIX")
def test_the_services_line_hands_over_names_as_they_are(machine: Machine, tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = tmp_path / "the program's"
    program.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" > {told}\n")
    program.chmod(0o755)
    FinderService((str(program), "sign", "--window", "--"), machine).turn_on()
    parameters = workflow_of(machine.home)["actions"][0]["action"]["ActionParameters"]
    subprocess.run(
        [parameters["shell"], "-c", parameters["COMMAND_STRING"], "-", *HOSTILE],
        check=True,
        cwd=tmp_path,
    )
    words = told.read_bytes().decode().split("\0")[:-1]
    assert words == ["sign", "--window", "--", *HOSTILE]
    assert not (tmp_path / "pwned").exists()
