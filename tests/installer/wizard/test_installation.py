"""Files are put in place whole or not at all, and taken away again without a trace."""

import errno
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from wizard import installation
from wizard.errors import CancelledError, WizardError
from wizard.install_paths import InstallPaths
from wizard.installation import ProgramInstaller, is_older, read_record, remove


def install(
    program: Path, paths: InstallPaths, version: str = "1.2.3", told: list[float] | None = None
) -> None:
    listener = (lambda _: None) if told is None else told.append
    ProgramInstaller(program, version, paths).run(listener, threading.Event())


def tree(folder: Path) -> dict[str, Any]:
    """Describe everything in a folder: what it is, and what is in it."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = None if path.is_dir() else (path.read_bytes(), path.stat().st_mode)
    return found


def test_the_program_is_whole_and_everything_around_it_leads_there(
    program: Path, paths: InstallPaths
) -> None:
    told: list[float] = []
    install(program, paths, told=told)
    there = {k: v for k, v in tree(paths.program).items() if k in tree(program)}
    assert there == tree(program)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    said = subprocess.run([paths.command, "hello"], capture_output=True, text=True, check=True)
    assert said.stdout == "hello\n"
    said = subprocess.run([paths.removal_command, "x"], capture_output=True, text=True, check=True)
    assert said.stdout == "--wizard --uninstall x\n"
    assert paths.icon(48).read_bytes() == b"picture"
    assert not paths.staging.exists()
    assert not paths.replaced.exists()


def test_the_menu_starts_the_program_wherever_the_home_is(
    program: Path, paths: InstallPaths
) -> None:
    install(program, paths)
    for entry, words in (
        (paths.menu_entry, "tray --panel"),
        (paths.removal_entry, "--uninstall"),
    ):
        [line] = [each for each in entry.read_text().splitlines() if each.startswith("Exec=")]
        # A string value's backslashes, then the quotation, then the field codes.
        value = line.removeprefix("Exec=").replace("\\\\", "\\").replace("%%", "%")
        said = subprocess.run(
            ["sh", "-c", f"printf '%s\\n' {value}"], capture_output=True, text=True, check=True
        )
        assert said.stdout.splitlines()[0] == str(paths.executable)
        assert line.endswith(words)


def test_removal_leaves_the_home_as_it_was(program: Path, paths: InstallPaths, home: Path) -> None:
    (home / ".local" / "bin").mkdir(parents=True)
    (home / ".local" / "bin" / "other").write_text("mine")
    before = tree(home)
    install(program, paths)
    install(program, paths, "1.2.4")
    remove(program, paths)
    assert tree(home) == before


def test_what_somebody_else_put_there_stays(program: Path, paths: InstallPaths, home: Path) -> None:
    paths.commands.mkdir(parents=True)
    paths.command.write_text("somebody else's")
    before = tree(home)
    install(program, paths)
    assert paths.command.read_text() == "somebody else's"
    remove(program, paths)
    assert tree(home) == before


def test_an_update_replaces_all_and_knows_the_version(program: Path, paths: InstallPaths) -> None:
    install(program, paths, "1.2.3")
    (paths.program / "_internal" / "gone in the next version").touch()
    install(program, paths, "1.2.4")
    record = read_record(paths)
    assert record is not None
    assert record.version == "1.2.4"
    assert not (paths.program / "_internal" / "gone in the next version").exists()


def test_a_copy_that_was_interrupted_is_thrown_away(program: Path, paths: InstallPaths) -> None:
    (paths.staging / "rubble").mkdir(parents=True)
    install(program, paths)
    assert not (paths.program / "rubble").exists()
    assert not paths.staging.exists()


def test_a_program_that_was_moved_aside_and_not_replaced_comes_back(
    program: Path, paths: InstallPaths, home: Path
) -> None:
    install(program, paths)
    paths.program.rename(paths.replaced)
    install(program, paths)
    assert not paths.replaced.exists()
    remove(program, paths)  # the folders of the first attempt were not forgotten
    assert tree(home) == {}


def test_nothing_is_left_of_an_installation_that_was_cancelled(
    program: Path, paths: InstallPaths, home: Path
) -> None:
    cancelled = threading.Event()
    cancelled.set()
    attempt = ProgramInstaller(program, "1.2.3", paths)
    with pytest.raises(CancelledError):
        attempt.run(lambda _: None, cancelled)
    assert tree(home) == {}


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_little_space_is_seen_before_anything_is_copied(
    program: Path, paths: InstallPaths, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation.shutil, "disk_usage", lambda _: Usage(9, 8, 1_000_000))
    with pytest.raises(WizardError) as caught:
        install(program, paths)
    assert caught.value.code == "no_space"
    assert (caught.value.facts["needed"], caught.value.facts["free"]) == ("20", "1")
    assert tree(home) == {}


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EROFS, "no_writing")],
)
def test_what_was_installed_survives_a_copy_that_fails(
    program: Path, paths: InstallPaths, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    install(program, paths)
    before = tree(paths.data)

    def fail(_source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(target))

    monkeypatch.setattr(installation, "_copy_file", fail)
    with pytest.raises(WizardError) as caught:
        install(program, paths, "1.2.4")
    assert caught.value.code == code
    assert tree(paths.data) == before


def test_what_was_installed_comes_back_when_the_next_cannot_take_its_place(
    program: Path, paths: InstallPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(program, paths)
    before = tree(paths.data)
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path == paths.staging:
            raise PermissionError(errno.EPERM, "not allowed", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(WizardError):
        install(program, paths, "1.2.4")
    assert tree(paths.data) == before


def test_a_place_that_nobody_can_write_to_is_named(program: Path) -> None:
    paths = InstallPaths.of({"XDG_DATA_HOME": "/proc/self"}, Path("/proc/self"))
    with pytest.raises(WizardError) as caught:
        install(program, paths)
    assert caught.value.code in ("no_writing", "other")
    assert caught.value.facts["path"].startswith("/proc/self")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "null", '{"version": 1, "files": [], "folders": []}', "\ufffd", "{" * 9999],
)
def test_a_record_that_makes_no_sense_is_none(paths: InstallPaths, content: str) -> None:
    paths.program.mkdir(parents=True)
    paths.record.write_text(content)
    assert read_record(paths) is None


def test_a_record_is_read_back(program: Path, paths: InstallPaths) -> None:
    install(program, paths)
    content = json.loads(paths.record.read_text())
    assert content["version"] == "1.2.3"
    assert str(paths.menu_entry) in content["files"]
    assert str(paths.data) in content["folders"]


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [
        ("0.9.0", "0.10.0", True),
        ("0.10.0", "0.9.0", False),
        ("1.0.0", "1.0.0", False),
        ("1.0", "1.0.1", True),
    ],
)
def test_versions_are_compared_by_their_numbers(one: str, other: str, *, older: bool) -> None:
    assert is_older(one, other) is older


def test_the_user_may_keep_data_elsewhere(home: Path) -> None:
    assert InstallPaths.of({"XDG_DATA_HOME": "/data"}, home).program == Path("/data/ankong/app")
    assert InstallPaths.of({"XDG_DATA_HOME": "data"}, home).data == home / ".local" / "share"
