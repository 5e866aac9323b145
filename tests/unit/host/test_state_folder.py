"""A state folder that others can write to is refused, and nothing of ours follows a link."""

import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.commands.daemon import DaemonOptions, opened
from agent.database import DatabaseError
from agent.doctor.files import check_state
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.repairs import repair
from agent.history.store import History
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.machine.state_folder import UnsafeFolderError, Weakness, find_unsafe_place
from agent.host.machine.umask import private_files, users_own_mask
from agent.host.machine.windows_acl import ADMINISTRATORS, SYSTEM, FileAccess
from agent.virtualcard.provider import VirtualProvider
from agent.words import Language
from tests.unit.host.access_support import FULL, ME, READ, STRANGER, USERS, FakeAccess

posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes are POSIX")
as_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="gives files to another user"
)
NOBODY = 65534


def prepared(folder: Path) -> Paths:
    paths = Paths(folder)
    paths.prepare()
    return paths


@contextmanager
def mask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


@posix
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702, 0o733])
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    folder = prepared(tmp_path / "state").state
    folder.chmod(mode)
    with pytest.raises(UnsafeFolderError, match="chmod go-w"):
        Paths(folder).prepare()


@posix
@pytest.mark.parametrize("level", ["state", "state/tls", "state/logs", "."])
def test_every_level_counts(tmp_path: Path, level: str) -> None:
    root = tmp_path / "home"
    paths = prepared(root / "state")
    place = root / level
    place.mkdir(exist_ok=True)
    place.chmod(0o777)
    with pytest.raises(UnsafeFolderError) as caught:
        paths.prepare()
    assert str(place) in caught.value.detail
    place.chmod(0o755)
    paths.prepare()


@as_root
@pytest.mark.parametrize("group", [100, NOBODY])
def test_a_group_is_others_unless_it_is_the_users_own(tmp_path: Path, group: int) -> None:
    folder = prepared(tmp_path / "state").state
    os.chown(folder, -1, group)
    folder.chmod(0o770)
    with pytest.raises(UnsafeFolderError):
        Paths(folder).prepare()
    os.chown(folder, -1, 0)
    Paths(folder).prepare()


@as_root
def test_another_users_folder_is_refused(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "state").state
    os.chown(folder, NOBODY, -1)
    with pytest.raises(UnsafeFolderError, match="another user"):
        Paths(folder).prepare()


@as_root
def test_who_called_sudo_is_no_stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepared(tmp_path / "state").state
    os.chown(folder, NOBODY, -1)
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    Paths(folder).prepare()


@as_root
@pytest.mark.parametrize("name", ["state", "state/history.sqlite", "state/logs/ankong.log"])
def test_another_users_link_is_refused_wherever_it_is(tmp_path: Path, name: str) -> None:
    target = tmp_path / "private"
    place = tmp_path / name
    if name == "state":
        target.mkdir()
    else:
        prepared(tmp_path / "state").logs.mkdir()
        target.write_text("mine")
    place.symlink_to(target)
    os.chown(place, NOBODY, -1, follow_symlinks=False)
    with pytest.raises(UnsafeFolderError):
        Paths(tmp_path / "state").prepare()


@posix
def test_a_link_of_the_users_own_to_a_safe_folder_stays_usable(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to("disk")
    Paths(tmp_path / "state").prepare()
    (tmp_path / "disk").chmod(0o777)
    with pytest.raises(UnsafeFolderError):
        Paths(tmp_path / "state").prepare()


@posix
def test_a_circle_of_links_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "state").symlink_to("state")
    with pytest.raises(OSError, match="links"):
        Paths(tmp_path / "state").prepare()


@posix
def test_the_doctor_says_which_command_mends_it(tmp_path: Path) -> None:
    paths = prepared(tmp_path / "state")
    installation = InstalledAgent(paths=paths)
    paths.state.chmod(0o777)
    (finding,) = check_state(installation)
    assert (finding.code, finding.repair) == ("state_writable", "close_state_dir")
    assert f"chmod go-w {paths.state}" in finding.message(Language.CHINESE)
    repair("close_state_dir", installation)
    assert [found.code for found in check_state(installation)] == ["state_ok"]


@posix
@pytest.mark.parametrize("name", ["history.sqlite", "history.sqlite-wal", "history.sqlite-journal"])
def test_no_database_goes_through_a_link(tmp_path: Path, name: str) -> None:
    target = tmp_path / "private"
    target.write_bytes(b"")
    (tmp_path / name).symlink_to(target)
    with pytest.raises(DatabaseError):
        History(tmp_path / "history.sqlite")
    assert target.read_bytes() == b""


@posix
def test_no_lock_goes_through_a_link(tmp_path: Path) -> None:
    paths = prepared(tmp_path / "state")
    target = tmp_path / "private"
    paths.lock.symlink_to(target)
    with pytest.raises(OSError, match="link"), Instance(paths):
        pytest.fail("it followed the link")
    assert not target.exists()


@posix
def test_every_file_of_a_running_agent_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.commands.daemon.shut_others_out", lambda: None)
    monkeypatch.setattr("agent.host.machine.logs.MAX_FILE_SIZE", 200)
    state = tmp_path / "made" / "state"
    with mask(0):
        with opened(DaemonOptions(make_provider=VirtualProvider, state_dir=state)):
            for number in range(20):
                logging.getLogger("rolled").warning("line %d", number)
            (state / "by-a-library").write_bytes(b"")
            with users_own_mask():
                assert os.umask(0) == 0
        assert os.umask(0) == 0
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "made").rglob("*")}
    assert (state / "logs" / "ankong.log.1") in found
    assert {path: mode for path, mode in found.items() if mode & 0o077} == {}


def test_the_users_own_mask_is_given_to_programs_that_are_started() -> None:
    with mask(0o022), private_files(), users_own_mask():
        assert os.umask(0o022) == 0o022


FOLDER = Path("C:/state")
OURS = ((ME, FULL), (SYSTEM, FULL), (ADMINISTRATORS, FULL))


@pytest.mark.parametrize(
    ("access", "weakness"),
    [
        (FileAccess(ME, OURS), None),
        (FileAccess(ADMINISTRATORS, OURS), None),
        (FileAccess(ME, (*OURS, (USERS, READ))), None),
        (FileAccess(ME, (*OURS, (USERS, 0x2))), Weakness.WRITABLE),
        (FileAccess(ME, (*OURS, (STRANGER, FULL))), Weakness.WRITABLE),
        (FileAccess(ME, None), Weakness.WRITABLE),
        (FileAccess(STRANGER, OURS), Weakness.FOREIGN),
    ],
)
def test_windows_has_access_lists(access: FileAccess, weakness: Weakness | None) -> None:
    found = find_unsafe_place(FOLDER, FakeAccess({FOLDER: access}))
    assert (found and found.weakness) == weakness
    assert found is None or "icacls" in found.remedy


def test_on_windows_a_folder_that_is_not_there_is_safe() -> None:
    assert find_unsafe_place(FOLDER, FakeAccess({})) is None
