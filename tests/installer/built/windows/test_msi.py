"""The MSI as it was built: installed silently, mended, taken away; and the wizard beside it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from devkit.installers import OUT
from devkit.shell import ROOT
from windows.build import msi, wine
from windows.build.installer import PROGRAM, SIGN
from windows.build.msi_tables import EVENT_MESSAGES, EVENT_SOURCE
from windows.build.wine import CACHE, windows_path

from agent.portal.demo.programs import free_port
from agent.virtualcard import cardfile
from agent.virtualcard.card import VirtualCard
from tests.installer.built.windows.administrator import POLICY, PROGRAMS, Administrator
from tests.installer.built.windows.machine import PATIENCE

UNINSTALL = r"Software\Microsoft\Windows\CurrentVersion\Uninstall"
ROOTS = r"Software\Microsoft\SystemCertificates\Root"
GIVES_WAY = 6


@pytest.fixture(scope="module")
def package(wizard: Path) -> Path:
    del wizard
    found = sorted(OUT.glob("ankong-*-x64.msi"))
    assert len(found) == 1, "make installers ONLY=windows"
    return found[0]


@pytest.fixture(scope="module")
def code(version: str) -> str:
    return msi.product_of(PROGRAM, version).code


@pytest.fixture(scope="module")
def windows(package: Path) -> Iterator[Administrator]:
    del package
    with wine.prefix(CACHE / "tests" / "msi") as prefix:
        yield Administrator(prefix)


@pytest.fixture
def administrator(windows: Administrator, code: str) -> Iterator[Administrator]:
    yield windows
    windows.clean(code)


def _files(folder: Path) -> dict[str, int]:
    found = (each for each in folder.rglob("*") if each.is_file())
    return {str(each.relative_to(folder)): each.stat().st_size for each in found}


def _ankong(administrator: Administrator, *words: str) -> tuple[int, str]:
    return administrator.run(administrator.prefix.drive / PROGRAMS / "ankong.exe", *words)


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.2)


def test_installed_for_everybody_beside_no_copy_of_a_user_and_uninstalled_to_nothing(
    administrator: Administrator, package: Path, wizard: Path, code: str, version: str
) -> None:
    before = administrator.tree()
    assert administrator.msiexec("/i", package, "TRUST=user") == 0
    folder = administrator.prefix.drive / PROGRAMS
    assert _files(folder) == _files(PROGRAM)
    assert _ankong(administrator, "--version") == (0, f"ankong {version}\n")
    assert administrator.facts() == {
        "Autostart": "1",
        "InstallDir": "C:\\Program Files\\Ankong\\",
        "Porter": "auto",
        "Scope": "machine",
        "Trust": "user",
        "Version": version,
    }
    assert administrator.at_sign_in() == '"C:\\Program Files\\Ankong\\ankongw.exe" tray'
    source = ("reg", "query", rf"HKLM\{EVENT_SOURCE}", "/v", "EventMessageFile")
    assert EVENT_MESSAGES in administrator.run(*source)[1]
    entry = administrator.values(rf"{UNINSTALL}\{code}")
    assert entry["DisplayName"] == "安控 Ankong"
    assert entry["DisplayVersion"] == version
    assert administrator.run(wizard, "/S")[0] == GIVES_WAY
    assert not (administrator.prefix.user / "AppData/Local/Programs/Ankong").exists()
    assert administrator.msiexec("/x", code) == 0
    assert administrator.tree() - before == set()
    assert administrator.remains() == []


def test_the_same_program_gives_the_same_octets(
    package: Path, version: str, tmp_path: Path
) -> None:
    """Built once more, of a copy with other times, in another folder."""
    told = subprocess.check_output(["msiinfo", "export", package, "_SummaryInformation"], text=True)
    [written] = re.findall(r"^12\t(.+?)\r?$", told, re.MULTILINE)
    moment = datetime.strptime(written, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    program = tmp_path / "another" / "folder"
    shutil.copytree(PROGRAM, program, copy_function=shutil.copyfile)
    again = tmp_path / msi.name_of(version)
    env = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'installer'}",
        "SOURCE_DATE_EPOCH": str(int(moment.timestamp())),
        "TZ": "Asia/Taipei",
        "LC_ALL": "C",
    }
    command = [sys.executable, "-m", "windows.build.msi", str(program), str(tmp_path)]
    subprocess.run(command, env=env, cwd=ROOT, check=True, timeout=300)
    same = again.read_bytes() == package.read_bytes()
    shutil.rmtree(tmp_path / "another")
    again.unlink()
    assert same, f"was it signed ({SIGN})?"


@pytest.mark.long
def test_repair_puts_every_file_back(
    administrator: Administrator, package: Path, code: str
) -> None:
    assert administrator.msiexec("/i", package, "TRUST=user") == 0
    folder = administrator.prefix.drive / PROGRAMS
    (folder / "ankongw.exe").unlink()
    (folder / "_internal" / "base_library.zip").write_bytes(b"rubbish")
    assert administrator.repair(code) == 0
    assert _files(folder) == _files(PROGRAM)


@pytest.mark.long
def test_a_user_may_have_a_copy_where_it_is_wanted_or_newer(
    administrator: Administrator, package: Path, wizard: Path, code: str
) -> None:
    own = administrator.prefix.user / "AppData" / "Local" / "Programs" / "Ankong"
    assert administrator.msiexec("/i", package, "TRUST=user") == 0
    assert administrator.run(wizard, "/S", "/USERCOPY", "/NOAUTOSTART")[0] == 0
    assert (own / "ankong.exe").exists()
    # In the other order: the MSI is installed beside a user's copy.
    assert administrator.msiexec("/x", code) == 0
    assert administrator.msiexec("/i", package, "TRUST=user") == 0
    key = r"HKLM\Software\Ankong"
    administrator.run("reg", "add", key, "/v", "Version", "/d", "0.0.1", "/f")
    assert administrator.run(wizard, "/S", "/NOAUTOSTART")[0] == 0
    assert administrator.run(own / "uninstall.exe", "/S", "/FORGET")[0] == 0
    _wait(lambda: not own.exists(), "the copy is still there")  # it goes on in a copy of its own
    assert (administrator.prefix.drive / PROGRAMS / "ankong.exe").exists()


@pytest.mark.long
def test_a_users_own_copy_gives_way_at_the_next_sign_in_and_leaves_what_is_the_users(
    administrator: Administrator,
    package: Path,
    wizard: Path,
    make_card: Callable[[str], VirtualCard],
) -> None:
    prefix = administrator.prefix
    own = prefix.user / "AppData" / "Local" / "Programs" / "Ankong"
    state = prefix.user / "AppData" / "Local" / "ankong"
    assert administrator.run(wizard, "/S", "/NOTRUST")[0] == 0
    settings = f"port = {free_port()}\nhipki_port = 0\ncheck_peer = false\n"
    state.joinpath("config.toml").write_text(settings)
    card = prefix.drive / "card.json"
    cardfile.save(card, make_card("gen2").data)
    kept = {each.name for each in state.iterdir() if each.is_file()}
    assert administrator.msiexec("/i", package, "TRUST=user", "AUTOSTART=0") == 0
    shared = prefix.drive / PROGRAMS
    words = ("tray", "--virtual-card", windows_path(card))
    agent = prefix.start(shared / "ankong.exe", *words)
    try:
        _wait(lambda: not own.exists(), "the copy is still there")
        _wait(lambda: _ankong(administrator, "status")[0] == 0, "it does not answer")
        assert _ankong(administrator, "quit")[0] == 0
    finally:
        agent.kill()
        agent.wait()
        assert agent.stdout is not None
        agent.stdout.close()
    assert kept <= {each.name for each in state.iterdir()}
    # It started at sign-in, and so does the one that took its place.
    query = ("reg", "query", r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run", "/v", "Ankong")
    assert r"Program Files\Ankong\ankongw.exe" in administrator.run(*query)[1]
    _ankong(administrator, "setup", "undo", "--forget")


@pytest.mark.long
def test_the_machine_is_told_to_trust_and_to_forget(
    administrator: Administrator, package: Path, code: str
) -> None:
    assert administrator.msiexec("/i", package) == 0
    assert administrator.facts()["Trust"] == "machine"
    assert administrator.msiexec("/x", code) == 0
    assert administrator.remains() == []


@pytest.mark.long
def test_trust_that_is_left_to_the_organisation_reaches_no_store(
    administrator: Administrator, package: Path
) -> None:
    assert administrator.msiexec("/i", package, "TRUST=none") == 0
    try:
        status, printed = _ankong(administrator, "setup", "complete", "--no-autostart", "--json")
        assert (status, json.loads(printed)["ok"]) == (0, True), printed
        assert "trust_organisations" in [each["code"] for each in json.loads(printed)["steps"]]
        tls = administrator.prefix.user / "AppData" / "Local" / "ankong" / "tls"
        made = x509.load_pem_x509_certificate((tls / "authority.pem").read_bytes())
        ours = made.fingerprint(SHA1()).hex().upper()  # noqa: S303  # a name, no protection
        for branch in ("HKCU", "HKLM"):
            _, printed = administrator.run("reg", "query", rf"{branch}\{ROOTS}", "/s")
            assert ours not in printed.upper(), branch
    finally:
        _ankong(administrator, "setup", "undo", "--forget")


@pytest.mark.long
def test_an_organisations_certificates_are_served_with_and_reach_no_store(
    administrator: Administrator, package: Path, code: str
) -> None:
    shared = administrator.prefix.drive / "ProgramData" / "Ankong"
    assert administrator.msiexec("/i", package, "TRUST=none") == 0
    assert _ankong(administrator, "setup", "authority", "--out", "C:\\desk")[0] == 0
    given = ("REINSTALL=ALL", "AUTHORITY=C:\\desk\\ladder.pem")
    assert administrator.msiexec("/i", code, *given) == 0
    root = (administrator.prefix.drive / "desk" / "root.cer").read_bytes()
    placed = x509.load_pem_x509_certificate((shared / "tls" / "authority.pem").read_bytes())
    assert placed == x509.load_der_x509_certificate(root)
    ours = placed.fingerprint(SHA1()).hex().upper()  # noqa: S303  # a name, no protection
    assert ours not in administrator.run("reg", "query", rf"HKLM\{ROOTS}", "/s")[1].upper()
    assert administrator.msiexec("/x", code) == 0
    assert not shared.exists()
    shutil.rmtree(administrator.prefix.drive / "desk")


@pytest.mark.long
def test_a_bad_policy_fails_the_installation_and_a_good_one_is_put_in_its_place(
    administrator: Administrator, package: Path
) -> None:
    given = administrator.prefix.drive / "given.toml"
    given.write_text('other_sites = "nonsense"\n')
    words = ("TRUST=user", f"POLICY={windows_path(given)}")
    assert administrator.msiexec("/i", package, *words) != 0
    assert not (administrator.prefix.drive / POLICY).exists()
    assert not (administrator.prefix.drive / PROGRAMS).exists()
    given.write_text('other_sites = "forbid"\n')
    assert administrator.msiexec("/i", package, *words) == 0
    assert (administrator.prefix.drive / POLICY).read_bytes() == given.read_bytes()
    given.unlink()
