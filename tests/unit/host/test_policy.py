"""The administrator's policy: stronger than everybody, and closed when it cannot be read."""

import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.host.settings import config, policy
from agent.host.settings.config import BlindRule, ConfigError, Settings
from agent.host.settings.policy import Policy, Ruling
from agent.host.settings.policy_rules import BY_NAME, SiteRules
from agent.origin import Origin

SITE = "https://portal.example"


def load(path: Path, text: str) -> Policy:
    path.write_text(text, "utf-8")
    return Policy.load(path, administrators_only=False)


def test_no_policy_lays_nothing_down(tmp_path: Path) -> None:
    nothing = Policy.load(tmp_path / "policy.toml", administrators_only=True)
    assert nothing.source is None
    assert nothing.problem is None
    assert nothing.decision(Origin.parse_any(SITE)) is Ruling.SILENT
    assert nothing.over(Settings()) == Settings()


def test_forbidden_is_stronger_than_allowed(tmp_path: Path) -> None:
    text = 'allowed = ["https://*.gov.tw"]\nforbidden = ["https://bad.gov.tw"]'
    laid_down = load(tmp_path / "policy.toml", text)
    assert laid_down.decision(Origin.parse_any("https://a.gov.tw")) is Ruling.ALLOWED
    assert laid_down.decision(Origin.parse_any("https://bad.gov.tw")) is Ruling.FORBIDDEN
    assert laid_down.decision(Origin.parse_any("https://a.bad.gov.tw")) is Ruling.ALLOWED
    assert laid_down.decision(Origin.parse_any(SITE)) is Ruling.SILENT


def test_others_can_be_forbidden_altogether(tmp_path: Path) -> None:
    text = f'allowed = ["{SITE}", "local://program"]\nother_sites = "forbid"'
    laid_down = load(tmp_path / "policy.toml", text)
    assert laid_down.decision(Origin.parse_any(SITE)) is Ruling.ALLOWED
    assert laid_down.decision(Origin.parse_any("local://program")) is Ruling.ALLOWED
    assert laid_down.decision(Origin.parse_any("https://other.example")) is Ruling.FORBIDDEN
    assert laid_down.decision(Origin.parse_any("local://other")) is Ruling.FORBIDDEN


@pytest.mark.parametrize(
    ("rule", "others"),
    [("ask", Ruling.SILENT), ("allow", Ruling.ALLOWED), ("deny", Ruling.FORBIDDEN)],
)
def test_sites_that_sign_unseen_are_named_apart(
    tmp_path: Path, rule: BlindRule, others: Ruling
) -> None:
    laid_down = load(tmp_path / "policy.toml", 'blind_origins = ["https://*.gov.tw"]')
    assert laid_down.blind_decision(Origin.parse("https://doc.gov.tw"), rule) is Ruling.ALLOWED
    assert laid_down.blind_decision(Origin.parse_any(SITE), rule) is others
    assert laid_down.decision(Origin.parse("https://doc.gov.tw")) is Ruling.SILENT


def test_the_policy_is_stronger_than_the_settings(tmp_path: Path) -> None:
    text = """
        page_pin = false
        allow_sha1 = true
        blind_signatures = "deny"
        last_try = false
        update_check = false
        port = 4000
        hipki_port = 4001
        hipki_version = "1.3.4.103349"
        log_level = "debug"
        jrsys = true
        jrsys_ports = [4002, 4003]
        jrsys_tls_ports = []
        jrsys_version = "3.0.0.8"
        jrsys_presence = "1"
        jrsys_unicode = "utf-16le"
    """
    mine = Settings(
        page_pin=True, hipki_version="2.0", port=1, log_level="error", mca=True, jrsys=False
    )
    assert load(tmp_path / "policy.toml", text).over(mine) == Settings(
        page_pin=False,
        allow_sha1=True,
        blind_signatures="deny",
        last_try=False,
        update_check=False,
        port=4000,
        hipki_port=4001,
        hipki_version="1.3.4.103349",
        log_level="debug",
        jrsys=True,
        jrsys_ports=(4002, 4003),
        jrsys_tls_ports=(),
        jrsys_version="3.0.0.8",
        jrsys_presence="1",
        jrsys_unicode="utf-16le",
        mca=True,
    )


def test_the_administrators_guide_names_what_a_policy_may_say() -> None:
    """Every name, and no other; each with a value that is read."""
    guide = (Path(__file__).parents[3] / "installer" / "README.md").read_text("utf-8")
    start = guide.index("<!-- Made of the declarations of the rules")
    part = guide[start : guide.index("<!-- End of what is made. -->", start)]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)}
    assert named == set(BY_NAME)


