"""What the MSI does and calls, with a small program that writes down its calls in place of ours."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from windows.build import msi, windows_python, wine
from windows.build.wine import CACHE

from tests.installer.built.windows.administrator import (
    FAILED,
    POLICY,
    PROGRAMS,
    REFUSED,
    Administrator,
    make_double,
)
from tests.installer.built.windows.machine import PATIENCE

OLD, NEW = "1.0.0", "1.1.0"
HERE = "C:\\Program Files\\Ankong\\"
TRUST, UNDO = "setup machine", "setup machine --undo"
SET = "INSERT INTO `Property` (`Property`, `Value`) VALUES ('NAME', '1')"
SERVICE, RUNNING, STOPPED = "porter --service", "porter running", "porter stopped"


def _code(version: str) -> str:
    return msi.product_of(Path(), version).code


@pytest.fixture(scope="module")
def older(wizard: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del wizard
    return make_double(tmp_path_factory.mktemp("older"), OLD, "_internal/gone.dll")


@pytest.fixture(scope="module")
def newer(wizard: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del wizard
    return make_double(tmp_path_factory.mktemp("newer"), NEW, "_internal/come.dll")


@pytest.fixture(scope="module")
def windows() -> Iterator[Administrator]:
    with wine.prefix(CACHE / "tests" / "msi-actions") as prefix:
        yield Administrator(prefix)


@pytest.fixture
def administrator(windows: Administrator) -> Iterator[Administrator]:
    yield windows
    windows.clean(_code(OLD), _code(NEW))


def _files(administrator: Administrator, folder: str = PROGRAMS) -> set[str]:
    root = administrator.prefix.drive / folder
    return {str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()}


def test_an_upgrade_keeps_folder_and_choices_and_an_older_one_is_refused(
    administrator: Administrator, older: Path, newer: Path
) -> None:
    before = administrator.tree()
    chosen = ("INSTALLDIR=C:\\Program Files\\我的 安控", "AUTOSTART=0", "TRUST=user")
    assert administrator.msiexec("/i", older, *chosen) == 0
    assert administrator.at_sign_in() is None
    assert administrator.msiexec("/i", newer) == 0
    facts = administrator.facts()
    assert facts == {
        "Autostart": "0",
        "InstallDir": "C:\\Program Files\\我的 安控\\",
        "Porter": "auto",
        "Scope": "machine",
        "Trust": "user",
        "Version": NEW,
    }
    there = _files(administrator, "Program Files/我的 安控")
    assert there == {"ankong.exe", "ankongw.exe", "_internal/come.dll"}
    assert administrator.at_sign_in() is None
    assert administrator.msiexec("/i", older) == REFUSED
    assert administrator.facts() == facts
    assert administrator.calls() == []
    assert administrator.msiexec("/x", _code(NEW)) == 0
    assert administrator.tree() - before == set()
    assert administrator.remains() == []


def test_the_porters_service_comes_where_it_is_wanted_and_goes_with_the_program(
    administrator: Administrator, older: Path
) -> None:
    assert administrator.msiexec("/i", older, "TRUST=none", "PORTER=1") == 0
    service = administrator.service()
    # Windows writes quotation marks around the program.
    assert service["ImagePath"].replace('"', "") == f"{HERE}ankong.exe {SERVICE}"
    assert (service["ObjectName"], service["Start"]) == ("LocalSystem", "dword:00000002")
    began = administrator.calls_until(RUNNING)
    assert began == [SERVICE, RUNNING], "it runs, and nobody is had to trust anything"
    assert administrator.msiexec("/x", _code(OLD)) == 0
    assert administrator.service() == {}


def test_what_fails_leaves_nothing(administrator: Administrator, older: Path) -> None:
    """As far as Wine goes: it takes the files back, and does not call what undoes an action."""
    before = administrator.tree()
    administrator.fail(TRUST)
    assert administrator.msiexec("/i", older) in FAILED
    assert administrator.calls()[0] == TRUST
    assert administrator.tree() - before == set()
    assert administrator.facts() == {}
    assert administrator.at_sign_in() is None


@pytest.mark.long
def test_trust_is_set_up_by_the_program_and_undone(
    administrator: Administrator, older: Path, newer: Path
) -> None:
    assert administrator.msiexec("/i", older) == 0
    assert administrator.calls() == [TRUST]
    assert administrator.facts()["InstallDir"] == HERE
    assert administrator.repair(_code(OLD)) == 0
    assert administrator.calls() == [TRUST]
    given = ("REINSTALL=ALL", "AUTHORITY=C:\\機關 ladder.pem")
    assert administrator.msiexec("/i", _code(OLD), *given) == 0
    assert administrator.calls() == [f"{TRUST} --authority C:\\機關 ladder.pem"]
    assert administrator.msiexec("/i", newer) == 0
    # Wine does not tell the older one that it is upgraded, as Windows does: it undoes before.
    assert administrator.calls()[-1] == TRUST
    assert administrator.msiexec("/x", _code(NEW)) == 0
    assert administrator.calls() == [UNDO]


@pytest.mark.long
def test_another_choice_takes_back_what_the_first_one_had_browsers_trust(
    administrator: Administrator, older: Path
) -> None:
    assert administrator.msiexec("/i", older) == 0
    assert administrator.calls() == [TRUST]
    assert administrator.msiexec("/i", _code(OLD), "REINSTALL=ALL", "TRUST=none") == 0
    assert administrator.calls() == [UNDO]
    assert administrator.facts()["Trust"] == "none"
    assert administrator.repair(_code(OLD)) == 0
    assert administrator.calls() == []
    given = ("REINSTALL=ALL", "AUTHORITY=C:\\機關 ladder.pem")
    assert administrator.msiexec("/i", _code(OLD), *given) == 0
    assert administrator.calls() == [f"{TRUST} --authority C:\\機關 ladder.pem --no-trust"]
    assert administrator.msiexec("/x", _code(OLD)) == 0
    assert administrator.calls() == [UNDO]


@pytest.mark.long
def test_the_porters_service_is_stopped_replaced_and_taken_away(
    administrator: Administrator, older: Path, newer: Path
) -> None:
    # Wine ends all services some seconds after the last program.
    program = windows_python.HERE / "python.exe"
    waits = "import time; print(flush=True); time.sleep(600)"
    keeper = administrator.prefix.start(program, "-c", waits)
    assert keeper.stdout is not None
    try:
        keeper.stdout.readline()
        assert administrator.msiexec("/i", older, "TRUST=user", "PORTER=1") == 0
        assert administrator.calls_until(RUNNING) == [SERVICE, RUNNING]
        assert administrator.msiexec("/i", newer) == 0
        assert administrator.calls_until(RUNNING) == [STOPPED, SERVICE, RUNNING]
        assert (administrator.facts()["Porter"], administrator.facts()["Version"]) == ("1", NEW)
        changed = ("REINSTALL=ALL", "PORTER=0")
        assert administrator.msiexec("/i", _code(NEW), *changed) == 0
        assert (administrator.calls(), administrator.service()) == ([STOPPED], {})
        assert administrator.repair(_code(NEW)) == 0
        assert (administrator.calls(), administrator.service()) == ([], {})
        assert administrator.msiexec("/i", _code(NEW), "REINSTALL=ALL", "PORTER=1") == 0
        assert administrator.calls_until(RUNNING) == [SERVICE, RUNNING]
        assert administrator.msiexec("/x", _code(NEW)) == 0
        assert (administrator.calls(), administrator.service()) == ([STOPPED], {})
    finally:
        keeper.kill()
        keeper.wait()
        keeper.stdout.close()


@pytest.mark.long
def test_the_porters_service_comes_by_itself_on_session_hosts_alone(
    administrator: Administrator, older: Path, tmp_path: Path
) -> None:
    """As Windows Installer tells them apart; Wine itself never says that Windows is one."""
    host, desktop = tmp_path / "host.msi", tmp_path / "desktop.msi"
    for file, properties in {
        host: ("TerminalServer",),
        desktop: ("TerminalServer", "RemoteAdminTS"),
    }.items():
        shutil.copyfile(older, file)
        for each in properties:
            _do("msibuild", file, "-q", SET.replace("NAME", each))
    found = []
    for kind, file in (("ServerNT", host), ("ServerNT", desktop), ("WinNT", host)):
        key = r"HKLM\System\CurrentControlSet\Control\ProductOptions"
        administrator.run("reg", "add", key, "/v", "ProductType", "/d", kind, "/f")
        administrator.prefix.end()  # what runs remembers another one
        assert administrator.msiexec("/i", file, "TRUST=none") == 0
        found.append(administrator.service() != {})
        assert administrator.msiexec("/x", _code(OLD)) == 0
    assert found == [True, False, False]


@pytest.mark.long
def test_a_program_that_is_too_broken_to_undo_is_removed_all_the_same(
    administrator: Administrator, older: Path
) -> None:
    assert administrator.msiexec("/i", older) == 0
    administrator.fail(UNDO.rpartition(" ")[0])
    assert administrator.msiexec("/x", _code(OLD)) == 0
    assert administrator.facts() == {}
    assert _files(administrator) == set()


@pytest.mark.long
def test_a_policy_is_checked_put_in_its_place_and_kept(
    administrator: Administrator, older: Path, newer: Path
) -> None:
    """By the program, here the double, which puts nothing anywhere."""
    placed = administrator.prefix.drive / POLICY
    words = ("TRUST=user", "POLICY=C:\\政策 given.toml")
    calls = [f"policy check {option}C:\\政策 given.toml" for option in ("", "--put ")]
    assert administrator.msiexec("/i", older, *words) == 0
    assert administrator.calls() == calls
    assert not placed.parent.exists(), "whose it would be is the program's to look at"
    administrator.fail("policy check")
    assert administrator.msiexec("/i", newer, *words) in FAILED
    assert administrator.calls() == calls[:1]
    administrator.fail()
    assert administrator.msiexec("/i", newer, *words) == 0
    placed.parent.mkdir()
    placed.write_text("an administrator's")
    assert administrator.msiexec("/x", _code(NEW)) == 0
    assert placed.read_text() == "an administrator's", "and kept"


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        *("TRUST=yes", "AUTOSTART=2", "STARTNOW=now", "POLICY=policy.toml", "AUTHORITY=a"),
        *("PORTER=yes", "INSTALLDIR=C:\\Ankong", "INSTALLDIR=C:\\Program Files\\..\\Ankong"),
    ],
)
def test_a_wrong_value_changes_nothing(
    administrator: Administrator, older: Path, words: str
) -> None:
    before = administrator.tree()
    assert administrator.msiexec("/i", older, words) == REFUSED
    assert administrator.tree() - before == set()
    assert administrator.calls() == []


@pytest.mark.long
def test_values_that_somebody_broke_do_not_hold_up_an_uninstallation(
    administrator: Administrator, older: Path
) -> None:
    assert administrator.msiexec("/i", older, "TRUST=user") == 0
    for name in ("Trust", "Autostart", "Porter"):
        administrator.run("reg", "add", r"HKLM\Software\Ankong", "/v", name, "/d", "?", "/f")
    assert administrator.msiexec("/x", _code(OLD)) == 0
    assert administrator.facts() == {}
    assert administrator.at_sign_in() is None


@pytest.mark.long
def test_it_starts_at_the_end_where_that_is_wanted(
    administrator: Administrator, older: Path
) -> None:
    assert administrator.msiexec("/i", older, "TRUST=user", "STARTNOW=1") == 0
    end = time.monotonic() + PATIENCE
    while not (started := administrator.calls()):
        assert time.monotonic() < end, "it was not started"
        time.sleep(0.2)
    assert started == [""]


@pytest.mark.long
def test_a_signed_one_is_installed_likewise(
    administrator: Administrator, older: Path, tmp_path: Path
) -> None:
    """Signed as ANKONG_SIGN would have it, by a certificate that nobody knows."""
    key, certificate, signed = (tmp_path / name for name in ("key.pem", "cert.pem", "signed.msi"))
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-subj", "/CN=Nobody"]
    _do(*made, "-keyout", key, "-out", certificate)
    _do("osslsigncode", "sign", "-certs", certificate, "-key", key, "-in", older, "-out", signed)
    told = _do("osslsigncode", "verify", "-CAfile", certificate, "-in", signed)
    assert "Number of verified signatures: 1" in told
    assert administrator.msiexec("/i", signed, "TRUST=user") == 0
    assert _files(administrator) == {"ankong.exe", "ankongw.exe", "_internal/gone.dll"}


def _do(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.long
def test_it_is_not_for_an_old_windows(administrator: Administrator, older: Path) -> None:
    key = r"HKLM\Software\Microsoft\Windows NT\CurrentVersion"
    name = "CurrentMajorVersionNumber"
    assert administrator.run("reg", "delete", key, "/v", name, "/f")[0] == 0
    try:
        assert administrator.msiexec("/i", older) == REFUSED
    finally:
        administrator.run("reg", "add", key, "/v", name, "/t", "REG_DWORD", "/d", "10", "/f")
    assert administrator.msiexec("/i", older) == 0
