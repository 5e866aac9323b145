"""The same sources make the same bytes, wherever and whenever they are packed."""

import os
import shlex
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from devkit import system, venv
from frozen import freeze
from linux.build import packages, run_file
from windows.build import installer as windows_installer
from windows.build import windows_python, wine

EPOCH = 1_700_000_000
LONG = "a-folder-with-a-much-longer-name"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="installers are compared on Linux")


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} comes with `make installers`"
    )


@pytest.fixture(autouse=True)
def source_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def seen(folder: Path) -> set[tuple[str, int, int]]:
    """Return name, mode and time of all that is in a folder, and of the folder."""
    return {
        (path.relative_to(folder).as_posix(), path.lstat().st_mode, int(path.lstat().st_mtime))
        for path in (folder, *folder.rglob("*"))
    }


def write_some(folder: Path, mask: int) -> Path:
    """Write a folder to pack, with an executable and a link."""
    with umask(mask):
        (folder / "deep").mkdir(parents=True)
        (folder / "begin.sh").write_text("echo begun\n")
        (folder / "deep" / "program").write_bytes(b"\x7fELF" * 2000)
        (folder / "deep" / "program").chmod(0o777 & ~mask)
        (folder / "link").symlink_to("deep/program")
    os.utime(folder / "begin.sh", (mask, mask))
    return folder


def test_what_is_packed_has_no_modes_and_times_of_its_building(tmp_path: Path) -> None:
    first = write_some(tmp_path / "a", 0o022)
    second = write_some(tmp_path / LONG, 0o077)
    assert seen(first) != seen(second)
    freeze.settle(first, second)
    assert seen(first) == seen(second)
    modes = {path.name: path.stat().st_mode & 0o777 for path in first.rglob("*")}
    assert modes == {"deep": 0o755, "begin.sh": 0o644, "program": 0o755, "link": 0o755}
    assert {when for *_, when in seen(first)} == {EPOCH}


@needs("makeself")
@needs("xz")
def test_two_folders_make_one_run_file(tmp_path: Path) -> None:
    made = []
    for name, mask in (("a", 0o022), (LONG, 0o077)):
        folder = write_some(tmp_path / name / "run", mask)
        if name == LONG:  # takes more of this disk, and is no longer
            with (folder / "deep" / "program").open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, 8000)
        target = tmp_path / name / "out" / "some.run"
        target.parent.mkdir()
        with umask(mask):
            run_file.pack(folder, target, "安控 Ankong")
        made.append(target)
    contents = [path.read_bytes() for path in made]
    assert contents[0] == contents[1]
    assert str(tmp_path).encode() not in contents[0]
    for path in made:
        assert path.stat().st_mode & 0o777 == 0o755
        unpacked = path.with_suffix(".unpacked")
        subprocess.run(
            ["sh", path, "--noexec", "--nochown", "--target", unpacked],
            capture_output=True,
            check=True,
        )
        assert (unpacked / "link").read_bytes() == b"\x7fELF" * 2000
    told = subprocess.run(["sh", made[0], "--info"], capture_output=True, text=True, check=True)
    assert "安控 Ankong" in told.stdout
    assert "Uncompressed size: 12 KB" in told.stdout  # 4 KiB, and 8000 bytes in two pieces


@needs(wine.MINGW)
def test_two_folders_make_one_forwarder(tmp_path: Path) -> None:
    made = []
    for name in ("a", LONG):
        folder = tmp_path / name
        folder.mkdir()
        exported = windows_python._forward("PyErr_Print\nPyExc_OSError DATA\n", "python311")
        windows_python._link_forwarder(exported, folder, folder / "python3.dll")
        made.append((folder / "python3.dll").read_bytes())
    assert made[0] == made[1]
    (start,) = struct.unpack_from("<I", made[0], 0x3C)
    (stamp,) = struct.unpack_from("<I", made[0], start + 8)
    assert stamp == 0  # two that were made in one second would be the same with it, too


@needs("strip")
@needs("gcc")
def test_two_folders_make_one_library_of_what_has_no_wheel(tmp_path: Path) -> None:
    made = []
    for name in ("a", LONG):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "some.c").write_text("int answer(int a) { return a + 1; }\n")
        flags = shlex.split(f"-g {sysconfig.get_config_var('CFLAGS')}")
        flags += shlex.split(freeze.COMPILING["CFLAGS"])
        command = ["gcc", *flags, "-fPIC", "-shared", "some.c", "-Wl,--build-id", "-o", "some.so"]
        subprocess.run(command, cwd=folder, check=True)
        subprocess.run(["strip", "some.so"], cwd=folder, check=True)
        made.append((folder / "some.so").read_bytes())
    assert made[0] == made[1]


