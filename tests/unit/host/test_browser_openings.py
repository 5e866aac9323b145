"""The doctor on browser policies that let everybody in, in each place where browsers keep them."""

import json
import os
import plistlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.doctor import browsers
from agent.doctor.browser_openings import openings
from agent.doctor.report import Finding, Level
from agent.host.browser_policy import pack
from agent.host.browser_policy.firefox_merge import firefox_policies
from agent.host.browser_policy.policy_places import BrowserPolicies, machine_policies
from agent.host.browser_policy.site_list import read_sites
from agent.words import Language
from tests.unit.host.conftest import MachineFactory

LOOPBACK, ACCESS = "LoopbackNetworkAllowedForUrls", "LocalNetworkAccessAllowedForUrls"
OPT_OUT = "LocalNetworkAccessRestrictionsTemporaryOptOut"
POPUPS = "PopupsAllowedForUrls"


def found_in(policies: Any, *, firefox: bool) -> list[Finding]:
    return list(openings(BrowserPolicies("A browser", "/a/place", policies, firefox)))


def codes(policies: Any, *, firefox: bool) -> list[tuple[str, str, str]]:
    return [
        (each.code, each.facts["policy"], each.facts["value"])
        for each in found_in(policies, firefox=firefox)
    ]


# Each of these was tried in Chromium 156.
@pytest.mark.parametrize(
    "pattern",
    ["*", "[*.]", "https://*", "https://[*.]", "https://[*.]:8443", "*:*", "*://*:443", "http://*"],
)
@pytest.mark.parametrize("policy", [LOOPBACK, ACCESS, "LocalNetworkAllowedForUrls"])
def test_leave_for_everybody_in_chromium_is_a_fault(policy: str, pattern: str) -> None:
    policies = {policy: ["https://a.example", 7, pattern, "*"]}
    (found,) = found_in(policies, firefox=False)
    assert (found.level, found.facts["value"]) == (Level.FAULT, pattern)
    assert all(pattern in found.message(language) for language in Language)


@pytest.mark.parametrize(
    "policies",
    [
        {},
        {LOOPBACK: ["https://[*.]gov.tw:443", "https://portal.example", "[*.]agency.example"]},
        {LOOPBACK: "*"},  # which Chromium ignores
        {LOOPBACK: [["*"], {"*": 1}, None]},
        {LOOPBACK: ["", ":", "://", "https://", "[", "[::1", "]*", "x*", "*x"]},
        {OPT_OUT: False},
        {OPT_OUT: "true"},
        {POPUPS: ["https://portal.example", "https://localhost.example", "*"]},
    ],
)
def test_leave_for_some_in_chromium_is_none(policies: Any) -> None:
    assert codes(policies, firefox=False) == []


@pytest.mark.parametrize("value", [True, 1])
def test_the_guard_switched_off_in_chromium_is_a_fault(value: Any) -> None:
    assert codes({OPT_OUT: value}, firefox=False) == [("browser_opens", OPT_OUT, "true")]


# Those with names were tried in Firefox 153, which takes the list apart at commas, and knows
# capital letters from small ones.
@pytest.mark.parametrize(
    ("domains", "wrong"),
    [
        (["localhost"], "localhost"),
        (["portal.example", "localhost"], "localhost"),
        (["portal.example, localhost"], "localhost"),
        (["*.localhost"], "*.localhost"),
        (["a.localhost"], "a.localhost"),
        (["127.0.0.1"], "127.0.0.1"),
        (["127.0.0.2"], "127.0.0.2"),
        (["*.0.0.1"], "*.0.0.1"),
        (["*.1"], "*.1"),
        (["::1"], "::1"),
        (["[::1]"], "[::1]"),
        (["0.0.0.0"], "0.0.0.0"),  # noqa: S104  # nothing is bound here
        (["*"], "*"),
        ([7, "*"], "*"),
    ],
)
def test_this_computer_among_firefoxs_domains_is_a_fault(domains: list[Any], wrong: str) -> None:
    policy = "LocalNetworkAccess.SkipDomains"
    policies: Any = {"LocalNetworkAccess": {"SkipDomains": domains}}
    assert codes(policies, firefox=True) == [("browser_opens", policy, wrong)]
    texts = ",".join(each for each in domains if isinstance(each, str))
    name = "network.lna.skip-domains"
    for value in (texts, {"Value": texts, "Status": "locked"}):
        assert codes({"Preferences": {name: value}}, firefox=True) == [
            ("browser_opens", name, wrong)
        ]


@pytest.mark.parametrize(
    ("access", "field"),
    [
        ({"Enabled": False}, "Enabled"),
        ({"Enabled": 0}, "Enabled"),
        ({"Enabled": True, "EnablePrompting": False}, "EnablePrompting"),
        ({"Enabled": 1, "EnablePrompting": 0}, "EnablePrompting"),
    ],
)
def test_the_guard_switched_off_in_firefox_is_a_fault(access: Any, field: str) -> None:
    wanted = [("browser_opens", f"LocalNetworkAccess.{field}", "false")]
    assert codes({"LocalNetworkAccess": access}, firefox=True) == wanted


