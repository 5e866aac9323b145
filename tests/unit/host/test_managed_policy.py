"""What group policies and profiles lay down means the same as the file, and is as strong alone."""

import plistlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import __version__
from agent.host.settings import config, managed_policy, policy, profile_policy, registry_policy
from agent.host.settings.config import ConfigError, Settings
from agent.host.settings.managed_policy import REGISTRY_SOURCE, ManagedTable
from agent.host.settings.policy import Policy, Ruling
from agent.origin import Origin
from tests.unit.host.policy_support import (
    BINARY,
    DWORD,
    EXPAND_SZ,
    MULTI_SZ,
    POLICIES,
    QWORD,
    SZ,
    LocalMachine,
    in_profile,
    in_registry,
    in_toml,
    registry,
)

SITE = Origin.parse("https://portal.example")
PLACE = Path("here")


def of_registry(found: LocalMachine, monkeypatch: pytest.MonkeyPatch) -> Policy:
    monkeypatch.setattr(managed_policy, "open_registry", lambda: found)
    return Policy.of_this_computer()


@pytest.fixture(autouse=True)
def _no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "system_path", lambda: tmp_path / "policy.toml")
    monkeypatch.setattr(policy, "check_policy_file", lambda path: path.stat())
    monkeypatch.setattr(profile_policy, "check_policy_file", lambda path: path.stat())


def decided(found: Policy) -> tuple[object, ...]:
    assert found.problem is None, found.problem
    return found.rules, found.fleet, dict(found.locked), found.fingerprint


def of_content(content: bytes) -> ManagedTable | None:
    return profile_policy.sorted_out(PLACE, profile_policy.parsed(PLACE, content))


def of_table(found: ManagedTable | None) -> Policy:
    return Policy() if found is None else Policy.managed(found)


@settings(max_examples=60, deadline=None)
@given(POLICIES, st.booleans())
def test_every_spelling_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, Any], binary: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "spelled.toml"
    path.write_text(in_toml(table), "utf-8")
    file = decided(Policy.load(path, administrators_only=False))
    assert decided(of_table(registry_policy.read(in_registry(table)))) == file
    profile = of_content(in_profile(table, binary=binary))
    assert decided(of_table(profile)) == file


def test_names_are_read_in_any_case_and_lists_in_the_order_of_their_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries = {str(at): (f"https://s{at}.example", SZ) for at in (10, 9, 1, 2)}
    keys = registry({"Page_PIN": (0, DWORD)}, ALLOWED=entries)
    found = of_registry(keys, monkeypatch)
    assert found.problem is None
    assert found.locked == {"page_pin": False}
    assert found.rules.allowed == tuple(f"https://s{at}.example" for at in (1, 2, 9, 10))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"page_pin": ("0", SZ)}, "REG_SZ '0'; expected: REG_DWORD 0 or 1"),
        ({"page_pin": (2, DWORD)}, "REG_DWORD 2; expected: REG_DWORD 0 or 1"),
        ({"page_pin": (1, QWORD)}, "REG_QWORD"),
        ({"port": ("80", SZ)}, "REG_DWORD from 0 to 65535"),
        ({"port": (70000, DWORD)}, "expected: a whole number from 0 to 65535"),
        ({"consent_text": (1, DWORD)}, "REG_DWORD 1; expected: text (REG_SZ)"),
        ({"consent_text": ("%PATH%", EXPAND_SZ)}, "REG_EXPAND_SZ"),
        ({"consent_text": (b"abc", BINARY)}, "REG_BINARY"),
        ({"consent_text": ("x" * 81, SZ)}, "at most 80 characters in one line"),
        ({"consent_text": ("x" * 10_000_000, SZ)}, "“consent_text” cannot be"),
        ({"consent_text": ("a\0b", SZ)}, "nobody can see"),
        ({"consent_text": ("a\u202eb", SZ)}, "nobody can see"),
        ({"consent_text": ("a\ud800b", SZ)}, "“consent_text” cannot be REG_SZ 'a\ufffdb'"),
        ({"consent_text": ("a\nb", SZ)}, "nobody can see"),
        ({"allowed": (["https://a.example"], MULTI_SZ)}, "REG_MULTI_SZ; expected: a key allowed"),
        ({"allowed": ("https://a.example", SZ)}, "a key allowed"),
        ({"log_level": ("loud", SZ)}, 'expected: one of "debug"'),
        ({"other_sites": (0, DWORD)}, "expected: text (REG_SZ)"),
        ({"minimum_version": ("new", SZ)}, "“minimum_version” cannot be 'new'"),
        ({"minimum_version": ("0.1.0\n", SZ)}, "“minimum_version” cannot be"),
        ({"minimum_version": ("99.0", SZ)}, f"for version 99.0 or newer; this is {__version__}"),
        ({"minimum_version": ("99.0", SZ), "log_level": ("loud", SZ)}, "for version 99.0"),
        ({"page_pin": (0, DWORD), "port": (None, 99)}, "“port” cannot be 99"),
        ({f"x{at}": (1, DWORD) for at in range(1001)}, "more than 1000 names"),
    ],
)
def test_a_bad_value_of_a_known_rule_refuses_everybody(
    monkeypatch: pytest.MonkeyPatch, values: Any, said: str
) -> None:
    wrong = of_registry(registry(values), monkeypatch)
    assert said in (wrong.problem or "")
    assert len(wrong.problem or "") < 1000
    assert str(REGISTRY_SOURCE) in (wrong.problem or "")
    assert_closed(wrong)