@pytest.mark.parametrize(
    "text",
    [
        "allowed = [",
        "forbiden = []",
        'allowed = "https://portal.example"',
        "allowed = [1]",
        'allowed = ["https://*"]',
        'allowed = ["https://*gov.tw"]',
        'forbidden = ["https://Portal.example"]',
        'forbidden = [""]',
        "page_pin = 0",
        'page_pin = "no"',
        "port = 65536",
        "port = -1",
        'log_level = "loud"',
        'hipki_version = "1.3 (fleet)"',
        'jrsys = "no"',
        "jrsys_ports = [70000]",
        'other_sites = "allow"',
        'blind_signatures = "never"',
        'blind_origins = ["https://*"]',
        'blind_origins = "https://portal.example"',
        "x = " + "[" * 10_000,
        "#" * config.MAX_CONFIG_SIZE + "\n",
    ],
)
def test_a_wrong_policy_refuses_everybody_and_says_why(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.toml"
    wrong = load(path, text)
    assert_closed(wrong)
    assert str(path) in (wrong.problem or "")


def assert_closed(wrong: Policy) -> None:
    assert wrong.problem
    assert wrong.decision(Origin.parse_any(SITE)) is Ruling.FORBIDDEN
    assert wrong.blind_decision(Origin.parse_any(SITE), "allow") is Ruling.FORBIDDEN
    effective = wrong.over(Settings(allow_sha1=True))
    assert not effective.allow_sha1
    assert effective.blind_signatures == "deny"
    assert not effective.page_pin
    assert not effective.last_try
    assert effective.open_jrsys_ports == ((), ())


def test_bytes_that_are_no_text_refuse_everybody(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xff\xfe")
    assert_closed(Policy.load(path, administrators_only=False))


def test_a_folder_in_its_place_refuses_everybody(tmp_path: Path) -> None:
    assert_closed(Policy.load(tmp_path, administrators_only=False))


@settings(max_examples=60)
@given(st.text(max_size=80) | st.binary(max_size=80))
def test_no_content_opens_a_policy(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    """Whatever is in the file: it is understood as a whole, or nobody is allowed."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    path = tmp_path_factory.getbasetemp() / "hostile-policy.toml"
    path.write_bytes(raw)
    found = Policy.load(path, administrators_only=False)
    assert found.decision(Origin.parse_any(SITE)) is not Ruling.ALLOWED
    assert (found.problem is None) or found.decision(Origin.parse_any(SITE)) is Ruling.FORBIDDEN


@pytest.mark.skipif(os.name != "posix", reason="Windows protects the folder by its access list")
@pytest.mark.parametrize(
    ("uid", "gid", "mode", "good"),
    [
        (0, 0, 0o644, True),
        (0, 0, 0o664, True),
        (0, 50, 0o640, True),
        (0, 50, 0o664, False),
        (0, 0, 0o666, False),
        (1000, 1000, 0o644, False),
        (1000, 0, 0o600, False),
    ],
)
def test_what_others_can_change_is_no_policy(  # noqa: PLR0917  # one column each
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, gid: int, mode: int, good: bool
) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(f'allowed = ["{SITE}"]')
    facts = os.stat_result((mode | 0o100000, 0, 0, 1, uid, gid, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda _, **__: facts)
    found = Policy.load(path, administrators_only=True)
    assert (found.problem is None) == good
    assert found.decision(Origin.parse_any(SITE)) is (Ruling.ALLOWED if good else Ruling.FORBIDDEN)


@pytest.mark.skipif(os.name != "posix", reason="the paths are POSIX ones")
@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", "/etc/ankong/policy.toml"),
        ("darwin", "/Library/Application Support/Ankong/policy.toml"),
    ],
)
def test_no_variable_moves_the_policy(
    monkeypatch: pytest.MonkeyPatch, platform: str, expected: str
) -> None:
    for name in ("XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "HOME", "ProgramData", "ANKONG_POLICY"):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setattr(sys, "platform", platform)
    assert str(policy.system_path()) == expected


def test_what_no_policy_may_lay_down_closes_it_and_is_named(tmp_path: Path) -> None:
    wrong = load(tmp_path / "policy.toml", "check_peer = true\nport = 1")
    assert_closed(wrong)
    assert "“check_peer” is the user's own" in (wrong.problem or "")


def test_a_stand_in_never_takes_the_place_of_the_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, stand_in = tmp_path / "real.toml", tmp_path / "mine.toml"
    stand_in.write_text(f'allowed = ["{SITE}"]')
    monkeypatch.setattr(policy, "system_path", lambda: real)
    assert Policy.of_this_computer(stand_in).decision(Origin.parse_any(SITE)) is Ruling.ALLOWED
    real.write_text("broken")
    assert_closed(Policy.of_this_computer(stand_in))


def test_a_system_that_does_not_say_where_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise ConfigError("this system does not say")

    monkeypatch.setattr(policy, "system_path", unknown)
    assert_closed(Policy.of_this_computer())


def test_a_pattern_that_is_none_is_no_policy() -> None:
    with pytest.raises(ConfigError):
        Policy(SiteRules(allowed=("https://*",)))