@pytest.mark.parametrize(
    "policies",
    [
        {},
        {"LocalNetworkAccess": {"SkipDomains": ["portal.example", "*.gov.tw", "LOCALHOST"]}},
        {"LocalNetworkAccess": {"SkipDomains": "localhost"}},
        {"LocalNetworkAccess": {"SkipDomains": {"1": "localhost"}}},
        {"LocalNetworkAccess": ["localhost"]},
        {"LocalNetworkAccess": {"EnablePrompting": False}},
        {"LocalNetworkAccess": {"Enabled": "no"}},
        {"Preferences": [1], "PopupBlocking": 3},
        {"Preferences": {"network.lna.skip-domains": 1, "network.lna.enabled": {"a": 1}}},
        {"PopupBlocking": {"Allow": "http://localhost"}},
    ],
)
def test_other_policies_of_firefox_are_left_alone(policies: Any) -> None:
    assert codes(policies, firefox=True) == []


@pytest.mark.parametrize(
    "value",
    ["http://localhost:61161", "localhost", "http://127.0.0.1:61161", "https://[::1]:28443"],
)
def test_this_computer_in_a_list_of_popups_is_a_hint(value: str) -> None:
    pages = ["https://a.example", value, value]
    for policies, firefox in (
        ({POPUPS: pages}, False),
        ({"PopupBlocking": {"Allow": pages}}, True),
    ):
        (found,) = found_in(policies, firefox=firefox)
        assert (found.level, found.code) == (Level.NOTE, "browser_popup_here")
        assert found.facts["value"] == value


def test_what_our_own_pack_writes_is_no_fault() -> None:
    sites = read_sites(b"https://portal.example\nhttps://*.gov.tw\nhttps://*.agency.example:444")
    assert found_in(pack.chromium_policies(sites), firefox=False) == []
    assert found_in(firefox_policies(sites)["policies"], firefox=True) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["SkipDomains", "Allow", "Enabled", "Value", "network.lna.enabled"]),
            inner,
        )
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [LOOPBACK, ACCESS, OPT_OUT, POPUPS, "LocalNetworkAccess", "PopupBlocking", "Preferences"]
)


@given(st.dictionaries(NAMES, ANYTHING), st.booleans())
def test_whatever_stands_there_is_judged(policies: Any, firefox: bool) -> None:
    for each in found_in(policies, firefox=firefox):
        assert each.message(Language.CHINESE).isprintable()


# Places.


def judged(machine: Any) -> list[str]:
    return [each.code for each in browsers.judge(machine_policies(machine))]


def put(root: Path, file: str, content: bytes) -> Path:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


FIREFOX = {"LocalNetworkAccess": {"SkipDomains": ["localhost"]}}


@pytest.mark.parametrize(
    ("platform", "file", "content"),
    [
        ("linux", "etc/opt/chrome/policies/managed/a.json", {LOOPBACK: ["*"]}),
        ("linux", "etc/opt/edge/policies/managed/a.json", {ACCESS: ["*"]}),
        ("linux", "etc/chromium/policies/managed/a.json", {OPT_OUT: True}),
        ("linux", "etc/firefox/policies/policies.json", {"policies": FIREFOX}),
        ("linux", "usr/lib/firefox-esr/distribution/policies.json", {"policies": FIREFOX}),
        ("linux", "opt/firefox/distribution/policies.json", {"policies": FIREFOX}),
        (
            *("darwin", "Applications/Firefox.app/Contents/Resources/distribution/policies.json"),
            {"policies": FIREFOX},
        ),
        (
            *("darwin", "Library/Managed Preferences/org.mozilla.firefox.plist"),
            {"EnterprisePoliciesEnabled": True, **FIREFOX},
        ),
        (
            *("darwin", "Library/Managed Preferences/org.mozilla.firefox.plist"),
            {
                "EnterprisePoliciesEnabled": True,
                "LocalNetworkAccess__SkipDomains": ["localhost"],
            },
        ),
        ("darwin", "Library/Managed Preferences/com.google.Chrome.plist", {LOOPBACK: ["*"]}),
    ],
)
def test_each_place_is_looked_at(
    make_machine: MachineFactory, platform: str, file: str, content: Any
) -> None:
    machine = make_machine(platform=platform)
    assert judged(machine) == ["browser_ok"]
    raw = plistlib.dumps(content) if file.endswith("plist") else json.dumps(content).encode()
    path = put(machine.root, file, raw)
    (found,) = [
        each for each in browsers.judge(machine_policies(machine)) if each.code != "browser_ok"
    ]
    assert (found.code, found.level, found.facts["path"]) == (
        *("browser_opens", Level.FAULT, str(path)),
    )


def test_a_policy_of_firefox_that_is_not_in_force_is_no_fault(make_machine: MachineFactory) -> None:
    machine = make_machine()
    put(
        machine.root,
        "usr/lib/firefox/distribution/policies.json",
        json.dumps({"policies": FIREFOX}).encode(),
    )
    assert judged(machine) == ["browser_opens", "browser_ok"]
    put(machine.root, "etc/firefox/policies/policies.json", b'{"policies": {}}')
    assert judged(machine) == ["browser_ok"]


