"""Bad input: the wizard says what happened and what to do, and running it again mends it."""

import resource
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from devkit.build_windows import PROGRAM
from devkit.wine import windows_path

from tests.installer.built.windows.conftest import Switch
from tests.installer.built.windows.machine import Machine, is_free
from tests.installer.built.windows.walk import install_quietly, to_finish, to_plan
from tests.installer.built.windows.words import CHINESE, ENGLISH, Words

KEY = r"HKCU\Software\Ankong"


def _files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*")}


def _has_whole_program(folder: Path) -> bool:
    more = {"manifest.txt", "uninstall.exe"}
    return _files(folder) == _files(PROGRAM) | more


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
    to_finish(machine, CHINESE).press(CHINESE.finish)
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


@pytest.mark.parametrize("target", [r"Z:\proc\Ankong", r"C:\windows\win.ini\Ankong"])
def test_a_folder_that_cannot_be_written_is_named(
    switch_on: Switch, wizard: Path, target: str
) -> None:
    words = CHINESE
    machine = switch_on(words.language)
    machine.start(wizard, f"/D={target}")
    to_plan(machine, words).press(words.install)
    told = machine.hands.see(words.cannot_write)
    assert target in told.all
    machine.picture("read-only")
    told.press(words.retry)
    machine.hands.see(words.cannot_write).press(words.cancel)
    _read_failure(machine, words)
    assert machine.run(wizard, "/S", f"/D={target}")[0] == 2


def _read_failure(machine: Machine, words: Words) -> None:
    failed = machine.hands.see(words.not_finished)
    assert words.untouched in failed.all
    machine.picture(f"{words.language}-not-finished")
    failed.press(words.ok)
    machine.hands.gone(words.not_finished)


def test_a_path_with_chinese_and_spaces_is_as_good_as_any(switch_on: Switch, wizard: Path) -> None:
    machine = switch_on(CHINESE.language)
    status, _ = machine.run(wizard, "/S", "/TRUST", r"/D=C:\我的 程式\安控 (新)")
    folder = machine.prefix.drive / "我的 程式" / "安控 (新)"
    assert status == 0
    assert _has_whole_program(folder)
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
    assert _has_whole_program(folder)
    # While the old version was removed: two lists, and some of its files are gone.
    (folder / "manifest.old").write_bytes(listing + b"f_internal\\older.dll\r\n")
    (folder / "_internal" / "older.dll").write_bytes(b"older")
    (folder / "ankong.exe").unlink()
    (folder / "manifest.txt").unlink()
    install_quietly(machine, wizard)
    assert _has_whole_program(folder)
    # While the new one was put in its place: some files here, some there.
    (folder / "next").mkdir()
    (folder / "ankong.exe").rename(folder / "next" / "ankong.exe")
    (folder / "next" / "manifest.txt").write_bytes(listing)
    install_quietly(machine, wizard)
    assert _has_whole_program(folder)
    # And what is left of a broken installation can be uninstalled.
    (folder / "ankong.exe").unlink()
    assert machine.run(folder / "uninstall.exe", "/S")[0] == 0
    machine.wait(lambda: not folder.exists(), "the uninstaller")


@pytest.mark.long
def test_a_disk_that_fills_up_leaves_the_old_version(switch_on: Switch, wizard: Path) -> None:
    words = ENGLISH
    machine = switch_on(words.language)
    install_quietly(machine, wizard)
    before = {name: (machine.folder / name).stat().st_size for name in _files(machine.folder)}
    with _no_file_larger_than(2_000_000):
        machine.start(wizard)
    to_plan(machine, words).press(words.install)
    told = machine.hands.see(words.disk_full)
    machine.picture("disk-full")
    told.press(words.ok)
    _read_failure(machine, words)
    after = {name: (machine.folder / name).stat().st_size for name in _files(machine.folder)}
    assert after == before
    assert machine.ankong("--version")[0] == 0


class _no_file_larger_than:  # noqa: N801  # reads as a sentence
    """Let programs that are started meanwhile write no file beyond a size: as on a full disk."""

    def __init__(self, octets: int) -> None:
        self._octets = octets

    def __enter__(self) -> None:
        self._handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._octets, self._limits[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
        signal.signal(signal.SIGXFSZ, self._handler)


@pytest.mark.long
def test_too_little_room_is_told_before_anything_is_written(
    switch_on: Switch, wizard: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        machine = switch_on(CHINESE.language)
        machine.start(wizard, f"/D={windows_path(small)}\\Ankong")
        to_plan(machine, CHINESE).press(CHINESE.install)
        told = machine.hands.see(CHINESE.no_space)
        assert "20 MB" in told.all
        machine.picture("no-space")
        told.press(CHINESE.cancel)
        _read_failure(machine, CHINESE)
        assert list(small.iterdir()) == []
        machine.prefix.end()
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.long
def test_a_taken_port_is_told_at_the_end(switch_on: Switch, wizard: Path, words: Words) -> None:
    if not is_free(61161):
        pytest.skip("something is on port 61161 already")
    machine = switch_on(words.language)
    with socket.create_server(("127.0.0.1", 61161)):
        machine.start(wizard)
        finish = to_finish(machine, words)
        assert words.port_taken in finish.all
        machine.picture(f"{words.language}-port-taken")
        finish.press(words.start_now)
        finish.press(words.finish)
        machine.hands.gone(words.finished)
