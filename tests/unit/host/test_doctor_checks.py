"""The doctor's single checks, on computers that are made up; its words, and its repairs."""

import json
import os
import plistlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.doctor import browsers, examination
from agent.doctor.asking import read_status
from agent.doctor.card_survey import CardSurvey
from agent.doctor.cards import check_readers
from agent.doctor.files import check_policy
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.repairs import RepairError, repair
from agent.doctor.report import Level
from agent.errors import BadRequestError
from agent.host.browser_policy import policy_places
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.settings.policy import Policy
from agent.host.tls.machine import Completed
from agent.host.tls.places import Standing
from agent.host.tls.store import OBSTACLES, Presence
from agent.host.update.status import UpdateChecking, VersionAge
from agent.signing.model import CardPresence, ReaderView, Snapshot
from agent.words import Language, load
from tests.unit.host.conftest import MachineFactory, Tools

# The smart-card side, as far as it needs no card.


def surveyed(
    readers: Sequence[ReaderView], *, virtual: bool, service_available: bool
) -> CardSurvey:
    snapshot = Snapshot(service_available=service_available, readers=tuple(readers))
    return CardSurvey(virtual=virtual, snapshot=snapshot)


def examined(machine: Any, cards: CardSurvey, folder: Path) -> dict[str, Level]:
    installation = InstalledAgent(paths=Paths(folder), machine=machine, cards=cards)
    return {finding.code: finding.level for finding in examination.examine(installation).findings}


def test_a_service_that_is_not_installed_is_not_called_stopped(
    make_machine: MachineFactory, tools: Tools, tmp_path: Path
) -> None:
    gone = surveyed([], virtual=False, service_available=False)
    found = examined(make_machine(find=tools.find), gone, tmp_path / "s")
    assert found["service_not_installed"] is Level.FAULT
    tools.answers["pcscd"] = lambda _: Completed(0)
    found = examined(make_machine(find=tools.find), gone, tmp_path / "s")
    assert found["service_down"] is Level.FAULT
    assert "reader_none" not in found  # one thing at a time


