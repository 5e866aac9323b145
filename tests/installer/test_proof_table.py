"""The table of what is proven: made of what ran, and of nothing that somebody wrote."""

import argparse
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from devkit import chores, installers, proofs, proven
from devkit.shell import SetupError

ROOT = Path(__file__).resolve().parents[2]
FAILED, NOT_RUN, PASSED, SKIPPED = proven.FAILED, proofs.NOT_RUN, proofs.PASSED, proven.SKIPPED
ROW = {
    "what": "東西 A thing",
    "jobs": ["gate.yml gate"],
    "elsewhere": "a reader",
    "claims": [{"text": "it works", "tests": ["unit/test_a.py"]}],
}
SAID = {"columns": ["a", "b", "c", "d", "e"], "last": "{date}", "row": [ROW]}
REPORT = """<testsuites><testsuite>
<testcase file="tests/unit/test_a.py" name="test_one"/>
<testcase file="tests/unit/test_a.py" name="test_two[x]"/>
<testcase file="tests/unit/test_a.py" name="test_two[y]"><failure/></testcase>
<testcase file="tests/unit/test_b.py" name="test_one"><skipped/></testcase>
<testcase file="tests/unit/test_b.py" name="test_two"/>
<testcase file="tests/unit/test_b.py" name="test_two"><error/></testcase>
</testsuite></testsuites>"""


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "installer/release/proof_table.py"))


def record(by: list[str], **ends: int) -> dict[str, Any]:
    kept = {"of": "a commit", "by": by, "ends": {**proven.NOTHING, **ends}}
    return {"date": "today", "rows": {"東西 A thing": {"it works": kept}}}


def test_the_committed_table_is_that_of_the_committed_record(script: dict[str, Any]) -> None:
    page = script["PAGE"].read_text("utf-8")
    kept = json.loads(script["RECORD"].read_text("utf-8"))
    assert script["page"](page, script["table"](proven.said(), kept)) == page
    assert script["BEGIN"] in page


def test_every_claim_has_something_that_proves_it(script: dict[str, Any]) -> None:
    for row in proven.promises():
        claims = script["claims_of"](row)
        assert claims, row["what"]
        for claim in claims:
            assert claim["by"]
            for name in set(claim["by"]) - proven.promising_chores():
                assert proofs.names_of_tests(ROOT / "tests" / name)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert all(f"\n{chore}:\n" in makefile for chore in proven.promising_chores())


def test_every_job_that_is_named_is_one() -> None:
    for row in proven.promises():
        for workflow, job in map(str.split, row["jobs"]):
            text = (ROOT / ".github" / "workflows" / workflow).read_text("utf-8")
            assert job in yaml.safe_load(text)["jobs"]


def test_every_installer_is_a_row_and_every_text_is_told_apart(script: dict[str, Any]) -> None:
    rows = proven.promises()
    assert {row["artefact"] for row in rows if "artefact" in row} == set(script["BUILDERS"])
    assert len({row["what"] for row in rows}) == len(rows)
    for row in rows:
        texts = [claim["text"] for claim in script["claims_of"](row)]
        assert len(set(texts)) == len(texts)


def test_what_has_passed_and_nothing_else_is_proven(script: dict[str, Any]) -> None:
    def told(kept: dict[str, Any]) -> str:
        return str(script["table"](SAID, kept)).splitlines()[-1]

    tests = ["unit/test_a.py"]
    open_ones = "`gate.yml gate` | a reader |"
    proven_one = f"| 東西 A thing | it works | – | {open_ones}"
    assert told(record(tests, passed=2)) == proven_one
    assert (
        told({"date": "", "rows": {}}) == f"| 東西 A thing | – | it works (not run) | {open_ones}"
    )
    for ends, words in (
        ({}, NOT_RUN),
        ({PASSED: 2, FAILED: 1}, "2 passed, 1 failed"),
        ({PASSED: 2, SKIPPED: 1}, "2 passed, 1 skipped"),
        ({PASSED: 2, NOT_RUN: 1}, "2 passed, 1 not run"),
    ):
        assert f"| – | it works ({words}) |" in told(record(tests, **ends))
    # Other tests prove it by now, or another claim is made.
    assert f"| – | it works ({NOT_RUN}) |" in told(record(["unit/test_b.py"], passed=2))
    other = json.loads(json.dumps(record(tests, passed=2)).replace("it works", "it did"))
    assert f"| – | it works ({NOT_RUN}) |" in told(other)


def test_what_was_not_tried_keeps_the_last_proof_and_its_commit(script: dict[str, Any]) -> None:
    tests, place = ["unit/test_a.py"], ("東西 A thing", "it works")

    def found(by: list[str], **ends: int) -> dict[str, Any]:
        return dict(record(by, **ends)["rows"][place[0]][place[1]])

    before = {"commit": "0123456789abcdef", **record(tests, passed=2)}
    kept = script["kept_or_new"](found(tests, **{PASSED: 1, NOT_RUN: 1}), before, *place)
    assert kept["ends"][PASSED] == 2
    later = {"commit": "another", "date": "", "rows": {place[0]: {place[1]: kept}}}
    assert "| it works (at `0123456789ab`) | – |" in script["table"](SAID, later)
    assert script["kept_or_new"](found(tests, **{NOT_RUN: 2}), later, *place) == kept
    for new in (
        found(tests, **{PASSED: 2}),
        found(tests, **{FAILED: 1, NOT_RUN: 1}),
        found(tests, **{SKIPPED: 1, NOT_RUN: 1}),
        found(["unit/test_b.py"], **{NOT_RUN: 1}),
    ):
        assert script["kept_or_new"](new, before, *place) == new
    never = {"commit": "x", **record(tests, **{PASSED: 1, NOT_RUN: 1})}
    unproven = found(tests, **{NOT_RUN: 2})
    assert script["kept_or_new"](unproven, never, *place) == unproven
    assert script["kept_or_new"](unproven, {"rows": {}}, *place) == unproven


