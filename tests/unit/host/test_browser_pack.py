"""The pack of browsers' policies: which sites it takes, and how it spells them in each file."""

import csv
import io
import json
import plistlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import cli
from agent.errors import BadRequestError
from agent.host.browser_policy import pack, site_list
from agent.host.browser_policy.firefox_merge import UnfitPolicyError, firefox_policies
from agent.host.browser_policy.site_list import UnfitSiteError, doubts_about, read_sites
from agent.host.browser_policy.spelling import for_popups_in_firefox, in_chromium, in_firefox

SITES = "https://portal.example\nhttps://*.agency.example:8443\n"
# As written, in Chromium, among Firefox's domains, in Firefox's list of pop-ups.
SPELLINGS = (
    ("https://portal.example", "https://portal.example:443", "portal.example"),
    ("https://portal.example:8443", "https://portal.example:8443", "portal.example"),
    ("https://*.gov.tw", "https://[*.]gov.tw:443", "*.gov.tw"),
    ("https://*.agency.gov.tw:444", "https://[*.]agency.gov.tw:444", "*.agency.gov.tw"),
    ("https://192.0.2.7", "https://192.0.2.7:443", "192.0.2.7"),
    ("https://[2001:db8::7]:8443", "https://[2001:db8::7]:8443", "2001:db8::7"),
    ("https://xn--fiq228c.example", "https://xn--fiq228c.example:443", "xn--fiq228c.example"),
    ("https://*.xn--fiq228c.tw", "https://[*.]xn--fiq228c.tw:443", "*.xn--fiq228c.tw"),
    ("https://intranet", "https://intranet:443", "intranet"),
)


@pytest.mark.parametrize(("site", "chromium", "firefox"), SPELLINGS)
def test_each_browser_has_its_own_spelling(site: str, chromium: str, firefox: str) -> None:
    (found,) = read_sites(site.encode())
    assert (in_chromium(found), in_firefox(found)) == (chromium, firefox)


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        ("https://portal.example:8443", "https://portal.example:8443"),
        ("https://*.agency.gov.tw", "https://agency.gov.tw"),
        # A rule for a public suffix holds for nobody below it, and for itself it was not meant.
        ("https://*.gov.tw", None),
        ("https://*.tw", None),
    ],
)
def test_popups_in_firefox_are_of_origins(site: str, origin: str | None) -> None:
    (found,) = read_sites(site.encode())
    assert for_popups_in_firefox(found) == origin


@pytest.mark.parametrize(
    ("site", "why"),
    [
        ("*", "no_origin"),
        ("https://*", "no_origin"),
        ("*://*", "no_origin"),
        ("https://[*.]gov.tw", "no_origin"),
        ("https://a.*.example", "no_origin"),
        ("portal.example", "no_origin"),
        ("https://portal.example/", "no_origin"),
        ("https://portal.example/path", "no_origin"),
        ("https://portal.example:443", "no_origin"),
        ("https://portal.example:70000", "no_origin"),
        ("https://Portal.example", "no_origin"),
        ("https://user@portal.example", "no_origin"),
        ("https://bücher.example", "no_origin"),
        ("https://portal.example https://b.example", "no_origin"),
        ("=HYPERLINK(1)", "no_origin"),
        ("local://program", "no_origin"),
        ("ws://portal.example", "no_origin"),
        ("https://*.127.0.0.1", "no_origin"),
        ("http://portal.example", "http"),
        ("http://*.agency.example", "http"),
        ("http://192.0.2.7", "http"),
        ("http://localhost:61161", "here"),
        ("https://localhost:28443", "here"),
        ("https://*.localhost", "here"),
        ("https://a.localhost", "here"),
        ("https://127.0.0.1", "here"),
        ("https://127.8.9.1", "here"),
        ("https://0.0.0.0", "here"),
        ("https://[::1]", "here"),
        ("https://[::]", "here"),
        ("https://127.1", "address"),
        ("https://2130706433", "address"),
        ("https://0x7f000001", "address"),
        ("https://a.0x1", "address"),
        ("https://127.0.0.01", "address"),
        ("https://[0:0:0:0:0:0:0:1]", "address"),
        ("https://[::1::]", "address"),
        ("https://[....]", "address"),
    ],
)
def test_what_is_no_site_is_refused_with_its_line(site: str, why: str) -> None:
    with pytest.raises(UnfitSiteError) as caught:
        read_sites(f"# sites\n\nhttps://portal.example\n{site}\n".encode())
    assert caught.value.said is not None
    key, facts = caught.value.said
    assert (key, facts["line"], facts["site"]) == (f"cli.error.site_{why}", 4, site)