def test_a_missing_driver_explains_a_missing_reader(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    machine = make_machine()
    alone = surveyed([], virtual=False, service_available=True)
    assert examined(machine, alone, tmp_path / "s")["driver_missing"] is Level.FAULT
    other = surveyed([ReaderView("x", CardPresence.EMPTY)], virtual=False, service_available=True)
    assert examined(machine, other, tmp_path / "s")["driver_missing"] is Level.NOTE
    (machine.root / "usr/lib/pcsc/drivers/ifd-ccid.bundle").mkdir(parents=True)
    assert "driver_ok" in examined(machine, alone, tmp_path / "s")


def test_a_foreign_card_beside_a_good_one_is_no_fault(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    readers = [
        ReaderView("a", CardPresence.CARD, generation="gen2", attempts_left=3),
        ReaderView("b", CardPresence.UNSUPPORTED),
        ReaderView("c", CardPresence.MUTE),
    ]
    cards = surveyed(readers, virtual=True, service_available=True)
    found = examined(make_machine(), cards, tmp_path / "s")
    assert (found["card_unsupported"], found["card_mute"]) == (Level.NOTE, Level.NOTE)


def test_a_keypad_that_no_card_here_can_use_is_explained(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    reader = ReaderView("Pad", CardPresence.CARD, generation="gen2", keypad=True)
    cards = surveyed([reader], virtual=True, service_available=True)
    installation = InstalledAgent(paths=Paths(tmp_path / "s"), machine=make_machine(), cards=cards)
    (found,) = [each for each in check_readers(installation) if each.code == "reader_keypad"]
    assert found.level is Level.NOTE
    assert "PIN 碼請在電腦上輸入" in found.message(Language.CHINESE)
    assert "typed on the computer" in found.message(Language.ENGLISH)


def test_a_locked_card_is_said_to_be(make_machine: MachineFactory, tmp_path: Path) -> None:
    locked = ReaderView("a", CardPresence.CARD, generation="gen1", attempts_left=0)
    cards = surveyed([locked], virtual=True, service_available=True)
    assert examined(make_machine(), cards, tmp_path / "s")["card_locked"] is Level.FAULT


# Browsers' policies.


@pytest.mark.parametrize(
    ("policy", "code", "level"),
    [
        ({"LoopbackNetworkBlockedForUrls": ["*"]}, "browser_blocks", Level.FAULT),
        ({"LocalNetworkAccessBlockedForUrls": ["https://*"]}, "browser_blocks", Level.FAULT),
        (
            {"LocalNetworkAccessBlockedForUrls": ["https://a.example"]},
            "browser_blocks_some",
            Level.NOTE,
        ),
        ({"LocalNetworkAccessAllowedForUrls": ["*"]}, "browser_opens", Level.FAULT),
        ({"LocalNetworkAccessAllowedForUrls": ["https://a.example"]}, "browser_ok", Level.OK),
        ({"LoopbackNetworkBlockedForUrls": []}, "browser_ok", Level.OK),
        ("not a policy", "browser_policy_unreadable", Level.NOTE),
    ],
)
@pytest.mark.parametrize(
    ("platform", "file"),
    [
        ("linux", "etc/chromium/policies/managed/lna.json"),
        ("linux", "etc/opt/chrome/policies/managed/a.json"),
        ("darwin", "Library/Managed Preferences/com.google.Chrome.plist"),
    ],
)
def test_policies_that_keep_pages_away_are_found(  # noqa: PLR0917  # two tables at once
    make_machine: MachineFactory,
    tmp_path: Path,
    policy: Any,
    code: str,
    level: Level,
    platform: str,
    file: str,
) -> None:
    machine = make_machine(platform=platform)
    path = machine.root / file
    path.parent.mkdir(parents=True)
    path.write_bytes(
        json.dumps(policy).encode() if file.endswith("json") else plistlib.dumps(policy)
    )
    installation = InstalledAgent(paths=Paths(tmp_path / "s"), machine=machine)
    found = {each.code: each.level for each in browsers.check_browsers(installation)}
    assert found[code] is level


def codes_for_policy(machine: Any, folder: Path, file: str, content: bytes) -> list[str]:
    path = machine.root / file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    installation = InstalledAgent(paths=Paths(folder), machine=machine)
    return [finding.code for finding in browsers.check_browsers(installation)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'\xef\xbb\xbf{"LoopbackNetworkBlockedForUrls": ["*"]}', "browser_blocks"),
        # Chromium takes the last of two.
        (
            b'{"LoopbackNetworkBlockedForUrls": [], "LoopbackNetworkBlockedForUrls": ["*"]}',
            "browser_blocks",
        ),
        (b'{"LoopbackNetworkBlockedForUrls": [7, null, "*"]}', "browser_blocks"),
        (b'{"LoopbackNetworkBlockedForUrls": "*"}', "browser_ok"),  # which Chromium ignores
        (b"\xef\xbb\xbf" * 2 + b"{}", "browser_policy_unreadable"),
        (b'{"a": NaN}', "browser_policy_unreadable"),
        (b'{"a": ' + b"9" * 5000 + b"}", "browser_policy_unreadable"),
        (b'{"a": "\xff"}', "browser_policy_unreadable"),
        (b'{"a": ' + b"[" * 100_000, "browser_policy_unreadable"),
        (b"{}" + b" " * 1024 * 1024, "browser_policy_unreadable"),
        (b"[]", "browser_policy_unreadable"),
        (b"", "browser_policy_unreadable"),
    ],
)
def test_a_policy_file_may_hold_anything(
    make_machine: MachineFactory, tmp_path: Path, content: bytes, code: str
) -> None:
    file = "etc/opt/edge/policies/managed/a.json"
    assert codes_for_policy(make_machine(), tmp_path / "s", file, content)[0] == code


@pytest.mark.parametrize(
    "content",
    [
        b"<plist><date>soon</date></plist>",
        b"<plist><key>a</key></plist>",
        b'<?xml version="1.0" encoding="nonsense"?><plist/>',
        b"<plist/>",
        b"bplist00" + b"\0" * 40,
        b"",
    ],
)
def test_a_property_list_may_hold_anything(
    make_machine: MachineFactory, tmp_path: Path, content: bytes
) -> None:
    file = "Library/Managed Preferences/com.microsoft.Edge.plist"
    codes = codes_for_policy(make_machine(platform="darwin"), tmp_path / "s", file, content)
    assert codes[0] == "browser_policy_unreadable"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
@pytest.mark.timeout(20)
def test_a_policy_file_that_is_a_pipe_is_not_waited_for(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    machine = make_machine()
    folder = machine.root / "etc/chromium/policies/managed"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "a.json")
    installation = InstalledAgent(paths=Paths(tmp_path / "s"), machine=machine)
    first, *_ = browsers.check_browsers(installation)
    assert first.code == "browser_policy_unreadable"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"product": "ankong", "version": "1.0"}', True),
        (b'{"product": "other"}', False),
        (b'{"product": "other", "product": "ankong"}', False),
        (b'{"product": ["ankong"]}', False),
        (b'{"product": "ankong", "load": NaN}', False),
        (b'{"product": "ankong"}' + b" " * 64 * 1024, False),
        (b'{"product": "ankong", "more": ' + b"[" * 30_000, False),
        (b"[]", False),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_only_an_agent_answers_like_one(body: bytes, expected: bool) -> None:
    assert (read_status(body) is not None) is expected


class Registry:
    """The part of ``winreg`` that is used."""

    HKEY_LOCAL_MACHINE = 2

    def __init__(self, keys: dict[str, list[str]]) -> None:
        self.keys = keys

    def OpenKey(self, root: int, key: str) -> Any:  # noqa: N802  # winreg's own name
        assert root == 2
        if key not in self.keys:
            raise FileNotFoundError(2, "no such key")
        values = self.keys[key]

        class Opened:
            def __enter__(self) -> list[str]:
                return values

            def __exit__(self, *_: object) -> None:
                pass

        return Opened()

    def EnumValue(self, opened: list[str], index: int) -> tuple[str, str, int]:  # noqa: N802  # likewise
        if index >= len(opened):
            raise OSError(259, "no more data")
        return str(index + 1), opened[index], 1


