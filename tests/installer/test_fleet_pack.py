"""What administrators of many computers are given: read, and run as far as this computer can."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agent.host.inventory_report import Inventory, InventoryProblem
from agent.host.settings.config import HIPKI_PORT, NATIVE_PORTS

ROOT = Path(__file__).resolve().parents[2]
LINUX = ROOT / "installer" / "linux" / "policy"
WINDOWS = ROOT / "installer" / "windows" / "policy"
SCRIPTS = (WINDOWS / "detect.ps1", WINDOWS / "inventory.ps1")
FOUND = {
    "schema": 1,
    "product": "ankong",
    "version": "1.2.3",
    "scope": "machine",
    "policy": {"source": None, "problem": None},
    "trust": {"problem": None},
}
# Of https://osquery.io/schema: the columns that the queries use.
TABLES = """
CREATE TABLE deb_packages (name, version, source, size, arch, revision, status, maintainer);
CREATE TABLE rpm_packages (name, version, release, source, size, sha1, arch, epoch);
CREATE TABLE programs (name, version, install_location, install_source, publisher);
CREATE TABLE apps (name, path, bundle_identifier, bundle_short_version, bundle_version);
CREATE TABLE listening_ports (pid, port, protocol, family, address, fd, socket, path);
CREATE TABLE processes (pid, name, path, cmdline, state);
CREATE TABLE file (path, directory, filename, inode, uid, gid, mode, device, size, mtime);
CREATE TABLE hash (path, directory, md5, sha1, sha256);
INSERT INTO deb_packages (name, version, arch, status)
    VALUES ('ankong', '1.2.3', 'amd64', 'install ok installed');
INSERT INTO listening_ports (pid, port, protocol, address)
    VALUES (7, 61161, 6, '127.0.0.1'), (8, 28443, 6, '::1'), (8, 22, 6, '::');
INSERT INTO programs (name, version, install_location)
    VALUES ('Ankong', '1.2.3', 'C:\\Users\\wang-damin\\AppData\\Local\\Programs\\Ankong'),
        ('Ankong', '1.2.4', 'C:\\Program Files\\Ankong');
INSERT INTO apps (bundle_identifier, bundle_short_version, path)
    VALUES ('org.ankong.agent', '1.2.3', '/Users/wang-damin/Applications/Ankong.app'),
        ('org.ankong.agent', '1.2.4', '/Applications/Ankong.app');
