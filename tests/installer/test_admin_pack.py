"""``make admin``: each file has a claim, or a place where it is proven; nothing else is said."""

import subprocess
from pathlib import Path

import pytest
from devkit import admin_pack
from devkit.shell import SetupError

from agent.host.browser_policy.pack import browser_pack
from agent.host.browser_policy.site_list import read_sites

ROOT = Path(__file__).parents[2]
TESTS = {test for each in admin_pack.PACK for test in each.tests}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    for name, content in browser_pack(read_sites(admin_pack.SITES.encode())).items():
        path = tmp_path / "browsers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "browsers"


def test_every_claim_is_of_a_test_that_there_is() -> None:
    source = (ROOT / admin_pack.TESTS).read_text("utf-8")
    assert TESTS
    for test in TESTS:
        assert f"\ndef {test}(" in source


def test_a_claim_is_proven_where_each_of_its_tests_has_passed(written: Path) -> None:
    passed = dict.fromkeys(TESTS, "passed")
    lines = admin_pack.table(written, passed)
    assert sum("  proven here" in line for line in lines) == 3
    assert not any("not proven" in line for line in lines)
    firefox = admin_pack.IN_FIREFOX[1][0]
    for outcomes in ({}, {**passed, firefox: "skipped"}, {**passed, firefox: "failed"}):
        at = (lines := admin_pack.table(written, outcomes)).index("firefox/policies.json")
        assert lines[at + 1].startswith("  not proven here")


def test_a_file_without_a_line_stops_the_chore(written: Path) -> None:
    (written / "more.txt").write_text("")
    with pytest.raises(SetupError, match=r"more\.txt"):
        admin_pack.table(written, {})


def test_a_report_is_read() -> None:
    report = """<?xml version="1.0"?><testsuites><testsuite>
    <testcase name="a"/><testcase name="b"><failure/></testcase>
    <testcase name="c"><skipped/></testcase><testcase name="d"><error/><skipped/></testcase>
    <testcase name="e"><system-out/></testcase></testsuite></testsuites>"""
    wanted = {"a": "passed", "b": "failed", "c": "skipped", "d": "failed", "e": "passed"}
    assert admin_pack.outcomes_in(report) == wanted


def test_the_sums_are_of_every_file(written: Path) -> None:
    folder = written.parent
    (folder / "SHA256SUMS").write_text(admin_pack.sums(folder))
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len(admin_pack.PACK)
    done = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=False
    )
    assert done.returncode == 0