def test_this_computer_is_refused_in_any_clothes() -> None:
    with pytest.raises(UnfitSiteError):
        read_sites(b"https://[::ffff:7f00:1]")


@pytest.mark.parametrize("raw", [b"", b"\n# nothing\n", b"\xff\xfe", b"   "])
def test_a_list_of_nothing_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequestError, match="no site"):
        read_sites(raw)


@pytest.mark.parametrize("raw", [b"https://\xff.example", b"\xff\xfe\0\xd8", b"\0" * 8])
def test_what_is_no_text_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequestError, match="no text"):
        read_sites(raw)


def test_a_list_may_be_as_windows_writes_it_and_names_a_site_once() -> None:
    text = "https://a.example # ours\r\nhttps://b.example\r\nhttps://a.example\r\n"
    wanted = list(map(str, (each.origin for each in read_sites(text.encode()))))
    assert wanted == ["https://a.example", "https://b.example"]
    for coding in ("utf-8-sig", "utf-16"):
        assert read_sites(text.encode(coding)) == read_sites(text.encode())


def test_a_list_has_a_bound() -> None:
    lines = [f"https://a{number}.example" for number in range(site_list.MAX_SITES + 1)]
    assert len(read_sites("\n".join(lines[1:]).encode())) == site_list.MAX_SITES
    with pytest.raises(BadRequestError, match="more than"):
        read_sites("\n".join(lines).encode())


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: f"https://{text}".encode()))
def test_any_list_is_taken_or_refused_in_words(raw: bytes) -> None:
    taken, refused = [], []
    try:
        taken = [read_sites(raw)]
    except BadRequestError as error:
        refused = [error.said]
    assert all(refused)
    for sites in taken:
        assert pack.browser_pack(sites)
        assert len(list(doubts_about(sites))) <= len(sites)


@pytest.mark.parametrize(
    ("site", "doubt"),
    [
        ("https://*.gov.tw", "wide"),
        ("https://*.tw", "wide"),
        ("https://*.github.io", "wide"),
        ("https://*.agency.gov.tw", None),
        ("https://portal.example", None),
        ("https://gov.tw", None),
        ("https://portal.corp", "inside"),
        ("https://intranet", "inside"),
        ("https://10.1.2.3", "inside"),
        ("https://[fd00::7]", "inside"),
        ("https://8.8.8.8", None),
    ],
)
def test_what_reaches_far_is_told(site: str, doubt: str | None) -> None:
    assert [each.kind for each in doubts_about(read_sites(site.encode()))] == [doubt][: bool(doubt)]


# The files.


def test_a_pack_names_the_pages_and_never_this_computer() -> None:
    files = pack.browser_pack(read_sites(SITES.encode()))
    assert sorted(files) == list(files)
    for name, content in files.items():
        text = content.decode("utf-16" if name.endswith(".reg") else "utf-8-sig")
        assert "portal.example" in text or name.endswith("-undo.reg"), name
        for wrong in ("localhost", "127.0.0.1", "::1", "61161/"):
            assert wrong not in text, name


def test_a_pack_is_the_same_each_time_and_has_both_generations() -> None:
    sites = read_sites(SITES.encode())
    assert pack.browser_pack(sites) == pack.browser_pack(sites)
    wanted = ["https://portal.example:443", "https://[*.]agency.example:8443"]
    files = pack.browser_pack(sites)
    for name in ("chrome-linux.json", "edge-linux.json"):
        assert json.loads(files[name]) == {
            "LocalNetworkAccessAllowedForUrls": wanted,
            "LoopbackNetworkAllowedForUrls": wanted,
            "PopupsAllowedForUrls": wanted,
        }
    assert json.loads(files["firefox/policies.json"]) == {
        "policies": {
            "LocalNetworkAccess": {"SkipDomains": ["portal.example", "*.agency.example"]},
            "PopupBlocking": {"Allow": ["https://portal.example", "https://agency.example:8443"]},
        }
    }