@pytest.mark.parametrize(
    "entries",
    [
        {"1": ("https://*", SZ)},
        {"1": (1, DWORD)},
        {"1": ("https://a.example\0", SZ)},
        {"1": (["https://a.example"], MULTI_SZ)},
        {str(at): (f"https://s{at}.example", SZ) for at in range(1001)},
        {str(at): ("https://s.example", SZ) for at in range(50_000)},
        {"1": ("https://a.example", SZ), "2": ("", SZ)},
    ],
    ids=["any", "number", "nul", "multi", "1001", "50000", "empty"],
)
def test_a_bad_entry_of_a_list_refuses_everybody(
    monkeypatch: pytest.MonkeyPatch, entries: Any
) -> None:
    assert_closed(of_registry(registry({}, allowed=entries), monkeypatch))


def assert_closed(wrong: Policy) -> None:
    assert wrong.problem
    assert wrong.decision(SITE) is Ruling.FORBIDDEN
    assert wrong.blind_decision(SITE, "allow") is Ruling.FORBIDDEN
    effective = wrong.over(Settings(mca=True))
    assert (effective.page_pin, effective.mca, effective.last_try) == (False, False, False)


def test_a_key_in_the_place_of_a_value_refuses_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_closed(of_registry(registry({}, page_pin={"1": (1, DWORD)}), monkeypatch))


@pytest.mark.parametrize("error", [PermissionError(5, "denied"), OSError(1018, "marked")])
def test_a_registry_that_cannot_be_read_refuses_everybody(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    found = registry({})
    found.failure = error
    assert_closed(of_registry(found, monkeypatch))


def test_ports_may_be_texts_or_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_registry(
        registry({}, jrsys_ports={"1": ("17022", SZ), "2": (17522, DWORD)}), monkeypatch
    )
    assert found.locked["jrsys_ports"] == (17022, 17522)
    for bad in ("17022 ", "-1", "\uff11", "1e3", "99999", "9" * 4000):
        wrong = registry({}, jrsys_ports={"1": (bad, SZ)})
        assert_closed(of_registry(wrong, monkeypatch))


def test_what_group_policies_leave_behind_lays_nothing_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.toml").write_text("page_pin = false")
    for left in (registry({}), registry({}, allowed={}, update_keys={}), LocalMachine({})):
        found = of_registry(left, monkeypatch)
        assert found.source == tmp_path / "policy.toml"
        assert found.locked == {"page_pin": False}


def test_a_list_that_is_said_to_be_empty_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    stale = {"1": ("17022", SZ)}
    found = of_registry(registry({"jrsys_ports": ("none", SZ)}, jrsys_ports=stale), monkeypatch)
    assert found.locked == {"jrsys_ports": ()}
    found = of_registry(registry({"jrsys_ports": ("list", SZ)}, jrsys_ports=stale), monkeypatch)
    assert found.locked == {"jrsys_ports": (17022,)}


def test_an_unknown_rule_is_named_and_the_others_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"page_pin": (0, DWORD), "later\x1b[31m": (1, DWORD), "check_peer": (0, DWORD)}
    found = of_registry(registry(values, more={"1": ("x", SZ)}), monkeypatch)
    assert found.problem is None
    assert found.locked == {"page_pin": False}
    assert found.unknown == ("check_peer", "later\ufffd[31m", "more")


def test_thousand_unknown_names_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_registry(
        registry({f"{at}{'x' * 16_000}": (1, DWORD) for at in range(999)}), monkeypatch
    )
    assert len(found.unknown) == 20
    assert max(map(len, found.unknown)) == 40


