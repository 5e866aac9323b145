"""Bad input: the wizard says what happened and what to do, and running it again mends it."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from windows.build.installer import PROGRAM
from windows.build.wine import windows_path

from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import Machine, is_free
from tests.installer.built.windows.walk import (
    install_quietly,
    pretend_older,
    to_finish,
    to_plan,
)
from tests.installer.built.windows.words import CHINESE, ENGLISH, Words

KEY = r"HKCU\Software\Ankong"


def _files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*")}


def whole_program() -> set[str]:
    """Name everything that an installation has."""
    return _files(PROGRAM) | {"manifest.txt", "uninstall.exe"}


def test_an_older_version_replaces_a_newer_one_only_when_told(
    switch_on: Switch, wizard: Path
) -> None:
    machine = switch_on(CHINESE.language)
    install_quietly(machine, wizard)
    (machine.folder / "_internal" / "base_library.zip").write_bytes(b"newer")
    machine.run("reg", "add", KEY, "/v", "Version", "/d", "99.0.0", "/f")
    assert machine.run(wizard, "/S")[0] == 3
    machine.start(wizard)
    asked = machine.hands.see(CHINESE.downgrade)
    machine.picture("downgrade")
    asked.press(CHINESE.no)
    machine.hands.gone(CHINESE.downgrade)
    assert (machine.folder / "_internal" / "base_library.zip").read_bytes() == b"newer"
    machine.start(wizard)
    machine.hands.see(CHINESE.downgrade).press(CHINESE.yes)
    to_finish(machine, CHINESE, updates=True).press(CHINESE.finish)
    assert (machine.folder / "_internal" / "base_library.zip").read_bytes() != b"newer"
    machine.run("reg", "add", KEY, "/v", "Version", "/d", "99.0.0", "/f")
    machine.ankong("quit")
    assert machine.run(wizard, "/S", "/DOWNGRADE")[0] == 0


def test_an_old_windows_is_told_so(switch_on: Switch, wizard: Path, words: Words) -> None:
    machine = switch_on(words.language)
    machine.run("winecfg", "-v", "win81")
    machine.start(wizard)
    told = machine.hands.see(words.too_old)
    machine.picture(f"{words.language}-too-old")
    told.press(words.ok)
    machine.hands.gone(words.too_old)
    assert machine.run(wizard, "/S")[0] == 4
    assert not machine.folder.exists()


def test_where_all_users_have_it_the_wizard_says_so(
    switch_on: Switch, wizard: Path, words: Words
) -> None:
    machine = switch_on(words.language)
    machine.run("reg", "add", KEY.replace("HKCU", "HKLM"), "/v", "Version", "/d", "99.0.0", "/f")
    machine.start(wizard)
    told = machine.hands.see(words.for_all_users)
    machine.picture(f"{words.language}-for-all-users")
    told.press(words.ok)
    machine.hands.gone(words.for_all_users)
    assert machine.run(wizard, "/S")[0] == 6
    assert not machine.folder.exists()


def test_a_folder_that_cannot_be_written_is_named(switch_on: Switch, wizard: Path) -> None:
    words, target = CHINESE, r"Z:\proc\Ankong"
    machine = switch_on(words.language)
    machine.start(wizard, f"/D={target}")
    to_plan(machine, words).press(words.install)
    told = machine.hands.see(words.cannot_write)
    assert target in told.all
    machine.picture("read-only")
    told.press(words.retry)
    machine.hands.see(words.cannot_write, other_than=told).press(words.cancel)
    _read_failure(machine, words)
    assert machine.run(wizard, "/S", f"/D={target}")[0] == 2


def _read_failure(machine: Machine, words: Words) -> None:
    failed = machine.hands.see(words.not_finished)
    assert words.untouched in failed.all
    machine.picture(f"{words.language}-not-finished")
    failed.press(words.cancel)
    machine.hands.gone(words.not_finished)


def test_a_path_with_chinese_and_spaces_is_as_good_as_any(switch_on: Switch, wizard: Path) -> None:
    machine = switch_on(CHINESE.language)
    # NSIS wants it without quotation marks, so it travels as several words.
    status, _ = machine.run(wizard, "/S", "/TRUST", r"/D=C:\我的", r"程式\安控", "(新)")
    folder = machine.prefix.drive / "我的 程式" / "安控 (新)"
    assert status == 0
    assert _files(folder) == whole_program()
    assert machine.run(folder / "ankong.exe", "trust", "check")[0] == 0
    state = windows_path(machine.prefix.drive / "狀態 資料夾")
    assert machine.run(folder / "ankong.exe", "sites", "--json", "--state-dir", state)[0] == 0
    assert machine.run(folder / "uninstall.exe", "/S", "/FORGET")[0] == 0
    machine.wait(lambda: not folder.exists(), "the uninstaller")
    assert not machine.state.exists()


@pytest.mark.long
def test_an_interrupted_upgrade_is_mended_by_the_next_run(switch_on: Switch, wizard: Path) -> None:
    machine = switch_on(ENGLISH.language)
    install_quietly(machine, wizard)
    folder = machine.folder
    listing = (folder / "manifest.txt").read_bytes()
    # While it was unpacked: half of the files beside the program, and one that is cut off.
    shutil.copytree(folder / "_internal", folder / "next" / "_internal")
    shutil.rmtree(folder / "next" / "_internal" / "cryptography")
    (folder / "next" / "ankong.exe").write_bytes(b"MZ")
    (folder / "next" / "manifest.txt").write_bytes(listing)
    install_quietly(machine, wizard)
    assert _files(folder) == whole_program()
    # While the old version was removed: two lists, and some of its files are gone.
    (folder / "manifest.old").write_bytes(listing + b"f_internal\\older.dll\r\n")
    (folder / "_internal" / "older.dll").write_bytes(b"older")
    (folder / "ankong.exe").unlink()
    (folder / "manifest.txt").unlink()
    install_quietly(machine, wizard)
    assert _files(folder) == whole_program()
    # While the new one was put in its place: some files here, some there.
    (folder / "next").mkdir()
    (folder / "ankong.exe").rename(folder / "next" / "ankong.exe")
    (folder / "next" / "manifest.txt").write_bytes(listing)
    install_quietly(machine, wizard)
    assert _files(folder) == whole_program()
    # And what is left of a broken installation can be uninstalled.
    (folder / "ankong.exe").unlink()
    assert machine.run(folder / "uninstall.exe", "/S")[0] == 0
    machine.wait(lambda: not folder.exists(), "the uninstaller")


def test_an_agent_that_cannot_start_says_why_though_it_has_no_console(
    switch_on: Switch, wizard: Path
) -> None:
    machine = switch_on(ENGLISH.language)
    install_quietly(machine, wizard)
    machine.state.mkdir(exist_ok=True)
    (machine.state / "config.toml").write_text("port = 'nonsense'\n")
    program = windows_path(machine.folder / "ankongw.exe")
    machine.hands.do("launch", command=[program, "tray"])
    told = machine.hands.see("Ankong could not run")
    assert "config.toml" in told.all
    machine.picture("cannot-start")
    told.press(ENGLISH.ok)
    machine.hands.gone("Ankong could not run")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system with these options."""
    folder = tmp_path / "small"
    folder.mkdir()

    def make(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("mounting a small file system needs root")
        return folder

    yield make
    subprocess.run(["umount", "--lazy", str(folder)], check=False)


@pytest.mark.long
def test_a_disk_that_fills_up_leaves_the_old_version(
    switch_on: Switch, wizard: Path, mount: Callable[[str], Path]
) -> None:
    words = ENGLISH
    files = sum(1 for _ in PROGRAM.rglob("*"))
    disk = mount(f"size=300m,nr_inodes={files * 3 // 2}")  # room enough, but not for two of each
    target = f"{windows_path(disk)}\\Ankong"
    machine = switch_on(words.language)
    assert machine.run(wizard, "/S", f"/D={target}")[0] == 0
    folder = disk / "Ankong"
    before = _files(folder)
    pretend_older(machine)
    machine.start(wizard)
    to_plan(machine, words, updates=True).press(words.install)
    told = machine.hands.see(words.disk_full)
    machine.picture("disk-full")
    told.press(words.cancel)
    _read_failure(machine, words)
    assert _files(folder) == before
    assert machine.run(folder / "ankong.exe", "--version")[0] == 0
    assert machine.run(wizard, "/S")[0] == 2
    assert _files(folder) == before


@pytest.mark.long
def test_too_little_room_is_told_before_anything_is_written(
    switch_on: Switch, wizard: Path, mount: Callable[[str], Path]
) -> None:
    small = mount("size=20m")
    machine = switch_on(CHINESE.language)
    machine.start(wizard, f"/D={windows_path(small)}\\Ankong")
    to_plan(machine, CHINESE).press(CHINESE.install)
    told = machine.hands.see(CHINESE.no_space)
    assert "20 MB" in told.all
    machine.picture("no-space")
    told.press(CHINESE.cancel)
    _read_failure(machine, CHINESE)
    assert list(small.iterdir()) == []


@pytest.mark.long
def test_a_taken_port_is_told_at_the_end(switch_on: Switch, wizard: Path, words: Words) -> None:
    machine = switch_on(words.language)
    with ExitStack() as stack:
        if is_free(61161):  # otherwise it is taken well enough
            stack.enter_context(socket.create_server(("127.0.0.1", 61161)))
        machine.start(wizard)
        finish = to_finish(machine, words)
        assert words.port_taken in finish.all
        machine.picture(f"{words.language}-port-taken")
        finish.press(words.start_now)
        finish.press(words.finish)
        machine.hands.gone(words.finished)