def test_how_tests_ended_is_read_from_the_report(tmp_path: Path) -> None:
    found = proven.outcomes_in(REPORT)
    assert list(found.values()) == [PASSED, PASSED, FAILED, SKIPPED, FAILED]
    (tmp_path / "unit").mkdir()
    (tmp_path / "unit" / "test_a.py").write_text("def test_one(): ...\ndef test_two(): ...\n")
    (tmp_path / "unit" / "test_b.py").write_text("def test_two(): ...\ndef test_three(): ...\n")
    names = ["unit/test_a.py", "unit/test_b.py"]
    assert proven.counted(names, found, tmp_path) == {PASSED: 2, FAILED: 2, SKIPPED: 0, NOT_RUN: 1}


def test_pytest_writes_such_a_report(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_one(): ...\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    words = proven.pytest_words(tmp_path / "report.xml", ["tests/test_a.py"])
    done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, check=False)
    assert done.returncode == 0
    report = (tmp_path / "report.xml").read_text("utf-8")
    assert proven.outcomes_in(report) == {"test_a.py::test_one": PASSED}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return what git answers by its command."""
    answers = {"rev-parse": "abc\n", "status": ""}
    monkeypatch.setattr(proven, "output", lambda words: answers[words[1]])
    monkeypatch.setattr(proven, "CHORES", tmp_path / "build" / "chores.json")
    return answers


def test_a_chore_counts_for_the_commit_that_it_ran_on(repository: dict[str, str]) -> None:
    proven.keep("lint", 0, "abc")
    proven.keep("reproduce", 1, "abc")
    assert proven.end_of_chore("lint", "abc") == PASSED
    assert proven.end_of_chore("reproduce", "abc") == FAILED
    assert proven.end_of_chore("lint", "another") == NOT_RUN
    repository["rev-parse"] = "another\n"
    proven.keep("lint", 0, "abc")
    assert proven.end_of_chore("lint", "another") == NOT_RUN, "committed while it ran"
    repository["rev-parse"] = "abc\n"
    repository["status"] = " M agent/__init__.py\n"
    proven.keep("lint", 1, proven.committed())
    assert proven.end_of_chore("lint", "abc") == PASSED, "not of this commit"
    with pytest.raises(SetupError, match="commit first"):
        proven.commit()


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("only", "status", "kept"),
    [(None, 0, PASSED), (["linux"], 0, NOT_RUN), (["linux"], 1, FAILED), (None, 1, FAILED)],
)
def test_what_was_done_for_one_system_keeps_no_promise(
    monkeypatch: pytest.MonkeyPatch, only: list[str] | None, status: int, kept: str
) -> None:
    monkeypatch.setattr(chores, "reproduce", lambda _options, _rest: status)
    options = argparse.Namespace(chore="reproduce", only=only)
    assert chores.run_chore(options, ()) == status
    assert proven.end_of_chore("reproduce", "abc") == kept


def test_what_is_kept_of_an_installer_is_of_that_very_file(
    script: dict[str, Any],
    repository: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del repository
    monkeypatch.setattr(installers, "OUT", tmp_path)
    monkeypatch.setattr(installers, "_of_this_version", lambda: sorted(tmp_path.glob("a.*")))
    monkeypatch.setattr(proofs, "RESULTS", tmp_path / "proofs")
    (tmp_path / "a.msi").write_bytes(b"one")
    sha256 = proofs.sha256_of(tmp_path / "a.msi")
    name = "windows/test_machine_trust.py"
    [test] = proofs.names_of_tests(proofs.TESTS / name)
    proofs.record([sha256], {f"{name}::{test}": PASSED})
    claim = {"text": "", "by": [proven.BUILT + name], "suffix": ".msi"}
    kept = script["Run"]("abc", {}).of(claim)
    assert kept["of"] == f"a.msi {sha256}"
    assert proven.is_proven(kept["ends"])
    (tmp_path / "a.deb").write_bytes(b"other")
    proofs.record([proofs.sha256_of(tmp_path / "a.deb")], {f"{name}::{test}": NOT_RUN})
    any_file = {**claim, "suffix": ""}
    assert proven.is_proven(script["Run"]("abc", {}).of(any_file)["ends"])
    proofs.record([proofs.sha256_of(tmp_path / "a.deb")], {f"{name}::{test}": FAILED})
    assert not proven.is_proven(script["Run"]("abc", {}).of(any_file)["ends"])
    (tmp_path / "a.msi").write_bytes(b"another")
    assert not proven.is_proven(script["Run"]("abc", {}).of(claim)["ends"])


def test_the_list_of_a_release_has_what_the_table_leaves_to_real_machines(
    script: dict[str, Any],
) -> None:
    boxes = (ROOT / ".github/ISSUE_TEMPLATE/release.md").read_text("utf-8")
    for row in proven.promises():
        if "artefact" in row:
            for clause in re.split(r"; |, ", script["_elsewhere"](row)):
                assert f"- [ ] {clause}\n" in boxes
