"""Drivers of readers on a Mac: for which processor they are made, from bundles that are made up."""

import os
import platform
import plistlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.doctor.card_survey import CardSurvey
from agent.doctor.driver_architecture import check_reader_drivers
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.report import Finding, Level
from agent.host.machine.macho import HEAD, processors, processors_of
from agent.host.machine.paths import Paths
from agent.host.machine.reader_drivers import drivers_in_bundles
from agent.host.settings import module_files
from agent.host.settings.module_files import ModuleFault, module_fault
from agent.host.tls.machine import Completed, Machine
from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.words import Language
from tests.unit.host.conftest import MachineFactory

X86_64, ARM64, I386, PPC = 0x0100_0007, 0x0100_000C, 7, 18
THEIRS = "usr/local/libexec/SmartCardServices/drivers"


def thin(cpu: int, *, order: str = "<", is_64: bool = True) -> bytes:
    """Return how a file for one processor begins; a real one goes on with load commands."""
    return struct.pack(f"{order}II", 0xFEEDFACE + is_64, cpu) + bytes(24)


def fat(*cpus: int, is_64: bool = False, count: int | None = None) -> bytes:
    """Return how a table of such files begins."""
    rows = b"".join(struct.pack(">I", cpu) + bytes(28 if is_64 else 16) for cpu in cpus)
    return struct.pack(">II", 0xCAFEBABE + is_64, len(cpus) if count is None else count) + rows


@pytest.mark.parametrize(
    ("content", "made_for"),
    [
        (thin(X86_64), ("x86_64",)),
        (thin(ARM64), ("arm64",)),
        (thin(I386, is_64=False), ("i386",)),
        (thin(PPC, order=">", is_64=False), ("ppc",)),
        (thin(X86_64, order=">"), ("x86_64",)),
        (thin(0x99), ("0x99",)),
        (fat(I386, X86_64), ("i386", "x86_64")),
        (fat(X86_64, ARM64), ("x86_64", "arm64")),
        (fat(ARM64, ARM64), ("arm64",)),  # arm64 and arm64e differ in what comes after
        (fat(X86_64, ARM64, is_64=True), ("x86_64", "arm64")),
        (fat(), ()),
    ],
)
def test_the_head_of_a_file_says_for_what_it_is(content: bytes, made_for: tuple[str, ...]) -> None:
    assert processors(content) == made_for


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xcf",
        thin(X86_64)[:7],
        fat(X86_64)[:7],
        fat(X86_64, count=2),  # a row that is not there
        fat(X86_64, count=0xFFFF_FFFF),
        bytes.fromhex("cafebabe 00000041") + bytes(HEAD),  # a class of Java 21
        b"\x7fELF" + bytes(60),
        b"MZ" + bytes(60),
        b"#!/bin/sh\n",
    ],
)
def test_what_is_no_such_file_or_broken_says_nothing(content: bytes) -> None:
    assert processors(content) == ()


@given(st.sampled_from([b"", *(thin(0)[:4], fat()[:4], fat(is_64=True)[:4])]), st.binary())
def test_no_bytes_are_too_much(mark: bytes, rest: bytes) -> None:
    assert len(processors(mark + rest)) <= 30


def test_the_longest_table_is_read_whole() -> None:
    cpus = [0x1000 + number for number in range(30)]
    content = fat(*cpus, is_64=True)
    assert len(content) <= HEAD
    assert len(processors(content)) == 30
    assert processors(fat(*cpus, 1, is_64=True)) == ()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in files")
def test_a_file_that_cannot_be_read_says_nothing_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for name in ("pipe", "circle", "nothing", ".", "nul\0nul"):
        assert processors_of(tmp_path / name) == ()


# Bundles.


def bundle(root: Path, name: str, content: bytes | None, **facts: str) -> Path:
    """Put a driver's bundle where those of others lie."""
    contents = root / THEIRS / f"{name}.bundle" / "Contents"
    (contents / "MacOS").mkdir(parents=True)
    facts = {"CFBundleExecutable": name, "CFBundleShortVersionString": "1.0", **facts}
    (contents / "Info.plist").write_bytes(plistlib.dumps(facts))
    if content is not None:
        (contents / "MacOS" / name).write_bytes(content)
    return contents