def test_one_source_wins_whole_and_says_what_it_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('forbidden = ["https://portal.example"]\nlast_try = false')
    found = of_registry(registry({"page_pin": (0, DWORD)}), monkeypatch)
    assert (found.source, found.hidden) == (REGISTRY_SOURCE, file)
    assert found.decision(SITE) is Ruling.SILENT
    assert found.locked == {"page_pin": False}
    file.unlink()
    assert of_registry(registry({"page_pin": (0, DWORD)}), monkeypatch).hidden is None


def of_profile(
    content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes | None = None
) -> Policy:
    path = tmp_path / "org.ankong.agent.plist"
    path.write_bytes(plistlib.dumps(content) if raw is None else raw)
    monkeypatch.setattr(managed_policy, "profile_path", lambda: path)
    return Policy.of_this_computer()


def test_a_profile_is_stronger_than_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.toml").write_text("last_try = false")
    told = {"page_pin": False, "PayloadUUID": "x", "later": [1]}
    found = of_profile(told, tmp_path, monkeypatch)
    assert found.source == tmp_path / "org.ankong.agent.plist"
    assert (found.locked, found.unknown) == ({"page_pin": False}, ("later",))
    assert found.hidden == tmp_path / "policy.toml"
    for empty in ({}, {"PayloadUUID": "x"}):
        assert of_profile(empty, tmp_path, monkeypatch).locked == {"last_try": False}


@pytest.mark.parametrize(
    "content",
    [
        {"page_pin": 0},
        {"page_pin": "false"},
        {"allowed": "https://a.example"},
        {"allowed": [b"https://a.example"]},
        {"allowed": ["https://a.example"] * 1001},
        {"consent_text": b"text"},
        {"consent_text": "a\u2066b"},
        {"port": 80.0},
        {"port": 2**63},
        {"pkcs11_modules": [{"name": "A", "path": "/a.so", "more": 1}]},
        {"pkcs11_modules": {"A": "/a.so"}},
        {"minimum_version": 1},
        {"minimum_version": "99.1"},
        [],
        "text",
    ],
    ids=lambda content: str(content)[:40],
)
def test_a_bad_profile_refuses_everybody(
    content: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_closed(of_profile(content, tmp_path, monkeypatch))


_BOMB = b"""<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>
<plist version="1.0"><dict><key>consent_text</key><string>&b;</string></dict></plist>"""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"bplist00",
        _BOMB,
        b"<plist><dict><key>page_pin</key><true/>",
        b"<plist>" + b"<array>" * 100_000,
        in_profile({"page_pin": False}, binary=True)[:-3],
        b" " * (profile_policy.MAX_PROFILE_SIZE + 1),
    ],
    ids=["empty", "head", "entities", "half", "deep", "cut", "large"],
)
def test_what_is_no_profile_refuses_everybody(
    raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_closed(of_profile(None, tmp_path, monkeypatch, raw))


def test_a_list_within_itself_is_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    level: Any = ["https://a.example"]
    for _ in range(60):  # as a tree it would have 2**60 leaves
        level = [level, level]
    raw = plistlib.dumps({"allowed": level}, fmt=plistlib.FMT_BINARY)
    assert_closed(of_profile(None, tmp_path, monkeypatch, raw))


_GOOD = in_profile({"allowed": ["https://a.example"], "page_pin": False}, binary=True)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(_GOOD) - 1), st.integers(0, 255))
def test_no_damage_of_a_profile_is_more_than_a_mistake(place: int, octet: int) -> None:
    damaged = _GOOD[:place] + bytes([octet]) + _GOOD[place + 1 :]
    try:
        found = of_table(of_content(damaged))
    except ConfigError:
        return
    assert isinstance(found, Policy)


def test_a_policy_for_newer_agents_says_so_before_anything_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('minimum_version = "99.0"\nfrom_the_future = true')
    assert "for version 99.0 or newer" in (
        Policy.load(path, administrators_only=False).problem or ""
    )
    path.write_text(f'minimum_version = "{__version__}"')
    assert Policy.load(path, administrators_only=False).problem is None


def test_a_user_cannot_write_what_only_a_policy_says(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    for line in ('consent_text = "x"', 'minimum_version = "0.1.0"'):
        path.write_text(line)
        with pytest.raises(ConfigError):
            config.load(path)


@pytest.mark.parametrize("name", ["allowed", "other_sites"])
def test_half_a_surrogate_pair_in_the_registry_is_a_mistake(name: str) -> None:
    """Windows keeps such texts, and no UTF-8 can say them."""
    found = registry({}, allowed={"1": ("https://a\udcd4.example", SZ)})
    if name != "allowed":
        found = registry({"other_sites": ("\udcd4", SZ)})
    with pytest.raises(ConfigError):
        registry_policy.read(found)