INSERT INTO processes (pid, name) VALUES (7, 'ankong'), (8, 'other');
"""


def detect(program: Path | str) -> tuple[int, str]:
    done = subprocess.run(
        ["/bin/sh", LINUX / "detect.sh"],
        env={**os.environ, "ANKONG": str(program), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def program(folder: Path, answer: str) -> Path:
    """Make a program that prints an answer, whatever it is asked."""
    (folder / "answer").write_text(answer)
    made = folder / "ankong"
    made.write_text(f'#!/bin/sh\n[ "$*" = "inventory --json" ] && cat "{folder}/answer"\n')
    made.chmod(0o700)
    return made


needs_shell = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


@needs_shell
def test_the_shell_script_finds_what_is_well_wrong_or_missing(tmp_path: Path) -> None:
    assert detect(program(tmp_path, json.dumps(FOUND))) == (0, "1.2.3 machine \n")
    wrong = {**FOUND, "policy": {"problem": "policy_unusable"}, "trust": {"problem": "failed"}}
    told = (1, "1.2.3 machine failed,policy_unusable\n")
    assert detect(program(tmp_path, json.dumps(wrong))) == told
    assert detect(program(tmp_path, "<html>")) == (1, "unreadable\n")
    assert detect(tmp_path / "nothing") == (1, "missing\n")


@needs_shell
def test_the_shell_script_understands_the_real_program(tmp_path: Path) -> None:
    real = tmp_path / "ankong"
    state = f"--state-dir '{tmp_path}/state'"
    real.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agent "$@" {state}\n')
    real.chmod(0o700)
    status, told = detect(real)
    found = re.fullmatch(r"([\d.]+\S*) source ([a-z_,]*)\n", told)
    assert found is not None, told
    problems = set(filter(None, found[2].split(",")))
    assert problems <= {str(each) for each in InventoryProblem}
    assert status == (1 if problems else 0)


def test_every_query_of_osquery_is_sql_over_its_tables() -> None:
    schedule = json.loads((LINUX / "osquery.conf").read_text("utf-8"))["schedule"]
    database = sqlite3.connect(":memory:")
    database.executescript(TABLES)
    rows = {name: database.execute(row["query"]).fetchall() for name, row in schedule.items()}
    assert rows["ankong_deb"] == [("1.2.3", "amd64")]
    assert [(port, ours) for port, _, _, ours in rows["ankong_ports"]] == [(61161, 1), (28443, 0)]
    database.close()
    assert "wang-damin" not in str(rows), "no query names a person"
    for name in ("ankong_programs", "ankong_apps"):
        assert [row[-2:] for row in rows[name]] == [("1.2.3", "user"), ("1.2.4", "machine")]
    for port in (HIPKI_PORT, *NATIVE_PORTS):
        assert str(port) in schedule["ankong_ports"]["query"]


def test_the_playbook_is_yaml_and_asks_for_fields_that_there_are() -> None:
    text = (LINUX / "ansible.yml").read_text("utf-8")
    (play,) = yaml.safe_load(text)
    (asking,) = (each for each in play["tasks"] if "register" in each)
    argv = asking["ansible.builtin.command"]["argv"]
    assert argv[1:] == ["inventory", "--json"]
    for name in re.findall(r"ankong_inventory\.(\w+)", text):
        assert name in Inventory.__struct_fields__


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_powershell_script_is_plain_and_closes_what_it_opens(script: Path) -> None:
    """No PowerShell is here to read it: that it is well-formed, these signs alone tell."""
    text = script.read_bytes().decode("ascii")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert code.count("'") % 2 == 0
    assert '"' not in code
    outside = re.sub(r"'[^']*'", "''", code)
    opened: list[str] = []
    for sign in re.findall(r"[(){}\[\]]", outside):
        if sign in "({[":
            opened.append(sign)
        else:
            assert opened.pop() + sign in {"()", "{}", "[]"}
    assert opened == []
    assert set(re.findall(r"\b[A-Z][a-z]+-[A-Z]\w+", outside)) <= {
        *("Join-Path", "Test-Path", "Write-Output", "Find-Ankong"),
        *("ConvertFrom-Json", "ConvertTo-Json"),
    }
    assert re.findall(r"\bexit (\d)", code)[-1] == "1"
    assert "HKLM:" not in code, "a 32-bit PowerShell sees another one"
    assert max(map(len, text.splitlines())) <= 100


def test_both_scripts_for_windows_find_the_program_in_one_way() -> None:
    """Each is handed to a device alone, so that it cannot be written once."""
    functions = {
        script.read_text("ascii").partition("function ")[2].partition("\n}")[0]
        for script in SCRIPTS
    }
    assert len(functions) == 1
    assert "OpenSubKey" in functions.pop()


def test_the_scripts_for_windows_know_every_part() -> None:
    parts = {name for name in Inventory.__struct_fields__ if name in _with_problem()}
    text = SCRIPTS[0].read_text("ascii")
    assert parts
    assert all(f"'{name}'" in text for name in parts)


def _with_problem() -> set[str]:
    schema = json.loads((ROOT / "agent" / "host" / "inventory.schema.json").read_text("utf-8"))
    parts = schema["$defs"]["Inventory"]["properties"]
    kinds = {name: part.get("$ref", "").rpartition("/")[2] for name, part in parts.items()}
    return {
        name
        for name, kind in kinds.items()
        if "problem" in schema["$defs"].get(kind, {}).get("properties", {})
    }
