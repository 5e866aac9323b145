"""The table of what was built says what this machine proved of these very files, and no more."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from devkit import installers, proofs
from devkit.installers import BuiltFile, Remark
from devkit.proofs import Claim
from linux.build import installer as linux_installer
from windows.build import installer as windows_installer

from agent import __version__
from tests.installer.built.conftest import Recorder

DEB, EXE = f"a_{__version__}.deb", f"a-{__version__}-x64.exe"
CLAIM = Claim("installed", ("linux/test_a.py",))
Build = Callable[[str], str]
"""Builds for a system; gives what was printed."""


@pytest.fixture
def tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file with two tests, which prove what :data:`CLAIM` says."""
    monkeypatch.setattr(proofs, "TESTS", tmp_path / "tests")
    monkeypatch.setattr(proofs, "RESULTS", tmp_path / "build" / "proofs")
    file = tmp_path / "tests" / "linux" / "test_a.py"
    file.parent.mkdir(parents=True)
    file.write_text("def test_one(): ...\n\ndef test_two(): ...\n")
    return file


@pytest.fixture
def build(
    tests: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Build:
    del tests
    monkeypatch.setattr(installers, "OUT", tmp_path / "out")
    made = {
        "linux": [BuiltFile(DEB, "linux", (CLAIM,), "readers"), Remark("macos", "read", "a Mac")],
        "windows": [BuiltFile(EXE, "windows", (CLAIM,), "readers")],
    }

    def builder(system: str) -> SimpleNamespace:
        def build_one(out: Path) -> list[BuiltFile | Remark]:
            for each in made[system]:
                if isinstance(each, BuiltFile):
                    (out / each.name).write_bytes(each.name.encode())
            return made[system]

        return SimpleNamespace(build=build_one)

    def run(system: str) -> str:
        assert installers.build([system]) == 0
        return capsys.readouterr().out

    monkeypatch.setattr(installers, "_builder", builder)
    return run


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def test_sums_and_table_cover_what_was_built_before_and_still_lies_there(
    build: Build, tmp_path: Path
) -> None:
    build("linux")
    (tmp_path / "out" / "a_0.0.1.deb").write_bytes(b"an older version's")
    (tmp_path / "out" / f"a_1{__version__}.deb").write_bytes(b"another version's")
    told = build("windows")
    sums = (tmp_path / "out" / "SHA256SUMS").read_text()
    assert sums == f"{digest(EXE)}  {EXE}\n{digest(DEB)}  {DEB}\n"
    assert DEB in told
    assert EXE in told
    (tmp_path / "out" / DEB).unlink()
    assert DEB not in build("windows")
    assert DEB not in (tmp_path / "out" / "SHA256SUMS").read_text()


def test_a_remark_stands_beside_files(build: Build, tmp_path: Path) -> None:
    told = build("linux")
    assert "macos: no file is made here\n  proven here: read\n" in told
    assert "macos" not in (tmp_path / "out" / "artefacts.json").read_text()


def test_what_was_not_proven_here_is_not_said_to_be(build: Build) -> None:
    told = build("linux")
    line = f"{DEB}  0.0 MB  {digest(DEB)}\n  not proven here: installed\n"
    assert line in told
    assert "  proven here: installed" not in told


def test_what_this_machine_proved_of_this_file_is_said(
    build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build("linux")
    passed = {"linux/test_a.py::test_one": "passed", "linux/test_a.py::test_two[zh]": "passed"}
    proofs.record([digest(DEB)], passed)
    installers.show_table()
    assert f"{digest(DEB)}\n  proven here: installed\n" in capsys.readouterr().out
    (tmp_path / "out" / DEB).write_bytes(b"changed")
    installers._publish([])
    assert "\n  not proven here: installed\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "is_proven"),
    [
        ([], False),
        ([{"one": "passed"}], False),
        ([{"one": "passed", "two": "skipped"}], False),
        ([{"one": "passed", "two[a]": "passed", "two[b]": "not run"}], False),
        ([{"one": "passed", "two": "not run"}, {"one": "not run", "two": "passed"}], True),
        ([{"one": "passed", "two": "failed"}, {"two": "passed"}], True),
        ([{"one": "passed", "two": "passed"}, {"two": "failed"}], False),
    ],
)
def test_a_claim_needs_every_one_of_its_tests(
    tests: Path, runs: list[dict[str, str]], *, is_proven: bool
) -> None:
    del tests
    for run in runs:
        proofs.record(["hash"], {f"linux/test_a.py::test_{name}": how for name, how in run.items()})
    assert proofs.is_proven(CLAIM, "hash") is is_proven
    assert not proofs.is_proven(CLAIM, "another")


def test_the_proofs_write_how_they_ended_for_the_files_that_lay_there(
    build: Build, tmp_path: Path
) -> None:
    build("linux")
    recorder = Recorder()
    here = Path(__file__).parent / "built" / "linux"
    names = ["test_one", "test_two"]
    recorder.pytest_collection_modifyitems(
        [  # type: ignore[list-item]  # what it asks of an item
            SimpleNamespace(
                nodeid=f"tests/installer/built/linux/test_a.py::{name}", path=here / "test_a.py"
            )
            for name in names
        ]
    )
    for when in ("setup", "call", "teardown"):
        recorder.pytest_runtest_logreport(
            SimpleNamespace(  # type: ignore[arg-type]  # likewise of a report
                nodeid="tests/installer/built/linux/test_a.py::test_one",
                when=when,
                outcome="passed",
            )
        )
    build("windows")  # came only afterwards
    recorder.pytest_sessionfinish()
    wanted = {"linux/test_a.py::test_one": "passed", "linux/test_a.py::test_two": "not run"}
    assert json.loads((tmp_path / "build" / "proofs" / "linux.json").read_text()) == {
        digest(DEB): wanted
    }


def test_every_claim_has_tests() -> None:
    linux = [claim for claims in linux_installer.CLAIMS.values() for claim in claims]
    for claim in (*linux, *windows_installer.CLAIMS):
        assert claim.tests
        assert all(proofs.names_of_tests(proofs.TESTS / name) for name in claim.tests), claim
