"""Every file for macOS in the wheels runs on the Macs that the package is for.

Without a Mac: what the files themselves say, read by macholib. The usual surprise is a wheel that
calls itself fit for a processor, and has a library in it that is not.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from macos.build.installer import MACHINES, OLDEST, fetch_wheels

from agent.host.machine.macho import HEAD, processors
from tests.installer.built.macos.mach_o_facts import (
    MachOFacts,
    facts_of,
    faults_of,
    judge_of,
    unpack,
)

artefact = pytest.mark.artefact
SYSTEM = (int(OLDEST.partition("_")[0]), int(OLDEST.partition("_")[2]))
GOOD = MachOFacts("arm64", (11, 0), ("/usr/lib/libSystem.B.dylib", "@rpath/a.dylib"), (), "")


class Fetched(NamedTuple):
    """The files for macOS of one kind of Mac."""

    machine: str
    files: list[Path]
    judge: Any


@pytest.fixture(scope="module", params=MACHINES)
def fetched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    """Fetch the wheels; without a network that fails, and so do the tests."""
    wheels, folder = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("files")
    fetch_wheels(request.param, wheels)
    return Fetched(request.param, unpack(wheels, folder), judge_of(wheels))


@artefact
def test_every_file_runs_on_its_macs(fetched: Fetched) -> None:
    assert len(fetched.files) > 50
    wrong = [
        f"{path.name}: {fault}"
        for path in fetched.files
        for fault in faults_of(list(facts_of(path, fetched.judge)), fetched.machine, SYSTEM)
    ]
    assert not wrong, "\n".join(wrong)


@artefact
def test_the_doctor_reads_the_same_of_them(fetched: Fetched) -> None:
    for path in fetched.files:
        with path.open("rb") as file:
            ours = processors(file.read(HEAD))
        assert set(ours) == {each.processor for each in facts_of(path, fetched.judge)}, path.name


@artefact
def test_what_build_sh_signs_by_its_name_is_all_there_is(fetched: Fetched) -> None:
    """All but PyInstaller's own start programs, one of which becomes the program that is signed."""
    others = [path for path in fetched.files if path.suffix not in {".so", ".dylib"}]
    assert {path.parent.name for path in others} == {"Darwin-64bit"}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ([GOOD], []),
        ([replace(GOOD, processor="x86_64")], ["made for x86_64 only"]),
        ([replace(GOOD, oldest=(12, 1))], ["needs macOS (12, 1)"]),
        ([replace(GOOD, oldest=None)], ["needs macOS None"]),
        ([replace(GOOD, loads=("/opt/x.dylib",))], ["needs /opt/x.dylib"]),
        ([replace(GOOD, loads=("x.dylib",))], ["needs x.dylib"]),
        ([replace(GOOD, searches=("/Users/somebody/lib",))], ["looks in /Users/somebody/lib"]),
        ([replace(GOOD, searches=("/somewhere",), loads=GOOD.loads[:1])], []),
        ([replace(GOOD, own_name="/opt/x.dylib")], ["calls itself /opt/x.dylib"]),
        ([replace(GOOD, processor="x86_64", oldest=None), GOOD], []),
    ],
)
def test_what_would_not_run_is_told(facts: list[MachOFacts], told: list[str]) -> None:
    assert list(faults_of(facts, "arm64", (12, 0))) == told