@pytest.mark.parametrize(
    "program", ["", ".", "..", "../../../secret", "/secret", "a\\b", "x" * 999]
)
def test_a_program_outside_its_bundle_is_not_looked_at(tmp_path: Path, program: str) -> None:
    bundle(tmp_path, "ez", None, CFBundleExecutable=program)
    (tmp_path / THEIRS / "secret").write_bytes(thin(ARM64))
    (driver,) = drivers_in_bundles(tmp_path)
    assert (driver.name, driver.processors) == ("ez", ())


def test_a_linked_program_is_the_one_that_it_leads_to(tmp_path: Path) -> None:
    contents = bundle(tmp_path, "ez", None)
    (contents / "ez.dylib").write_bytes(fat(I386, X86_64))
    (contents / "MacOS" / "ez").symlink_to("../ez.dylib")
    (driver,) = drivers_in_bundles(tmp_path)
    assert driver.processors == ("i386", "x86_64")


def test_folders_in_a_circle_end(tmp_path: Path) -> None:
    contents = bundle(tmp_path, "ez", thin(ARM64))
    (contents / "again").symlink_to(tmp_path / THEIRS, target_is_directory=True)
    assert [each.name for each in drivers_in_bundles(tmp_path)] == ["ez"]


# What the doctor says.


def mac(make_machine: MachineFactory, *, apple: bool = True) -> Machine:
    def run(command: object) -> Completed:
        assert command == ("/usr/sbin/sysctl", "-n", "hw.optional.arm64")
        return Completed(0, b"1\n") if apple else Completed(1, b"", "unknown oid")

    return make_machine(platform="darwin", run=run)


def found_on(machine: Machine, folder: Path, *readers: str) -> list[Finding]:
    views = tuple(ReaderView(name, CardPresence.EMPTY) for name in readers)
    cards = CardSurvey(virtual=False, snapshot=Snapshot(service_available=True, readers=views))
    installation = InstalledAgent(paths=Paths(folder), machine=machine, cards=cards)
    return list(check_reader_drivers(installation))


def test_a_driver_for_intel_only_is_why_a_reader_is_not_there(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    machine = mac(make_machine)
    bundle(machine.root, "EZ100", fat(I386, X86_64))
    bundle(machine.root, "good", fat(X86_64, ARM64))
    bundle(machine.root, "odd", b"")
    found = {each.facts["name"]: each for each in found_on(machine, tmp_path)}
    codes = {name: (each.code, each.level) for name, each in found.items()}
    assert codes == {
        "EZ100": ("reader_driver_architecture", Level.FAULT),
        "good": ("reader_driver_ok", Level.OK),
        "odd": ("reader_driver_unknown", Level.NOTE),
    }
    path = str(machine.root / THEIRS / "EZ100.bundle")
    for language in Language:
        said = found["EZ100"].message(language)
        assert all(part in said for part in (path, "i386, x86_64", "arm64", "CCID"))


def test_one_that_is_left_over_harms_nobody_who_has_a_reader(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    machine = mac(make_machine)
    bundle(machine.root, "EZ100", thin(X86_64))
    (found,) = found_on(machine, tmp_path, "Generic CCID")
    assert (found.code, found.level) == ("reader_driver_architecture", Level.NOTE)


def test_a_mac_of_intel_wants_the_other_kind(make_machine: MachineFactory, tmp_path: Path) -> None:
    machine = mac(make_machine, apple=False)
    bundle(machine.root, "old", thin(X86_64))
    bundle(machine.root, "new", thin(ARM64))
    levels = {each.facts["name"]: each.level for each in found_on(machine, tmp_path)}
    assert levels == {"old": Level.OK, "new": Level.FAULT}


def test_only_macs_are_asked(make_machine: MachineFactory, tmp_path: Path) -> None:
    machine = make_machine()
    bundle(machine.root, "EZ100", thin(X86_64))
    assert found_on(machine, tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="judges who may change a file by POSIX modes")
@pytest.mark.parametrize(
    ("content", "fault"),
    [(thin(X86_64), ModuleFault.OTHER_PROCESSOR), (fat(X86_64, ARM64), None)],
)
def test_a_token_module_for_another_mac_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, fault: ModuleFault | None
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(module_files, "_others_can_change", lambda *_: False)
    module = tmp_path / "libtoken.dylib"
    module.write_bytes(content)
    assert module_fault(str(module)) is fault