def test_what_is_shipped_is_compiled_for_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not taken from pip's cache, where a library may lie that was compiled otherwise."""
    given: list[Mapping[str, str] | None] = []

    def ran(_command: Sequence[object], *, env: Mapping[str, str] | None = None) -> int:
        given.append(env)
        return 0

    monkeypatch.setattr(freeze, "FREEZER", freeze.ROOT / "build" / "none")
    monkeypatch.setattr(freeze, "_STAMP", tmp_path / "stamp")
    monkeypatch.setattr(freeze, "run", ran)
    monkeypatch.setattr(venv, "run", ran)
    freeze._ensure_freezer()
    made, *installed = given
    assert made is None
    assert len(installed) == 2
    for env in installed:
        assert env is not None
        assert freeze.COMPILING.items() <= env.items()


def test_the_freezer_in_wine_gets_what_the_other_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}

    class Job:
        def run(self, *_words: object, **_options: object) -> tuple[int, str]:
            return 0, ""

    @contextmanager
    def prefix(_folder: Path, variables: Mapping[str, str]) -> Iterator[Job]:
        given.update(variables)
        yield Job()

    monkeypatch.setattr(wine, "prefix", prefix)
    windows_installer._run("python.exe")
    assert given == {
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SOURCE_DATE_EPOCH": str(EPOCH),
    }
    assert given.items() <= freeze.reproducible().items()


def test_no_packer_speaks_the_language_of_who_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    assert freeze.reproducible()["LC_ALL"] == "C.UTF-8"


@pytest.fixture
def windows_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache of a Windows build that freezes nothing."""
    cache = tmp_path / "windows"
    monkeypatch.setattr(windows_installer, "CACHE", cache)
    monkeypatch.setattr(windows_installer, "PROGRAM", cache / "ankong")
    monkeypatch.setattr(windows_installer, "_python", lambda: (tmp_path / "python", "as it is"))
    monkeypatch.setattr(windows_installer, "_makensis", lambda: "makensis")
    monkeypatch.setattr(system, "ensure", lambda _packages: None)
    return cache


def test_the_wizards_packer_sees_no_time_but_the_sources(
    windows_build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[set[int]] = []

    def freeze_nothing(*_words: object) -> tuple[int, str]:
        (windows_build / "ankong" / "_internal").mkdir(parents=True)
        for name in ("ankong.exe", "ankongw.exe", "_internal/some.dll"):
            (windows_build / "ankong" / name).touch()
        return 0, ""

    def ran(
        command: Sequence[object], *, env: Mapping[str, str] | None = None, **_options: object
    ) -> int:
        facts = dict(word[2:].split("=", 1) for word in map(str, command) if word[:2] == "-D")
        if facts:
            assert env == freeze.reproducible()
            folders = [Path(facts[name]) for name in ("SOURCE", "PICTURES", "TEXTS")]
            there = [path for folder in folders for path in folder.rglob("*")]
            assert len(there) > 6
            packed.append({int(path.stat().st_mtime) for path in (*there, Path(facts["MANIFEST"]))})
            Path(facts["OUT"]).touch()
        else:
            Path(str(command[-1]), "side.bmp").touch()
        return 0

    monkeypatch.setattr(windows_installer, "_run", freeze_nothing)
    monkeypatch.setattr(windows_installer, "run", ran)
    windows_installer.build(tmp_path / "out")
    assert packed == [{EPOCH}]


def test_a_later_source_date_freezes_again(
    windows_build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that finds an older one's program makes what one that finds none does."""
    dates = []

    def freeze_nothing(*_words: object) -> tuple[int, str]:
        dates.append(freeze.source_date())
        (windows_build / "ankong").mkdir(parents=True, exist_ok=True)
        for name in ("ankong.exe", "ankongw.exe"):
            (windows_build / "ankong" / name).touch()
        return 0, ""

    monkeypatch.setattr(windows_installer, "_run", freeze_nothing)
    monkeypatch.setattr(windows_installer, "_program_sources", list)
    windows_installer._freeze()
    windows_installer._freeze()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH + 60))
    windows_installer._freeze()
    assert dates == [str(EPOCH), str(EPOCH + 60)]


def test_the_rpm_names_no_building_machine(tmp_path: Path) -> None:
    config = packages.configuration(tmp_path, "1.2.3", "amd64", ([], []))
    assert config["rpm"]["buildhost"] == "localhost"