def registry_values(text: str) -> dict[str, str]:
    """Read a file of ``reg export`` as ``reg import`` does: each value by its key and name."""
    first, *lines = text.split("\r\n")
    assert first == "Windows Registry Editor Version 5.00"
    found, key = {}, ""
    for line in filter(None, lines):
        if line.startswith("["):
            key = line[1:-1]
        else:
            name, _, value = line.partition("=")
            found[f"{key}\\{name.strip(chr(34))}"] = value
    return found


@pytest.mark.parametrize(
    ("name", "key"), [("chrome", r"Google\Chrome"), ("edge", r"Microsoft\Edge")]
)
def test_registry_files_set_and_take_away_the_same_values(name: str, key: str) -> None:
    files = pack.browser_pack(read_sites(SITES.encode()))
    for file in (f"{name}.reg", f"{name}-undo.reg"):
        assert files[file].startswith(b"\xff\xfeW\0")
    done = registry_values(files[f"{name}.reg"].decode("utf-16"))
    undone = registry_values(files[f"{name}-undo.reg"].decode("utf-16"))
    assert done.keys() == undone.keys()
    assert set(undone.values()) == {"-"}
    root = rf"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\{key}"
    assert done[rf"{root}\LoopbackNetworkAllowedForUrls\61161001"] == (
        '"https://portal.example:443"'
    )
    assert len(done) == 6
    # Browsers read numbers only, and an administrator's own begin with 1.
    assert {path.rpartition("\\")[2] for path in done} == {"61161001", "61161002"}


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("chrome", "com.google.Chrome"),
        ("edge", "com.microsoft.Edge"),
        ("firefox", "org.mozilla.firefox"),
    ],
)
def test_profiles_hold_one_payload_each(name: str, domain: str) -> None:
    sites = read_sites(SITES.encode())
    profile = plistlib.loads(pack.browser_pack(sites)[f"{name}.mobileconfig"])
    (payload,) = profile["PayloadContent"]
    assert (profile["PayloadType"], payload["PayloadType"]) == ("Configuration", domain)
    assert profile["PayloadUUID"] != payload["PayloadUUID"]
    own: Any = {n: v for n, v in payload.items() if not n.startswith("Payload")}
    if name == "firefox":
        assert own == {"EnterprisePoliciesEnabled": True, **firefox_policies(sites)["policies"]}
    else:
        assert own == pack.chromium_policies(sites)


def test_rows_hold_each_value_once_and_no_formula() -> None:
    raw = pack.browser_pack(read_sites(SITES.encode()))["intune.csv"]
    assert raw.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(raw.decode("utf-8-sig")))
    assert head == ["browser", "policy", "value"]
    assert len(rows) == 2 * 3 * 2 + 2 * 2
    assert ["Mozilla Firefox", "LocalNetworkAccess/SkipDomains", "*.agency.example"] in rows
    assert ["Microsoft Edge", "PopupsAllowedForUrls", "https://portal.example:443"] in rows
    for row in rows:
        assert not any(cell.startswith(tuple("=+-@|%\t\r\n")) for cell in row)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "|x", "%x"])
def test_a_cell_is_no_formula(text: str) -> None:
    assert pack.safe_cell(text) == f"'{text}"


# An administrator's own file.

OWN = {
    "comment": "ours since 2024",
    "policies": {
        "LocalNetworkAccess": {"Enabled": True, "SkipDomains": ["old.example"], "Locked": True},
        "PopupBlocking": {"Default": True, "Allow": ["https://portal.example"]},
        "Certificates": {"Install": ["/etc/ssl/own.pem"]},
        "ExtensionSettings": {"*": {"installation_mode": "blocked"}},
        "Number": 12345678901234567890123,
    },
}


