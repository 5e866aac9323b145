"""``ankong policy check`` and ``explain``, and what ``show`` and the doctor say of two sources."""

import json
import os
import plistlib
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.cli import run
from agent.commands import policy_check
from agent.commands.tongue import CHOOSING
from agent.doctor.files import check_policy
from agent.doctor.installed_agent import InstalledAgent
from agent.host.machine.paths import Paths
from agent.host.settings import managed_policy
from agent.host.settings import policy as policy_module
from agent.host.settings.managed_policy import REGISTRY_SOURCE
from agent.host.settings.policy import Policy
from agent.host.settings.policy_rules import RULES
from tests.unit.host.policy_support import DWORD, SZ, registry

ROOT = Path(__file__).resolve().parents[3]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOOSING, "en")


def said(capsys: Captured, *words: str) -> tuple[int, str]:
    status = run(["policy", *words])
    return status, capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "status", "told"),
    [
        ("a.toml", b"page_pin = false", 0, "This makes a policy"),
        ("a.toml", b"page_pin = 0", 1, "cannot be 0; expected: true or false"),
        ("a.toml", b"pagepin = false", 1, "probably \u201cpage_pin\u201d is meant"),
        ("a.toml", b'allowed = ["https://*.tw"]', 0, "Broad: \u201chttps://*.tw\u201d"),
        ("a.toml", b'allowed = ["https://*.co.uk"]', 0, "Broad"),
        ("a.toml", b'blind_origins = ["http://*.intranet"]', 0, "Broad"),
        ("a.toml", b'minimum_version = "99.0"', 1, "for version 99.0 or newer"),
        ("a.toml", b'consent_text = "\xff"', 1, "this is no TOML"),
        ("a.plist", plistlib.dumps({"page_pin": False}), 0, "This makes a policy"),
        ("a.plist", plistlib.dumps({"page_pin": 0}), 1, "cannot be 0"),
        ("a.plist", plistlib.dumps({"later": 0}), 0, "does not know it: later"),
        ("a.plist", b"page_pin = false", 1, "no property list"),
        ("a.mobileconfig", plistlib.dumps({"page_pin": False}), 1, "exactly one payload"),
        ("a.mobileconfig", plistlib.dumps({"PayloadContent": "x"}), 1, "exactly one payload"),
    ],
)
def test_a_file_is_judged_before_it_is_in_its_place(  # noqa: PLR0917  # one column each
    tmp_path: Path, capsys: Captured, name: str, content: bytes, status: int, told: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found, out = said(capsys, "check", str(path))
    assert (found, told in out) == (status, True), out
    found, out = said(capsys, "check", str(path), "--json")
    assert (found, json.loads(out)["usable"]) == (status, status == 0)


@pytest.mark.skipif(sys.platform == "win32", reason="of modes")
def test_what_was_judged_is_put_in_its_place(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, given = tmp_path / "etc" / "ankong" / "policy.toml", tmp_path / "given"
    for module in (policy_module, policy_check):
        monkeypatch.setattr(module, "system_path", lambda: place)
    given.write_bytes(b"page_pin = false\r\n# \xe6\x94\xbf\xe7\xad\x96")
    before = os.umask(0o077)
    try:
        status, out = said(capsys, "check", "--put", str(given))
    finally:
        os.umask(before)
    assert (status, str(place) in out) == (0, True), out
    assert place.read_bytes() == given.read_bytes()
    assert stat.S_IMODE(place.stat().st_mode) == 0o644, "every user's agent reads it"
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o755
    given.write_text("page_pin = 0")
    status, out = said(capsys, "check", "--put", str(given), "--json")
    assert (status, json.loads(out)["put"]) == (1, None)
    assert place.read_bytes().startswith(b"page_pin = false"), "a bad one changes nothing"


def test_what_is_put_there_is_read_as_toml_whatever_it_is_called(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, given = tmp_path / "policy.toml", tmp_path / "given.plist"
    monkeypatch.setattr(policy_check, "system_path", lambda: place)
    given.write_bytes(plistlib.dumps({"page_pin": False}))
    assert said(capsys, "check", str(given))[0] == 0
    assert said(capsys, "check", "--put", str(given))[0] == 1
    assert not place.exists()


@pytest.mark.parametrize("pattern", ["https://*.agency.gov.tw", "https://portal.gov.tw"])
def test_what_one_owner_has_is_not_broad(tmp_path: Path, capsys: Captured, pattern: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(f'allowed = ["{pattern}"]\nforbidden = ["https://*.tw"]')
    assert "Broad" not in said(capsys, "check", str(path))[1]


@pytest.mark.parametrize("file", ["linux/policy/policy.toml", "macos/policy/Ankong.mobileconfig"])
def test_our_templates_are_good(capsys: Captured, file: str) -> None:
    status, out = said(capsys, "check", str(ROOT / "installer" / file), "--json")
    assert (status, json.loads(out)["unknown"]) == (0, [])


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: Captured) -> None:
    assert run(["policy", "check", str(tmp_path / "none.toml")]) == 1
    assert "none.toml" in capsys.readouterr().err


def test_each_rule_is_explained(capsys: Captured) -> None:
    status, out = said(capsys, "explain")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [rule.name for rule in RULES]
    told: dict[str, Any] = json.loads(said(capsys, "explain", "--json")[1])
    for rule, row in zip(RULES, told["rules"], strict=True):
        assert row["name"] == rule.name
        status, out = said(capsys, "explain", rule.name)
        assert status == 0
        assert f"{rule.name}: {row['title']}" in out
        assert f"policy.toml: {rule.name} = " in out
        assert row["registry"] in out


@pytest.mark.parametrize(
    ("name", "told"), [("alowed", "probably \u201callowed\u201d is meant"), ("x", "no rule")]
)
def test_a_rule_that_there_is_not_is_told(capsys: Captured, name: str, told: str) -> None:
    assert run(["policy", "explain", name]) == 1
    assert told in capsys.readouterr().err


def test_show_and_doctor_say_which_source_counts_and_what_it_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("last_try = false")
    monkeypatch.setattr(policy_module, "system_path", lambda: file)
    monkeypatch.setattr(policy_module, "check_policy_file", lambda path: path.stat())
    keys = registry(
        {"page_pin": (0, DWORD), "later": (1, DWORD)}, allowed={"1": ("https://*.tw", SZ)}
    )
    monkeypatch.setattr(managed_policy, "open_registry", lambda: keys)
    state = ["--state-dir", str(tmp_path / "state")]
    status, out = said(capsys, "show", *state)
    assert status == 0
    for part in (str(REGISTRY_SOURCE), f"stronger: {file}", "know it: later", "Broad"):
        assert part in out
    told = json.loads(said(capsys, "show", "--json", *state)[1])
    assert told["policy"]["path"] == str(REGISTRY_SOURCE)
    assert (told["policy"]["hidden"], told["policy"]["unknown"]) == (str(file), ["later"])
    assert told["settings"]["last_try"]["value"] is True
    agent = InstalledAgent(paths=Paths(tmp_path / "state"), policy=Policy.of_this_computer())
    found = {each.code: each for each in check_policy(agent)}
    assert list(found) == ["policy_hidden", "policy_unknown", "policy_broad", "policy_ok"]
    assert found["policy_hidden"].facts["path"] == str(file)
