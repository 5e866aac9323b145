"""Who waits for a long chore is told each step as it begins."""

import sys
from pathlib import Path

import pytest
from devkit import shell
from devkit.shell import SetupError
from frozen import freeze

LOG = """\
61 INFO: PyInstaller: 6.0.0
900 INFO: Analyzing modules for base_library.zip ...
901 INFO: Processing standard module hook 'hook-heapq.py' from '/x'
2000 INFO: Looking for dynamic libraries
3000 INFO: Building PYZ because PYZ-00.toc is non existent
4000 INFO: Building EXE because EXE-00.toc is non existent
4001 INFO: Building EXE from EXE-00.toc
5000 INFO: Building COLLECT because COLLECT-00.toc is non existent
5001 INFO: Building COLLECT COLLECT-00.toc
5001 INFO: Building COLLECT COLLECT-00.toc completed successfully.
"""


@pytest.fixture
def freezer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of a program that stands for PyInstaller's Python."""
    monkeypatch.setattr(freeze, "_ensure_freezer", lambda: None)
    monkeypatch.setattr(freeze, "BUNDLE", tmp_path / "bundle")
    monkeypatch.setattr(freeze, "PYTHON", tmp_path / "python")
    return tmp_path / "python"


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def test_a_line_is_heard_before_the_program_ends(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    code = "import pathlib, sys, time; print('begun', flush=True)\n"
    code += "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\nprint('ended')"

    def hear(line: str) -> None:
        if line == "begun\n":
            heard.touch()  # the program waits for this

    command = [sys.executable, "-c", code, heard]
    assert shell.run_told(command, hear) == (0, "begun\nended\n")
    assert shell.run_told([tmp_path / "none"], hear)[0] == 127


@pytest.mark.skipif(sys.platform == "win32", reason="a script of the shell")
def test_freezing_tells_its_steps(freezer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_program(freezer, f"cat <<'EOF'\n{LOG}EOF\n")
    freeze.freeze()
    told = capsys.readouterr().out
    steps = ["freezing", "standard library", "libraries", "modules", "executable", "folder"]
    paths = [told.index(step) for step in steps]
    assert paths == sorted(paths)
    assert "hook-heapq" not in told
    assert told.count("putting the folder together") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a script of the shell")
def test_a_freezing_that_fails_shows_why(freezer: Path) -> None:
    write_program(freezer, "echo 'ERROR: no such hook'; exit 1")
    with pytest.raises(SetupError, match="no such hook"):
        freeze.freeze()
