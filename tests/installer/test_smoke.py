"""What is installed on a foreign system is really used there, and what is wrong with it is said."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from devkit import smoke, trial
from devkit.shell import SetupError

from agent import __version__

pytestmark = pytest.mark.skipif(os.name != "posix", reason="programs here are shell scripts")
Script = Callable[[str], Path]

# Does nothing, but says what is expected: what a broken program might look like from outside.
IDLE = f"""
case "$*" in
  --version*) echo "ankong {__version__}" ;;
  doctor*) echo '{{"findings": [{{"level": "ok", "code": "version"}}]}}' ;;
  "sign "*) cp "$2" "$6" ;;
esac
exit 0
"""


@pytest.fixture
def script(tmp_path: Path) -> Script:
    def write(content: str) -> Path:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{content}")
        path.chmod(0o755)
        return path

    return write


def test_the_programs_own_source_passes(script: Script) -> None:
    root = Path(__file__).resolve().parents[2]
    program = script(f'cd "{root}" && exec "{sys.executable}" -m tray "$@"')
    seen = smoke.use(program)
    assert seen[0] == f"ankong {__version__}"
    assert "a changed letter is called broken" in seen
    assert "a page had it sign; verified" in seen
    assert seen[-1] == "it ended when it was told to"


def test_a_program_that_calls_everything_good_is_found_out(script: Script) -> None:
    with pytest.raises(SetupError, match="verify ended with 0"):
        smoke.use(script(IDLE))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('echo "ankong 0.0.1"', "calls itself 'ankong 0.0.1'"),
        ("exit 3", "--version ended with 3"),
        (IDLE.replace("findings", "nothing"), "report cannot be read"),
        (IDLE.replace('{"level": "ok", "code": "version"}', ""), "looked at nothing"),
        (IDLE.replace('cp "$2" "$6"', "exit 1"), "sign ended with 1"),
    ],
)
def test_what_is_wrong_is_said(script: Script, content: str, told: str) -> None:
    with pytest.raises(SetupError, match=told):
        smoke.use(script(content))


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="there is no program"):
        smoke.use(tmp_path / "ankong")


# Coming and going.

FILES = (
    *("ankong-setup-1-x64.exe", "ankong-1-x64.msi", "ankong_1_amd64.deb", "ankong_1_arm64.deb"),
    *("ankong-1-1.x86_64.rpm", "ankong-1-1.aarch64.rpm", "ankong-1-x86_64.run"),
    *("ankong-1-aarch64.run", "ankong-1-arm64.pkg", "ankong-1-x86_64.pkg", "SHA256SUMS"),
)


@pytest.mark.parametrize(
    ("system", "tools", "wanted"),
    [
        ("win32 AMD64", "", ("ankong-1-x64.msi", "ankong-setup-1-x64.exe")),
        ("win32 ARM64", "", ("ankong-1-x64.msi", "ankong-setup-1-x64.exe")),
        ("darwin arm64", "", ("ankong-1-arm64.pkg",)),
        ("darwin x86_64", "", ("ankong-1-x86_64.pkg",)),
        ("linux x86_64", "apt-get rpm", ("ankong-1-x86_64.run", "ankong_1_amd64.deb")),
        ("linux aarch64", "apt-get", ("ankong-1-aarch64.run", "ankong_1_arm64.deb")),
        ("linux x86_64", "rpm dnf", ("ankong-1-1.x86_64.rpm", "ankong-1-x86_64.run")),
        ("linux riscv64", "apt-get", ()),
    ],
)
def test_each_system_takes_what_is_made_for_it(
    system: str,
    tools: str,
    wanted: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in FILES:
        (tmp_path / name).touch()
    name_of_it, machine = system.split()
    monkeypatch.setattr(sys, "platform", name_of_it)
    monkeypatch.setattr(trial.platform, "machine", lambda: machine)
    monkeypatch.setattr(shutil, "which", lambda name: name if name in tools.split() else None)
    assert tuple(path.name for path in trial.fitting(tmp_path)) == wanted


@pytest.fixture
def way(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> dict[str, trial.InstallWay]:
    """Return the one way there is: a file that is copied to be installed."""
    place = tmp_path / "installed"
    script(IDLE)
    monkeypatch.setattr(trial, "_SECONDS_TO_GO", 0)
    monkeypatch.setattr(smoke, "use", lambda program: [str(program.stat().st_size)])
    ways = {
        ".sh": trial.InstallWay(
            sys.platform,
            lambda file: ["cp", file, place],
            lambda: place,
            lambda _: ["rm", place],
        )
    }
    monkeypatch.setattr(trial, "WAYS", ways)
    (tmp_path / "ankong.sh").write_text(IDLE)
    return ways


def test_it_comes_is_used_and_goes(
    way: dict[str, trial.InstallWay], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del way
    assert trial.play([tmp_path / "ankong.sh"]) == 0
    assert "ankong.sh: 2 things seen, the last that it is gone" in capsys.readouterr().out
    assert not (tmp_path / "installed").exists()


def test_what_stays_is_said(way: dict[str, trial.InstallWay], tmp_path: Path) -> None:
    old = way[".sh"]
    way[".sh"] = trial.InstallWay(old.system, old.install, old.program, lambda _: ["true"])
    with pytest.raises(SetupError, match="is still there"):
        trial.play([tmp_path / "ankong.sh"])


def test_what_does_not_install_is_said(way: dict[str, trial.InstallWay], tmp_path: Path) -> None:
    old = way[".sh"]
    way[".sh"] = trial.InstallWay(old.system, lambda _: ["false"], old.program, old.remove)
    with pytest.raises(SetupError, match="false ended with 1"):
        trial.play([tmp_path / "ankong.sh"])


def test_nothing_to_install_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nothing in .* is for this system"):
        trial.play(trial.fitting(tmp_path))
    with pytest.raises(SetupError, match="is no installer"):
        trial.play([tmp_path / "letter.txt"])
