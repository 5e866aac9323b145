"""The doctor's single checks, on computers that are made up; its words, and its repairs."""

import json
import os
import plistlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.doctor import browsers, examination
from agent.doctor.card_survey import CardSurvey
from agent.doctor.cards import check_readers
from agent.doctor.files import check_policy
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.network import check_agent, check_jrsys_ports, check_ports, is_status
from agent.doctor.repairs import RepairError, repair
from agent.doctor.report import Level
from agent.errors import BadRequestError
from agent.host.instance.running import Instance
from agent.host.machine.paths import Paths
from agent.host.settings import config
from agent.host.settings.policy import Policy
from agent.host.tls.machine import Completed
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
        ({"LocalNetworkAccessAllowedForUrls": ["*"]}, "browser_ok", Level.OK),
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
    assert is_status(body) is expected


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
    found = browsers.read_registry(key, registry)
    assert found == {"LoopbackNetworkBlockedForUrls": ["*", "https://a.example"]}
    assert browsers.read_registry(r"SOFTWARE\Policies\Microsoft\Edge", registry) == {}


# Words, repairs, and checks that fail themselves.


def test_every_code_has_words_and_every_word_a_code() -> None:
    folder = Path(examination.__file__).parent
    source = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    used = set(re.findall(r'(?:ok|note|fault|foreign)\(\s*"\w+",\s*"(\w+)"', source))
    used |= set(re.findall(r'"(browser_blocks\w*|check_failed)"', source))
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


def port_findings(folder: Path, **announced: Any) -> dict[str, Any]:
    paths = Paths(folder)
    paths.prepare()
    with Instance(paths) as running:
        running.announce(**announced)
        found = list(check_ports(InstalledAgent(paths=paths)))
    return {f"{each.facts['port']} {each.code}": each for each in found}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port: int = other.getsockname()[1]
    return port


def test_a_free_port_that_the_running_agent_lacks_is_a_fault(tmp_path: Path) -> None:
    port = free_port()
    found = port_findings(tmp_path / "s", port=28443, provider="pcsc", missing=(port,))
    assert found[f"{port} port_missing"].level is Level.FAULT
    assert f"{port} port_ok" not in found


def test_a_taken_port_that_the_running_agent_lacks_is_named_with_its_program(
    tmp_path: Path, taken_port: int
) -> None:
    found = port_findings(tmp_path / "s", port=28443, provider="pcsc", missing=(taken_port,))
    assert f"pid {os.getpid()}" in found[f"{taken_port} port_taken"].facts["owner"]


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


def test_an_agent_without_any_port_is_a_fault_that_names_who_has_them(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "NATIVE_PORTS", (taken_port,))
    paths = Paths(tmp_path / "s")
    paths.prepare()
    with Instance(paths) as running, socket.create_server(("127.0.0.1", 0)) as plain:
        own = plain.getsockname()[1]
        running.announce(hipki_port=own, provider="pcsc", missing=(taken_port,))
        installation = InstalledAgent(paths=paths)
        (agent,) = check_agent(installation)
        ports = {each.facts["port"]: each for each in check_ports(installation)}
    assert (agent.code, agent.level) == ("agent_no_port", Level.FAULT)
    assert ports[str(taken_port)].level is Level.FAULT
    assert f"pid {os.getpid()}" in ports[str(taken_port)].facts["owner"]
    assert ports[str(own)].code == "port_used_by_agent"  # not a stranger's


def test_the_ports_that_the_agent_took_later_are_its_own(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "NATIVE_PORTS", (taken_port, 28444))
    found = port_findings(
        tmp_path / "s", port=28444, provider="pcsc", hipki_port=61161, also=(taken_port,)
    )
    assert f"{taken_port} port_used_by_agent" in found
    assert "61161 port_used_by_agent" in found


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="starts another user's server"
)
def test_another_users_server_is_said_to_be_that(tmp_path: Path) -> None:
    serve = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", serve],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=65534,
        cwd="/",
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        found = port_findings(tmp_path / "s", port=28443, provider="pcsc", missing=(port,))
        other.communicate()
    finding = found[f"{port} port_of_another_user"]
    assert finding.facts["user"] == "nobody"
    assert "PIN" in finding.message(Language.CHINESE)


