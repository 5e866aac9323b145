"""``make procurement``: what installing changes is read out of the packages themselves."""

import io
import json
import re
import tarfile
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from devkit.procurement import deb_reader, package_facts, repo_facts, whole_pack
from devkit.procurement.inputs import PackInputs
from devkit.procurement.sheet import Sheets
from devkit.results import SourceState
from devkit.shell import SetupError
from linux.build import tree
from windows.build import msi, msi_service

from tests.installer.procurement_support import inputs_of

ROOT = Path(__file__).parents[2]
CONTROL = "Package: ankong\nDepends: libc6 (>= 2.36), pcscd\n"


def archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as made:
        for name, (mode, content) in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = mode, len(content)
            made.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def package(*members: tuple[str, bytes]) -> bytes:
    """Return an ar archive as deb(5) wants it."""
    made = b"!<arch>\n"
    for name, content in members:
        made += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        made += content + b"\n" * (len(content) % 2)
    return made


@pytest.fixture
def inputs(tmp_path: Path) -> PackInputs:
    installers = tmp_path / "installers"
    installers.mkdir()
    return replace(inputs_of(ROOT, tmp_path / "pack"), installers=installers)


def write_package(
    inputs: PackInputs, files: dict[str, tuple[int, bytes]], script: bytes = b"#!/bin/sh\n"
) -> Path:
    path = inputs.installers / "ankong_1.2.3_amd64.deb"
    control = {"./control": (0o644, CONTROL.encode()), "./prerm": (0o755, script)}
    path.write_bytes(
        package(
            ("debian-binary", b"2.0\n"),
            ("control.tar.xz", archive(control)),
            ("data.tar.xz", archive(files)),
        )
    )
    return path


def test_what_a_package_brings_is_told(inputs: PackInputs) -> None:
    assert package_facts.deb(inputs).absent == "no_deb"
    path = write_package(
        inputs,
        {
            "./usr/lib/ankong/ankong": (0o755, b"program"),
            "./usr/lib/ankong/_internal/sbom.cdx.json": (0o644, b"{}"),
            "./etc/xdg/autostart/ankong.desktop": (0o644, b""),
        },
    )
    found = package_facts.deb(inputs)
    kinds = inputs.words["kinds"]
    assert [row.cells for row in found.tables["changes"]] == [
        (kinds["folder"], "/usr/lib/ankong", f"2 {kinds['files']}"),
        (kinds["autostart"], "/etc/xdg/autostart/ankong.desktop", ""),
        (kinds["script"], "prerm", ""),
    ]
    assert [found.values[each] for each in ("raised", "units", "active")] == [0, 0, 0]
    assert found.values["needs"] == "libc6 (>= 2.36), pcscd"
    assert deb_reader.content_of(path, "/_internal/sbom.cdx.json") == b"{}"
    assert deb_reader.content_of(path, "/gone") is None


def test_a_service_of_the_msi_is_told_with_its_account() -> None:
    facts = tomllib.loads(msi.FACTS.read_text("utf-8"))
    row = ["" if cell is None else str(cell) for cell in msi_service.install(facts, "c1")]
    named = [*row]
    named[8] = "NT AUTHORITY\\LocalService"
    assert list(package_facts._services({"ServiceInstall": [row, named]})) == [
        ("AnkongPorter", "porter --service (LocalSystem)"),
        ("AnkongPorter", "porter --service (NT AUTHORITY\\LocalService)"),
    ]
    assert list(package_facts._services({})) == []


def test_an_installer_of_another_commit_is_told_on_top(inputs: PackInputs) -> None:
    of_this = replace(inputs, state=SourceState("a" * 40, ""))
    place = "./usr/lib/ankong/_internal/built.json"
    for said, told in (
        ({"commit": "a" * 40}, ""),
        ({"commit": "b" * 40}, "ankong_1.2.3_amd64.deb"),
        ({"commit": None}, "ankong_1.2.3_amd64.deb"),
        ([], "ankong_1.2.3_amd64.deb"),
    ):
        write_package(inputs, {place: (0o644, json.dumps(said).encode())})
        assert whole_pack.build_facts(of_this)["other_commit"] == told
    page = Sheets(inputs.words, whole_pack.build_facts(of_this), {}).index([], [])
    assert "記載的建置來源不是上列提交，或沒有記載：ankong_1.2.3_amd64.deb。" in page


