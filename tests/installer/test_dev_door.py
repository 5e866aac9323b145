"""dev.py starts on any machine: old Pythons are told, nothing but Python is needed."""

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "installer" / "dev.py"
GATE = {
    "make test": "test ",
    "make lint": "lint ",
    "make installers": "installers ",
    "proofs for windows": "test-installers ONLY=windows",
    "proofs for linux": "test-installers ONLY=linux",
    "proofs for macos": "test-installers ONLY=macos",
}
"""What the gate calls its parts, and the chore of each with its third word."""
CHORES = (
    *("setup", "demo", "bench", "pictures", "fuzz", "reproduce", "lock"),
    *("test", "lint", "installers", "test-installers"),
)


def run_dev(*arguments: str) -> subprocess.CompletedProcess[str]:
    # -I -S: no packages installed anywhere, no help from the environment.
    return subprocess.run(
        [sys.executable, "-I", "-S", DEV, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )


@pytest.fixture
def dev() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev_under_test", DEV)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_old_python_can_read_the_file_that_tells_it_off() -> None:
    ast.parse(DEV.read_text("utf-8"), feature_version=(3, 7))


def test_an_old_python_is_told_what_is_needed(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(SystemExit) as caught:
        dev.require_python()
    assert "needs Python 3.11 or newer; this one is 3.9" in str(caught.value)


def test_an_old_python_hands_over_to_a_newer_one(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(sys, "argv", ["dev.py", "lint"])
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if "12" in name else None)
    monkeypatch.setattr(subprocess, "call", lambda words: started.append(words) or 7)
    with pytest.raises(SystemExit) as caught:
        dev.require_python()
    assert caught.value.code == 7
    assert started == [["/bin/python3.12", dev.__file__, "lint"]]


def test_it_needs_nothing_but_the_standard_library() -> None:
    done = run_dev("--help")
    assert done.returncode == 0, done.stderr
    assert all(chore in done.stdout for chore in CHORES)


@pytest.mark.parametrize("words", [(), ("dance",), ("lint", "--fast"), ("demo", "--provider", "x")])
def test_nonsense_is_refused_before_anything_happens(words: tuple[str, ...]) -> None:
    done = run_dev(*words)
    assert done.returncode == 2
    assert "usage: dev.py" in done.stderr


def test_the_site_is_played_with_its_own_card_alone() -> None:
    done = run_dev("demo", "--site", "--provider", "pcsc")
    assert done.returncode == 1
    assert "leave PROVIDER out" in done.stderr
    assert done.stdout == ""  # nothing was installed for it


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")
@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["demo"], "dev.py demo"),
        (["demo", "CHECK=1"], "dev.py demo --check"),
        (["demo", "CHECK=1", "PROVIDER=pcsc"], "dev.py demo --check --provider pcsc"),
        (["demo", "SITE=1"], "dev.py demo --site"),
        (["demo", "SITE=1", "CHECK=1"], "dev.py demo --site --check"),
        (["demo", "ARGS=--generation 1"], "dev.py demo --generation 1"),
        (["test", "ARGS=-k pin"], "dev.py test -k pin"),
        (["installers", "ONLY=linux"], "dev.py installers --only linux"),
        (["reproduce", "ONLY=windows"], "dev.py reproduce --only windows"),
        (["test-installers", "SHORT=1"], "dev.py test-installers --short"),
        (["test-installers", "ONLY=linux"], "dev.py test-installers --only linux"),
        *[([chore], f"dev.py {chore}") for chore in CHORES],
    ],
)
def test_make_knows_the_same_chores(words: list[str], command: str) -> None:
    inherited = {
        "ARGS",
        "CHECK",
        "PROVIDER",
        "SHORT",
        "SITE",
        "ONLY",
    }  # of the make that runs these tests
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k not in inherited}
    done = subprocess.run(
        ["make", "--dry-run", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert " ".join(done.stdout.split()).endswith(command)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")
def test_make_help_names_every_variable() -> None:
    source = (ROOT / "Makefile").read_text("utf-8")
    used = set(re.findall(r"\$\((?:if \$\()?([A-Z]+)\)", source)) - {"DEV"}
    assert {"ARGS", "CHECK", "ONLY", "PROVIDER", "SHORT", "SITE"} <= used
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    told = re.findall(r"^  ([A-Z]+)=\S+.*: \w", done.stdout, re.MULTILINE)
    assert sorted(told) == sorted(used)
    assert "test-installers" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the gate runs on Linux")
@pytest.mark.parametrize("broken", ["", *GATE])
def test_the_gate_runs_all_and_fails_with_each(broken: str, tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\necho "made $1 $3"\n[ "$1 $3" != "{GATE.get(broken, "")}" ]\n')
    make.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [ROOT / ".ci" / "run"], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == bool(broken)
    assert all(f"made {words}\n" in done.stdout for words in GATE.values())
    told = re.findall(r"^(.+): ok after \d+ s$", done.stdout, re.MULTILINE)
    assert sorted(told) == sorted(set(GATE) - {broken})


def test_the_gate_proves_what_is_proven_of_each_system() -> None:
    folders = {path.parent.name for path in (ROOT / "tests/installer/built").glob("*/test_*.py")}
    assert {words.partition("ONLY=")[2] for words in GATE.values()} - {""} == folders


def test_what_is_run_once_more_is_what_failed_in_this_run(tmp_path: Path) -> None:
    """What an earlier run left would have let few tests stand for all of them."""
    make, told = tmp_path / "make", tmp_path / "told"
    make.write_text(
        f'#!/bin/sh\necho "$*" >>"{told}"\n[ "$1" != test-installers ] && [ "$1" != test ]\n'
    )
    make.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    places = []
    for _ in range(2):
        subprocess.run(
            [ROOT / ".ci" / "run"], env=env, capture_output=True, check=False, timeout=60
        )
        runs = [line for line in told.read_text().splitlines() if "test" in line.split()[0]]
        told.unlink()
        found = [re.search(r"-o cache_dir=(\S+)", line) for line in runs]
        assert [each is not None for each in found] == [True] * 8
        places += [each[1] for each in found if each is not None]
        assert sum("--last-failed" in line for line in runs) == 4
    assert {places.count(each) for each in places} == {2}
    assert len(set(places)) == 8
    assert not any(Path(each).parent.exists() for each in places)