def holds(whole: Any, part: Any) -> bool:
    """Return whether nothing of ``part`` is missing in ``whole``, nor is anything else there."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            name in whole and holds(whole[name], value) for name, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and whole[: len(part)] == part
    return bool(whole == part and type(whole) is type(part))


def test_merging_adds_and_takes_nothing_away() -> None:
    sites = read_sites(SITES.encode())
    merged = json.loads(pack.browser_pack(sites, json.dumps(OWN).encode())["firefox/policies.json"])
    assert holds(merged, OWN)
    policies = merged["policies"]
    assert policies["LocalNetworkAccess"]["SkipDomains"] == [
        *("old.example", "portal.example", "*.agency.example")
    ]
    assert policies["PopupBlocking"]["Allow"] == [
        *("https://portal.example", "https://agency.example:8443")
    ]
    again = pack.browser_pack(sites, json.dumps(merged).encode())["firefox/policies.json"]
    assert json.loads(again) == merged


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(-1e6, 1e6)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=9,
)


@given(st.dictionaries(st.text(max_size=5), TREES), st.lists(st.text(max_size=9)))
def test_whatever_an_administrator_has_stays(others: dict[str, Any], domains: list[str]) -> None:
    access = {"SkipDomains": domains, "Enabled": False}
    own = {**others, "policies": {**others, "LocalNetworkAccess": access}}
    merged = firefox_policies(read_sites(SITES.encode()), json.dumps(own).encode())
    assert holds(merged, json.loads(json.dumps(own)))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"policies": 1}',
        b'{"policies": {"LocalNetworkAccess": []}}',
        b'{"policies": {"LocalNetworkAccess": {"SkipDomains": "a.example"}}}',
        b'{"policies": {"PopupBlocking": {"Allow": [1]}}}',
        b'{"policies": {}, "policies": {"a": 1}}',
        b'{"a": ' + b"[" * 100_000,
        b'{"a": "\xff"}',
        b"{}" + b" " * 1024 * 1024,
    ],
)
def test_what_is_no_policy_file_is_not_merged(raw: bytes) -> None:
    with pytest.raises(UnfitPolicyError) as caught:
        firefox_policies(read_sites(SITES.encode()), raw)
    assert caught.value.said is not None


# The command.


def run(folder: Path, *more: str) -> int:
    (folder / "sites.txt").write_text(SITES)
    words = ["policy", "browsers", "--sites", str(folder / "sites.txt")]
    return cli.run([*words, "--out", str(folder / "pack"), *more])


def test_the_command_writes_the_pack_and_says_where_it_belongs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 0
    told = capsys.readouterr()
    there = {str(p.relative_to(tmp_path / "pack")) for p in (tmp_path / "pack").rglob("*.*")}
    files = pack.browser_pack(read_sites(SITES.encode()))
    assert there == set(files)
    for name, content in files.items():
        assert (tmp_path / "pack" / name).read_bytes() == content
        assert name in told.out
    assert told.err


def test_the_command_speaks_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policies.json").write_text(json.dumps(OWN))
    assert run(tmp_path, "--json", "--merge", str(tmp_path / "policies.json")) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["sites"] == SITES.split()
    assert answer["doubts"] == []
    assert json.loads((tmp_path / "policies.json").read_text()) == OWN
    written = json.loads((tmp_path / "pack" / "firefox" / "policies.json").read_text())
    assert written["policies"]["Certificates"] == OWN["policies"]["Certificates"]  # type: ignore[index]


def test_a_door_that_stood_open_before_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {"policies": {"LocalNetworkAccess": {"SkipDomains": ["localhost"]}}}
    (tmp_path / "policies.json").write_text(json.dumps(own))
    assert run(tmp_path, "--json", "--merge", str(tmp_path / "policies.json")) == 0
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["code"], finding["facts"]["value"]) == ("browser_opens", "localhost")
    written = json.loads((tmp_path / "pack" / "firefox" / "policies.json").read_text())
    assert written["policies"]["LocalNetworkAccess"]["SkipDomains"][0] == "localhost"


def test_an_older_pack_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "chrome.reg").write_text("mine")
    assert run(tmp_path) == 1
    assert str(tmp_path / "pack") in capsys.readouterr().err
    assert [each.name for each in (tmp_path / "pack").iterdir()] == ["chrome.reg"]


@pytest.mark.parametrize(
    "content", [b"", b"https://*", b"\xff" * 9, b"https://a.example\n" * 20_000]
)
def test_a_bad_list_leaves_no_pack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    sites = tmp_path / "bad.txt"
    sites.write_bytes(content)
    words = ["policy", "browsers", "--sites", str(sites), "--out", str(tmp_path / "pack")]
    assert cli.run(words) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "pack").exists()