def test_services_and_raised_rights_are_counted(inputs: PackInputs) -> None:
    files = {
        "./lib/systemd/system/a.service": (0o644, b""),
        "./etc/cron.daily/a": (0o755, b""),
        "./usr/bin/a": (0o4755, b""),
        "./usr/bin/b": (0o2755, b""),
    }
    write_package(inputs, files)
    found = package_facts.deb(inputs)
    assert [found.values[each] for each in ("raised", "units", "active")] == [2, 1, 1]


@pytest.mark.parametrize(
    ("script", "starts"),
    [
        (b"systemctl --quiet disable --now a.service || :\n", 0),
        (b"systemctl --now enable a.service\n", 1),
        (b"deb-systemd-helper enable a.service\nsystemctl daemon-reload\nsystemctl start a\n", 2),
        ((ROOT / "installer/linux/before-removal.sh").read_bytes(), 0),
    ],
)
def test_a_service_is_active_where_a_script_of_the_package_starts_it(
    inputs: PackInputs, script: bytes, starts: int
) -> None:
    files = {f"./{tree.SERVICE}": (0o644, b"")}
    write_package(inputs, files, script)
    found = package_facts.deb(inputs)
    assert (found.values["units"], found.values["active"]) == (1, starts)
    kept = [each for each in found.evidence if each.endswith("deb-scripts.txt")]
    assert len(kept) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"!<arch>\n",
        b"!<arch>\n" + b"x" * 200,
        package(("debian-binary", b"2.0\n")),
        package(("data.tar.xz", b"no archive")),
        package(("control.tar.xz", archive({})), ("data.tar.xz", archive({}))),
    ],
)
def test_what_is_no_package_is_named(inputs: PackInputs, content: bytes) -> None:
    path = inputs.installers / "ankong_1.2.3_amd64.deb"
    path.write_bytes(content)
    with pytest.raises(SetupError, match=re.escape(path.name)):
        package_facts.deb(inputs)


def test_every_line_of_the_wizard_that_writes_is_told(inputs: PackInputs) -> None:
    script = (ROOT / package_facts.SETUP).read_text("utf-8")
    lines = re.findall(r"^\s*(?:WriteReg|CreateShortcut)", script, re.MULTILINE)
    found = package_facts.setup(inputs)
    assert len(found.tables["changes"]) == len(lines) > 10
    assert found.values["machine"] == len(re.findall(r"^\s*WriteReg\w+ HKLM", script, re.MULTILINE))
    assert not any(
        "${" in row.cells[1] and "KEY" in row.cells[1] for row in found.tables["changes"]
    )


def test_promises_events_inventory_and_ports_are_those_of_the_sources(inputs: PackInputs) -> None:
    assert repo_facts.promises(inputs).values["promises"] == 4
    events = (ROOT / repo_facts.EVENTS).read_text("utf-8")
    rows = re.findall(r"^\| \d+ \|", events, re.MULTILINE)
    assert repo_facts.events(inputs).values["events"] == len(rows) > 5
    assert len(repo_facts.inventory(inputs).tables["fields"]) > 10
    for words, found in (
        (inputs.words["events"], repo_facts.events(inputs).tables["events"]),
        (inputs.words["inventory"], repo_facts.inventory(inputs).tables["fields"]),
    ):
        told = {row.cells[1] if words is inputs.words["events"] else row.cells[0] for row in found}
        assert words.keys() <= told
    ports = [row.cells[0] for row in repo_facts.ports(inputs).tables["ports"]]
    assert {"61161", "28443, 28444, 28445"} <= set(ports)


@pytest.mark.parametrize("text", ["", "3", '[{"target": "t"}]', '[{"executions": "x"}]', "[1]"])
def test_a_ledger_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(SetupError, match="fuzz-ledger"):
        list(repo_facts.ledger_runs(text))


@pytest.mark.parametrize("text", ['{"runs": [%s]}', "[%s]"])
def test_a_ledger_is_read_in_either_form(text: str) -> None:
    run = '{"target": "t", "executions": 7, "seconds": 1}'
    assert [each["executions"] for each in repo_facts.ledger_runs(text % run)] == [7]