def test_windows_keeps_the_same_policies_in_its_registry() -> None:
    key = r"SOFTWARE\Policies\Google\Chrome"
    registry = Registry({rf"{key}\LoopbackNetworkBlockedForUrls": ["*", "https://a.example"]})
    found = policy_places.read_registry(key, registry)
    assert found == {"LoopbackNetworkBlockedForUrls": ["*", "https://a.example"]}
    assert policy_places.read_registry(r"SOFTWARE\Policies\Microsoft\Edge", registry) == {}


# Words, repairs, and checks that fail themselves.


def test_every_code_has_words_and_every_word_a_code() -> None:
    folder = Path(examination.__file__).parent
    source = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    used = set(re.findall(r'(?:ok|note|fault|foreign|unfit)\(\s*"\w+",\s*"(\w+)"', source))
    used |= set(re.findall(r'_held\(\w+, "(\w+)"', source))
    used |= set(
        re.findall(r'"(browser_blocks\w*|check_failed|trust_optional|trust_not_yet)"', source)
    )
    used |= {f"trust_{presence}" for presence in (Presence.UNREADABLE, *OBSTACLES)}
    # The other standings are said otherwise.
    used |= {
        f"tls_shared_{each}" for each in (Standing.OPEN, Standing.UNREADABLE, Standing.INCOMPLETE)
    }
    spoken = {key for key in load(Language.ENGLISH) if key.startswith("doctor.")}
    assert {f"doctor.{code}" for code in used} == spoken


@pytest.mark.parametrize("why", [*UpdateChecking, VersionAge.UNKNOWN])
def test_the_panel_says_as_the_doctor_why_no_newer_version_is_known(why: str) -> None:
    key = f"update.{why}"
    assert (key in load(Language.ENGLISH)) == (why is not UpdateChecking.ON)


def test_a_check_that_fails_does_not_silence_the_others(
    tmp_path: Path, make_machine: MachineFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_nothing(_: InstalledAgent) -> list[Any]:
        raise ZeroDivisionError

    checks = (check_nothing, *examination.CHECKS)
    monkeypatch.setattr(examination, "CHECKS", checks)
    report = examination.examine(
        InstalledAgent(paths=Paths(tmp_path / "s"), machine=make_machine())
    )
    assert not report.clean
    assert report.findings[0].facts == {"name": "nothing", "detail": "ZeroDivisionError"}
    assert len(report.findings) > 5


def test_a_repair_that_there_is_not_or_that_fails_says_so(
    tmp_path: Path, make_machine: MachineFactory, tools: Tools
) -> None:
    installation = InstalledAgent(
        paths=Paths(tmp_path / "s"), machine=make_machine(find=tools.find)
    )
    with pytest.raises(BadRequestError, match="renew_tls"):
        repair("magic", installation)
    with pytest.raises(RepairError, match="set_config_aside"):
        repair("set_config_aside", installation)
    with pytest.raises(RepairError, match="systemctl"):
        repair("start_service", installation)
    tools.answers["systemctl"] = lambda arguments: Completed(
        0 if list(arguments) == ["--no-ask-password", "start", "pcscd.socket"] else 1
    )
    machine = make_machine(find=tools.find, run=tools.run)
    repair("start_service", InstalledAgent(paths=Paths(tmp_path / "s"), machine=machine))
    tools.answers["systemctl"] = lambda _: Completed(1, b"", "access denied")
    with pytest.raises(RepairError, match="access denied"):
        repair("start_service", InstalledAgent(paths=Paths(tmp_path / "s"), machine=machine))


def test_a_policy_that_changed_after_the_start_is_told(tmp_path: Path) -> None:
    """One that was mended too: the agent goes on refusing every site."""
    paths = Paths(tmp_path / "s")
    paths.prepare()
    file = tmp_path / "policy.toml"

    def read(text: str) -> Policy:
        file.write_text(text)
        return Policy.load(file, administrators_only=False)

    broken, mended = read("page_pin ="), read("page_pin = false")
    assert mended.fingerprint == read("# the same\npage_pin=false").fingerprint
    for at_start, now, told in (
        (broken, mended, True),
        (mended, read("page_pin = true"), True),
        (mended, Policy(), True),
        (mended, mended, False),
    ):
        with Instance(paths, at_start.fingerprint):
            found = [each.code for each in check_policy(InstalledAgent(paths=paths, policy=now))]
        assert ("policy_changed" in found) == told
    with Instance(paths):  # an older agent does not say what it has
        assert [each.code for each in check_policy(InstalledAgent(paths=paths))] == ["policy_none"]
    ended = check_policy(InstalledAgent(paths=paths, policy=mended))
    assert [each.code for each in ended] == ["policy_ok"]