def test_a_profile_of_firefox_that_is_not_switched_on_is_no_fault(
    make_machine: MachineFactory,
) -> None:
    machine = make_machine(platform="darwin")
    file = "Library/Managed Preferences/org.mozilla.firefox.plist"
    for switch in ({}, {"EnterprisePoliciesEnabled": False}):
        put(machine.root, file, plistlib.dumps({**FIREFOX, **switch}))
        assert judged(machine) == ["browser_ok"]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"policies": []}', b"{" * 100_000, b"\xff", b"{}" + b" " * 1024 * 1024],
)
def test_a_policy_file_of_firefox_may_hold_anything(
    make_machine: MachineFactory, content: bytes
) -> None:
    machine = make_machine()
    put(machine.root, "etc/firefox/policies/policies.json", content)
    assert judged(machine) == ["browser_policy_unreadable", "browser_ok"]


def test_links_that_lead_nowhere_are_no_policies(make_machine: MachineFactory) -> None:
    machine = make_machine()
    for file in ("etc/firefox/policies/policies.json", "opt/firefox/distribution/policies.json"):
        path = machine.root / file
        path.parent.mkdir(parents=True)
        path.symlink_to(path.name)
    folder = machine.root / "etc/opt/edge/policies/managed"
    folder.mkdir(parents=True)
    (folder / "a.json").symlink_to("a.json")
    assert judged(machine) == ["browser_policy_unreadable", "browser_ok"]


class RegistryDouble:
    """As much of ``winreg`` as is used: keys with values, whose names come in order."""

    HKEY_LOCAL_MACHINE = 2

    def __init__(self, keys: dict[str, dict[str, Any]]) -> None:
        self.keys = {rf"SOFTWARE\Policies\{name}": values for name, values in keys.items()}

    def OpenKey(self, root: int, key: str) -> Any:  # noqa: N802  # winreg's own name
        assert root == 2
        if key not in self.keys:
            raise FileNotFoundError(2, "no such key")
        values = self.keys[key]

        class Opened:
            def __enter__(self) -> Any:
                return list(values.items())

            def __exit__(self, *_: object) -> None:
                pass

        return Opened()

    def EnumValue(self, opened: Any, index: int) -> Any:  # noqa: N802  # likewise
        if index >= len(opened):
            raise OSError(259, "no more data")
        return (*opened[index], 1)


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({}, ["browser_ok"]),
        ({rf"Google\Chrome\{LOOPBACK}": {"1": "https://a.example"}}, ["browser_ok"]),
        ({rf"Google\Chrome\{LOOPBACK}": {"1": "*"}}, ["browser_opens", "browser_ok"]),
        ({rf"Microsoft\Edge\{ACCESS}": {"1": "https://*"}}, ["browser_opens", "browser_ok"]),
        (
            {rf"Chromium\{LOOPBACK}": {"1": b"\xff", "2": 7, "3": "*"}},
            ["browser_opens", "browser_ok"],
        ),
        ({r"Google\Chrome": {OPT_OUT: 1, "Other": 2}}, ["browser_opens", "browser_ok"]),
        (
            {rf"Google\Chrome\{POPUPS}": {"1": "http://localhost"}},
            ["browser_popup_here", "browser_ok"],
        ),
        (
            {r"Mozilla\Firefox\LocalNetworkAccess\SkipDomains": {"1": "localhost"}},
            ["browser_opens", "browser_ok"],
        ),
        ({r"Mozilla\Firefox\LocalNetworkAccess": {"Enabled": 0}}, ["browser_opens", "browser_ok"]),
        (
            {r"Mozilla\Firefox\PopupBlocking\Allow": {"1": "http://127.0.0.1:61161"}},
            ["browser_popup_here", "browser_ok"],
        ),
        ({r"Google\Chrome\LoopbackNetworkBlockedForUrls": {"1": "*"}}, ["browser_blocks"]),
    ],
)
def test_windows_keeps_them_in_its_registry(
    make_machine: MachineFactory, keys: Any, wanted: list[str]
) -> None:
    machine = make_machine(platform="win32")
    found = browsers.judge(machine_policies(machine, RegistryDouble(keys)))
    assert [each.code for each in found] == wanted


def test_windows_keeps_firefoxs_file_beside_the_program(
    make_machine: MachineFactory, tmp_path: Path
) -> None:
    put(
        tmp_path,
        "Mozilla Firefox/distribution/policies.json",
        json.dumps({"policies": FIREFOX}).encode(),
    )
    machine = make_machine(platform="win32", environment={"ProgramFiles": str(tmp_path)})
    found = browsers.judge(machine_policies(machine, RegistryDouble({})))
    assert [each.code for each in found] == ["browser_opens", "browser_ok"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(make_machine: MachineFactory) -> None:
    machine = make_machine()
    folder = machine.root / "etc/firefox/policies"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "policies.json")
    assert judged(machine) == ["browser_policy_unreadable", "browser_ok"]
