"""Whose the file in the policy's place is: a stranger's neither weakens nor stops the agent."""

import os
import sys
from pathlib import Path

import pytest

from agent.doctor.files import check_policy
from agent.doctor.installed_agent import InstalledAgent
from agent.host.machine.paths import Paths
from agent.host.machine.windows_acl import (
    ADMINISTRATORS,
    SYSTEM,
    TRUSTED_INSTALLER,
    FileAccess,
)
from agent.host.settings import policy
from agent.host.settings.config import ConfigError
from agent.host.settings.policy import Policy, Ruling
from agent.host.settings.policy_file import PlantedPolicyError, check_policy_file
from agent.origin import Origin
from tests.unit.host.access_support import ADD, FULL, READ, STRANGER, USERS, FakeAccess

FILE = Path("C:/ProgramData/Ankong/policy.toml")
GOOD = ((SYSTEM, FULL), (ADMINISTRATORS, FULL), (USERS, READ))
ADMINS = FileAccess(ADMINISTRATORS, GOOD)
# As a folder is that an administrator makes below ProgramData: everybody may add files.
USUAL = FileAccess(ADMINISTRATORS, (*GOOD, (USERS, ADD)))
STRANGERS = FileAccess(STRANGER, ((STRANGER, FULL), *GOOD))
DENIED = PermissionError(5, "access denied")


@pytest.mark.parametrize(
    ("folder", "file", "verdict"),
    [
        (ADMINS, ADMINS, None),
        (USUAL, ADMINS, None),
        (USUAL, FileAccess(SYSTEM, GOOD), None),
        (USUAL, FileAccess(TRUSTED_INSTALLER, GOOD), None),
        (STRANGERS, STRANGERS, PlantedPolicyError),
        (USUAL, STRANGERS, PlantedPolicyError),
        (STRANGERS, ADMINS, PlantedPolicyError),
        (USUAL, DENIED, PlantedPolicyError),
        (DENIED, DENIED, PlantedPolicyError),
        (ADMINS, DENIED, PermissionError),
        (ADMINS, FileAccess(ADMINISTRATORS, (*GOOD, (USERS, 0x2))), ConfigError),
        (ADMINS, FileAccess(ADMINISTRATORS, (*GOOD, (USERS, 0x40000))), ConfigError),
        (ADMINS, FileAccess(ADMINISTRATORS, None), ConfigError),
        (FileAccess(ADMINISTRATORS, (*GOOD, (USERS, 0x40))), ADMINS, ConfigError),
        (FileAccess(ADMINISTRATORS, (*GOOD, (USERS, 0x10000))), ADMINS, ConfigError),
    ],
)
def test_whose_it_is(
    folder: FileAccess | OSError, file: FileAccess | OSError, verdict: type[Exception] | None
) -> None:
    files = FakeAccess({FILE.parent: folder, FILE: file})
    if verdict is None:
        check_policy_file(FILE, files)
    else:
        with pytest.raises(verdict):
            check_policy_file(FILE, files)


@pytest.mark.parametrize("link", [FILE, FILE.parent])
@pytest.mark.parametrize(
    ("access", "verdict"), [(STRANGERS, PlantedPolicyError), (ADMINS, ConfigError)]
)
def test_a_link_is_never_followed_wherever_it_leads(
    link: Path, access: FileAccess, verdict: type[Exception]
) -> None:
    table: dict[Path, FileAccess | OSError] = {FILE.parent: ADMINS, FILE: ADMINS, link: access}
    with pytest.raises(verdict, match=r"no administrator|a link"):
        check_policy_file(FILE, FakeAccess(table, {link}))


@pytest.mark.parametrize("folder", [{}, {FILE.parent: STRANGERS}, {FILE.parent: ADMINS}])
def test_without_a_file_there_is_no_policy(folder: dict[Path, FileAccess | OSError]) -> None:
    with pytest.raises(FileNotFoundError):
        check_policy_file(FILE, FakeAccess(folder))


@pytest.mark.parametrize("text", ['allowed = ["https://evil.example"]', "broken ="])
def test_a_planted_policy_neither_weakens_nor_stops_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    place = tmp_path / "policy.toml"
    place.write_text(text)
    files = FakeAccess({tmp_path: USUAL, place: STRANGERS})
    monkeypatch.setattr(policy, "system_path", lambda: place)
    monkeypatch.setattr(policy, "check_policy_file", lambda path: check_policy_file(path, files))
    found = Policy.of_this_computer(tmp_path / "stand-in.toml")
    assert found.decision(Origin.parse_any("https://evil.example")) is Ruling.SILENT
    assert (found.problem, found.source) == (None, None)
    told = list(check_policy(InstalledAgent(paths=Paths(tmp_path), policy=found)))
    assert [each.code for each in told] == ["policy_planted", "policy_none"]
    assert STRANGER in told[0].facts["detail"]


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="gives folders to another user"
)
@pytest.mark.parametrize("level", ["etc", "etc/ankong"])
@pytest.mark.parametrize(("owner", "mode"), [(65534, 0o755), (0, 0o777)])
def test_every_folder_above_the_file_counts(
    tmp_path: Path, level: str, owner: int, mode: int
) -> None:
    place = tmp_path / "etc" / "ankong" / "policy.toml"
    place.parent.mkdir(parents=True)
    place.write_text("page_pin = false")
    assert Policy.load(place, administrators_only=True).problem is None
    folder = tmp_path / level
    os.chown(folder, owner, -1)
    folder.chmod(mode)
    assert str(folder) in (Policy.load(place, administrators_only=True).problem or "")