def lacks(port: int) -> dict[str, tuple[int, ...]]:
    return {"missing": (port,), "jrsys_missing": (port,)}


def jrsys_findings(folder: Path, config_text: str, **announced: Any) -> dict[str, Any]:
    paths = Paths(folder)
    paths.prepare()
    paths.config.write_text(config_text)
    with Instance(paths) as running:
        running.announce(port=28443, provider="pcsc", **announced)
        return {each.code: each for each in check_jrsys_ports(InstalledAgent(paths=paths))}


def test_who_has_a_port_of_jrsys_pages_is_named_and_may_stay(
    tmp_path: Path, taken_port: int
) -> None:
    wanted = f"jrsys_ports = [{taken_port}, 17022]\njrsys_tls_ports = []"
    found = jrsys_findings(tmp_path / "s", wanted, jrsys_ports=(17022,), **lacks(taken_port))
    assert found["jrsys_ports"].facts == {"ports": "17022"}
    assert found["jrsys_port_taken"].level is Level.NOTE
    assert found["jrsys_port_taken"].facts["port"] == str(taken_port)
    assert f"pid {os.getpid()}" in found["jrsys_port_taken"].facts["owner"]
    assert (
        port_findings(tmp_path / "s", port=28443, **lacks(taken_port))
        .keys()
        .isdisjoint({f"{taken_port} port_taken", f"{taken_port} port_missing"})
    )


def test_a_free_port_of_jrsys_pages_that_the_agent_lacks_is_a_fault(tmp_path: Path) -> None:
    port = free_port()
    wanted = f"jrsys_ports = [{port}]\njrsys_tls_ports = []"
    found = jrsys_findings(tmp_path / "s", wanted, **lacks(port))
    assert found["port_missing"].level is Level.FAULT


def test_without_ports_of_jrsys_pages_nothing_is_said_of_them(
    tmp_path: Path, taken_port: int
) -> None:
    assert jrsys_findings(tmp_path / "s", f"jrsys = false\njrsys_ports = [{taken_port}]") == {}


def test_jrsys_pages_are_given_up_in_the_settings_until_the_agent_is_started_again(
    tmp_path: Path, taken_port: int
) -> None:
    """Whoever does what the doctor said is not told of a fault by it."""
    folder, announced = tmp_path / "s", {"jrsys_ports": (17022,), **lacks(taken_port)}
    found = jrsys_findings(folder, "jrsys = false", **announced)
    assert set(found) == {"jrsys_ports", "jrsys_port_taken", "jrsys_ports_changed"}
    assert all(each.level is not Level.FAULT for each in found.values())
    others = port_findings(folder, port=28443, provider="pcsc", hipki_port=61161, **announced)
    assert others.keys().isdisjoint({f"{taken_port} port_taken", f"{taken_port} port_missing"})


@pytest.mark.parametrize(
    ("started_with", "changed"),
    [
        ({"hipki_port": 61161, "jrsys_ports": (17022, 17522, 17040, 17540)}, False),
        ({"missing": (61161, 17022), "jrsys_ports": (17522, 17040, 17540)}, True),
        ({"hipki_port": 61161, "jrsys_ports": (17022,)}, True),
        ({"hipki_port": 4000}, False),  # a flag's: it stands beside another agent
    ],
)
def test_what_the_settings_say_is_held_against_what_the_agent_has(
    tmp_path: Path, started_with: dict[str, Any], changed: bool
) -> None:
    found = jrsys_findings(tmp_path / "s", "", **started_with)
    assert ("jrsys_ports_changed" in found) == changed


def test_an_agent_that_does_not_run_yet_would_meet_another_program(
    tmp_path: Path, taken_port: int
) -> None:
    paths = Paths(tmp_path / "s")
    paths.prepare()
    paths.config.write_text(f"jrsys_ports = [{taken_port}, {free_port()}]\njrsys_tls_ports = []")
    (finding,) = check_jrsys_ports(InstalledAgent(paths=paths))
    assert (finding.code, finding.facts["port"]) == ("jrsys_port_taken", str(taken_port))
