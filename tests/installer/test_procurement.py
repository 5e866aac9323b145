"""``make procurement``: nothing is claimed that a file of the pack does not show."""

import json
import os
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from devkit import results
from devkit.procurement import (
    bill_facts,
    pack_judge,
    prose,
    quarter_facts,
    repo_facts,
    run_facts,
    scan_facts,
    whole_pack,
)
from devkit.procurement.claim_rows import ClaimRow, FactSheet, Status
from devkit.procurement.inputs import PackInputs
from devkit.proofs import sha256_of
from devkit.shell import SetupError
from frozen.bill import UNSTATED

from tests.installer.procurement_support import (
    counted,
    git,
    inputs_of,
    read_json,
    small_checkout,
    small_pack,
)

ROOT = Path(__file__).parents[2]
NAMES = ("first", "second")
WANTED = {
    "01-sbom": "軟體物料清單",
    "02-security-tests": "安全測試報告",
    "03-penetration": "滲透測試",
    "04-ssdlc": "SSDLC",
    "05-gcb": "GCB 相容性",
    "06-privacy": "個人資料",
    "07-accessibility": "無障礙",
    "08-support": "弱點通報窗口",
    "09-quarterly": "季報",
    "10-licence": "著作權",
    "11-repackaging": "二次封裝",
}
SLOW = {"ruff", "bandit", "msi", "signing", "criteria"}
"""What runs other programs."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "checkout"


@pytest.fixture
def folder(root: Path) -> Path:
    return small_checkout(root)


@pytest.fixture
def pack(root: Path, folder: Path) -> Path:
    return small_pack(root, folder)


def sum_up(out: Path) -> None:
    """Write the sums anew, as whoever tampers with a pack would."""
    (out / pack_judge.SUMS).unlink()
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [f"{sha256_of(each)}  {each.relative_to(out).as_posix()}\n" for each in paths]
    (out / pack_judge.SUMS).write_text("".join(lines), "utf-8")


def statuses(out: Path, name: str) -> list[str]:
    sections = read_json(out / f"{name}.json")["sections"]
    return [row["status"] for section in sections for row in section["rows"]]


# What is judged.


def test_a_whole_pack_has_no_fault(pack: Path) -> None:
    assert pack_judge.faults(pack, NAMES) == []
    assert statuses(pack, "first") == ["shown", "passed", "not_run", "blank"]


def test_a_claim_that_nothing_shows_is_a_fault(root: Path, folder: Path) -> None:
    def bare(inputs: PackInputs) -> FactSheet:
        found = counted()(inputs)
        return replace(found, tables={"rows": [ClaimRow(("a", "b"), Status.PASSED)]})

    out = small_pack(root, folder, bare)
    assert pack_judge.faults(out, NAMES) == ["second, Table, a: no file shows it"]


@pytest.mark.parametrize("name", ["evidence/counted.json", "evidence/sources/SOURCE.md"])
def test_a_file_that_changed_or_went_is_a_fault(pack: Path, name: str) -> None:
    before = (pack / name).read_bytes()
    (pack / name).write_bytes(before + b" ")
    sum_up(pack)
    assert pack_judge.faults(pack, NAMES) == [f"{name} has another sum than the pack states"]
    (pack / name).unlink()
    sum_up(pack)
    assert pack_judge.faults(pack, NAMES) == [f"{name} is not there"]


def test_a_file_elsewhere_shows_nothing(pack: Path) -> None:
    outside = pack.parent / "outside.json"
    outside.write_bytes((pack / "evidence" / "counted.json").read_bytes())
    index = read_json(pack / pack_judge.INDEX)
    for each in index["evidence"]:
        each["name"] = each["name"].replace("evidence/counted.json", "../outside.json")
    (pack / pack_judge.INDEX).write_text(json.dumps(index), "utf-8")
    found = pack_judge.faults(pack, NAMES)
    assert "../outside.json is outside the pack" in found
    assert "first, Said, Counted: evidence/counted.json is no file of the pack" in found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('data-status="not_run"', 'data-status="passed"'),
        ('href="evidence/counted.json"', 'href="evidence/other.json"'),
        ('<tr data-status="blank">', "<tr>"),
    ],
)
def test_a_page_that_says_something_else_than_its_json_is_a_fault(
    pack: Path, old: str, new: str
) -> None:
    page = (pack / "first.html").read_text("utf-8")
    assert old in page
    (pack / "first.html").write_text(page.replace(old, new, 1), "utf-8")
    sum_up(pack)
    assert pack_judge.faults(pack, NAMES) == ["first.html and first.json differ"]


def test_what_is_added_or_missing_is_a_fault(pack: Path) -> None:
    (pack / "more.txt").write_text("", "utf-8")
    (pack / "index.html").unlink()
    assert pack_judge.faults(pack, (*NAMES, "third")) == [
        "there is no document third",
        "SHA256SUMS is wrong about index.html",
        "SHA256SUMS is wrong about more.txt",
    ]


def test_a_pack_that_cannot_be_read_is_a_fault(pack: Path) -> None:
    (pack / pack_judge.INDEX).write_text('{"evidence": 3}', "utf-8")
    assert len(pack_judge.faults(pack, NAMES)) == 1


# What is written.


def test_what_failed_is_not_called_passed(root: Path, folder: Path) -> None:
    out = small_pack(root, folder, counted(failed=1))
    assert statuses(out, "first")[1] == "failed"
    assert "There are 3, of which 1 failed." in (out / "first.html").read_text("utf-8")
    assert pack_judge.faults(out, NAMES) == []


def test_prose_that_its_source_no_longer_says_stops_it(root: Path, folder: Path) -> None:
    (root / "SOURCE.md").write_text("It has one promise.\n", "utf-8")
    with pytest.raises(SetupError, match=r"first\.toml: Shown: SOURCE\.md say no 'two promises'"):
        small_pack(root, folder)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('file = "SOURCE.md"\n', "", "no file shows it"),
        ('file = "SOURCE.md"', 'file = "GONE.md"', r"GONE\.md"),
        ('source = "counted"', 'source = "unknown"', "unknown"),
        ("of which {failed}", "of which {gone}", "gone"),
        ("blank = true", "blanc = true", "blanc"),
    ],
)
def test_unfit_prose_is_named(root: Path, folder: Path, old: str, new: str, says: str) -> None:
    path = folder / "first.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(SetupError, match=says):
        small_pack(root, folder)


def test_the_same_sources_give_the_same_bytes(
    root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    first = small_pack(root, folder)
    again = first.rename(first.with_name("first"))
    second = small_pack(root, folder)
    for path in [*again.rglob("*"), *second.rglob("*")]:
        name = path.relative_to(again if path.is_relative_to(again) else second)
        if path.is_file():
            assert (again / name).read_bytes() == (second / name).read_bytes()
    assert read_json(second / pack_judge.INDEX)["date"] == "1970-01-02"


def test_sources_that_were_not_committed_are_told_on_top(root: Path, folder: Path) -> None:
    words = prose.words()["warning"]["dirty"]
    assert words not in (small_pack(root, folder) / "first.html").read_text("utf-8")
    (root / "new.txt").write_text("new", "utf-8")
    out = small_pack(root, folder)
    assert words in (out / "first.html").read_text("utf-8")
    assert read_json(out / pack_judge.INDEX)["changes"] == results.source_state(root).changes


def test_the_list_of_the_pack_is_of_its_schema(pack: Path) -> None:
    schema = read_json(pack / whole_pack.SCHEMA)
    jsonschema.Draft202012Validator(schema).validate(read_json(pack / pack_judge.INDEX))
    bad = read_json(pack / pack_judge.INDEX)
    bad["evidence"][0]["sha256"] = "0"
    assert not jsonschema.Draft202012Validator(schema).is_valid(bad)


# Pages.


class PageReader(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    EMPTY = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def count(self) -> Counter[str]:
        return Counter(tag for tag, _ in self.tags)


@pytest.mark.parametrize("name", ["index", "first", "second"])
def test_a_page_is_whole_and_needs_nothing_from_elsewhere(pack: Path, name: str) -> None:
    reader = PageReader((pack / f"{name}.html").read_text("utf-8"))
    count = reader.count()
    assert (count["h1"], count["main"], count["title"]) == (1, 1, 1)
    assert not count.keys() & {"script", "link", "img", "iframe", "form", "object"}
    assert dict(reader.tags)["html"]["lang"] == "zh-Hant-TW"
    assert all(found.get("scope") for tag, found in reader.tags if tag == "th")
    for tag, found in reader.tags:
        place = str(found["href"]) if tag == "a" else ""
        assert not place or place.startswith("#") or (pack / place).is_file()


def test_hostile_names_are_text(root: Path, folder: Path) -> None:
    hostile = '<script>alert("1")</script>`x`\u202e\x00&amp;'
    out = small_pack(root, folder, counted(rows=((hostile, "'><b>"),)))
    page = (out / "second.html").read_text("utf-8")
    assert PageReader(page).count()["script"] == PageReader(page).count()["b"] == 0
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;<code>x</code>" in page
    assert not {"\u202e", "\x00"} & set(page)
    assert read_json(out / "second.json")["sections"][0]["rows"][0]["cells"][0] == hostile
    assert pack_judge.faults(out, NAMES) == []


# The documents themselves.


def test_every_document_that_agencies_ask_for_is_there() -> None:
    assert prose.names() == list(WANTED)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack of this checkout where nothing was built or run."""

    def absent(_inputs: PackInputs) -> FactSheet:
        return FactSheet(absent="no_results")

    place = tmp_path_factory.mktemp("procurement")
    out = place / "pack"
    inputs = replace(
        inputs_of(ROOT, out), installers=place, state=results.SourceState("0" * 40, "")
    )
    finders = {
        name: absent if name in SLOW else finder for name, finder in whole_pack.FINDERS.items()
    }
    whole_pack.write(out, inputs, finders)
    return out


def test_the_prose_holds_and_nothing_is_called_passed_that_did_not_run(real: Path) -> None:
    assert pack_judge.faults(real, list(WANTED)) == []
    for name, title in WANTED.items():
        assert title in read_json(real / f"{name}.json")["title"]
    found = Counter(status for name in WANTED for status in statuses(real, name))
    assert found["shown"] > 100
    # Of the wizard's script alone it can be said without a build.
    assert (found["passed"], found["failed"]) == (1, 0)


def test_every_finder_is_asked_for() -> None:
    text = "".join(path.read_text("utf-8") for path in prose.FOLDER.glob("*.toml"))
    unused = [
        name
        for name in whole_pack.FINDERS
        if f'source = "{name}"' not in text and f'table = "{name}.' not in text
    ]
    assert unused == []


def test_the_rules_about_attacks_are_in_chinese() -> None:
    rules = {rule for rule, _ in run_facts.rules_of(ROOT)}
    # A new one may come first, and is shown in English until it has words.
    assert len(rules & prose.words()["rules"].keys()) > 0.8 * len(rules)


def test_every_folder_of_tests_has_words() -> None:
    folders = {
        path.relative_to(ROOT / "tests").parts[0] for path in ROOT.glob("tests/*/**/test_*.py")
    }
    assert folders <= prose.words()["folders"].keys()


# Results of tests.


@pytest.fixture
def inputs(root: Path, folder: Path) -> PackInputs:
    del folder  # it is beside the checkout, which has to be there
    return inputs_of(root, root.parent / "pack")


@pytest.mark.usefixtures("folder")
def test_results_count_for_the_very_sources_alone(root: Path) -> None:
    state = results.source_state(root)
    results.record(state, {"tests/unit/test_a.py::test_a": "passed"}, is_whole=False, root=root)
    assert results.results_of(state, root) is not None
    (root / "SOURCE.md").write_text("other", "utf-8")
    other = results.source_state(root)
    assert results.results_of(other, root) is None
    results.record(state, {"tests/unit/test_a.py::test_b": "passed"}, is_whole=True, root=root)
    kept = results.results_of(state, root)
    assert kept is not None
    assert list(kept.tests) == ["tests/unit/test_a.py::test_a"]
    results.record(other, {"tests/unit/test_a.py::test_c": "passed"}, is_whole=True, root=root)
    assert results.results_of(state, root) is None


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"tests": []}',
        b'{"commit":"","changes":"","whole":1,"tests":{"a":"x"}}',
        b"\xff",
    ],
)
def test_results_that_cannot_be_read_are_none(root: Path, content: bytes) -> None:
    (root / "build").mkdir()
    (root / results.FILE).write_bytes(content)
    assert results.results_of(results.source_state(root), root) is None
    assert results.results_of(results.SourceState("", ""), root) is None


def record(root: Path, *, is_whole: bool, **ended: str) -> None:
    outcomes = {f"tests/unit/test_x.py::test_{name}": how for name, how in ended.items()}
    results.record(results.source_state(root), outcomes, is_whole=is_whole, root=root)


def test_counts_are_those_of_the_results(root: Path, inputs: PackInputs) -> None:
    assert run_facts.tests(inputs).absent == "no_results"
    record(root, is_whole=False, a="passed", b="failed", c="skipped")
    found = run_facts.tests(inputs)
    assert (found.values["all"], found.values["failed"], found.values["partial"]) == (3, 1, 1)
    record(root, is_whole=True, b="passed", d="passed")
    again = run_facts.tests(replace(inputs, kept=inputs_of(root, root.parent / "more").kept))
    wanted = {"all": 4, "passed": 3, "failed": 0, "skipped": 1, "again": 1, "partial": 0}
    assert {name: again.values[name] for name in wanted} == wanted
    assert [row.cells[1:] for row in again.tables["folders"]] == [("3", "0", "1")]
    picked = run_facts.picked(("unit/test_x.py",))(inputs_of(root, root.parent / "third"))
    assert picked.values["passed"] == 3
    assert picked.values["partial"] == 0
    assert run_facts.picked(("unit/test_y.py",))(inputs).absent == "no_results"


def test_a_file_of_which_nothing_ran_is_not_hidden_by_the_others(
    root: Path, inputs: PackInputs
) -> None:
    record(root, is_whole=True, a="passed")
    state = results.source_state(root)
    skipped = {"tests/unit/test_y.py::test_a": "skipped"}
    results.record(state, skipped, is_whole=True, root=root)
    for names, partial in (
        (("unit/test_x.py",), 0),
        (("unit/test_x.py", "unit/test_y.py"), 1),
        (("unit/test_x.py", "unit/test_gone.py"), 1),
    ):
        found = run_facts.picked(names)(inputs)
        assert (found.values["passed"], found.values["partial"]) == (1, partial)


def test_a_rule_holds_where_each_of_its_tests_ran_and_passed(
    root: Path, inputs: PackInputs
) -> None:
    (root / "tests").mkdir()
    (root / run_facts.RULES).write_text(
        "## Which test holds which rule\n\n| rule | test |\n| --- | --- |\n"
        "| Both. | `unit/test_x.py::test_a`, `unit/test_x.py::test_b` |\n"
        "| One failed. | `unit/test_x.py::test_a`, `unit/test_x.py::test_c` |\n"
        "| One was skipped. | `unit/test_x.py::test_a`, `unit/test_x.py::test_d` |\n"
        "| One did not run. | `unit/test_x.py::test_a`, `unit/test_x.py::test_e` |\n",
        "utf-8",
    )
    inputs = replace(inputs, state=results.source_state(root))
    ended = {"a": "passed", "b[1]": "passed", "b[2]": "passed", "c": "failed", "d": "skipped"}
    record(root, is_whole=True, **ended)
    rows = run_facts.rules(inputs).tables["rules"]
    assert [row.status for row in rows] == ["passed", "failed", "not_run", "not_run"]
    assert rows[2].evidence == ()


# Bills.


def bill(*parts: dict[str, Any]) -> bytes:
    return json.dumps({"components": [{"type": "library", **part} for part in parts]}).encode()


def test_what_nobody_states_stays_blank(root: Path, inputs: PackInputs) -> None:
    (root / "installer" / "release").mkdir(parents=True)
    (root / bill_facts.ORIGINS).write_text(
        '[[origin]]\nname = "b"\ncountry = "Taiwan"\nstated = "its README"\n', "utf-8"
    )
    (root / "installers").mkdir()
    (root / "installers" / "sbom-linux-x86_64.cdx.json").write_bytes(
        bill(
            {"name": "a", "version": "1", "supplier": {"name": UNSTATED}},
            {"name": "b", "version": "2", "licenses": [{"license": {"id": "MIT"}}], "hashes": []},
            {"type": "file", "name": "installer.run"},
        )
    )
    found = bill_facts.finding(inputs)
    assert [row.cells[:5] for row in found.tables["components"]] == [
        ("a", "1", "", "", ""),
        ("b", "2", "MIT", "", "Taiwan"),
    ]
    assert found.values["components"] == 2
    assert found.values["without_licence"] == found.values["without_country"] == 1
    (root / bill_facts.ORIGINS).write_text('[[origin]]\nname = "b"\ncountry = "X"\n', "utf-8")
    with pytest.raises(SetupError, match="where it is stated"):
        bill_facts.finding(inputs)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"components": 1}', bill({"name": 1}), b"{}"])
def test_a_bill_that_cannot_be_read_is_named(content: bytes) -> None:
    if content == bill({"name": 1}):
        assert bill_facts.components("linux", content) == [("1", "", "", "")]
        return
    with pytest.raises(SetupError, match="the bill of linux"):
        bill_facts.components("linux", content)


# The quarter.


def test_the_quarter_tells_what_changed_since_the_tag(root: Path, inputs: PackInputs) -> None:
    lock, ledger = root / quarter_facts.LOCK, root / repo_facts.LEDGER
    for path in (lock, ledger):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("kept==1 \\\n    --hash=x\nold==1 \\\n    --hash=x\nup==1 \\\n", "utf-8")
    run = {"target": "t", "engine": "e", "executions": 100, "seconds": 1, "crashes": 0}
    ledger.write_text(json.dumps([run]), "utf-8")
    (root / quarter_facts.CHANGELOG).write_text("CVE-2020-1111\n", "utf-8")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "Release")
    git(root, "tag", "v1")
    lock.write_text("kept==1 \\\nnew==3 \\\nup==2 ; sys_platform == 'x' \\\nup==2 \\\n", "utf-8")
    ledger.write_text(json.dumps([run, {**run, "executions": 23}]), "utf-8")
    (root / quarter_facts.CHANGELOG).write_text("CVE-2020-1111 GHSA-aaaa-bbbb-cccc\n", "utf-8")
    found = quarter_facts.finding(replace(inputs, since="v1"))
    assert [row.cells[:3] for row in found.tables["components"]] == [
        ("new", "–", "3"),
        ("old", "1", "–"),
        ("up", "1", "2"),
    ]
    assert [row.cells for row in found.tables["advisories"]] == [("GHSA-aaaa-bbbb-cccc",)]
    assert (found.values["executions"], found.values["executions_now"]) == ("23", "123")


@pytest.mark.parametrize("since", ["v9", "HEAD", "--all", "v1^{commit}"])
def test_what_is_no_tag_is_refused(root: Path, inputs: PackInputs, since: str) -> None:
    git(root, "tag", "v1")
    with pytest.raises(SetupError, match="is no tag of this checkout; there are: v1"):
        quarter_facts.finding(replace(inputs, since=since))


def test_without_a_tag_the_quarter_says_so(inputs: PackInputs) -> None:
    assert quarter_facts.finding(inputs).absent == "no_since"


# Reports of a run elsewhere.


def sarif(commit: str, *levels: str) -> dict[str, Any]:
    return {
        "runs": [
            {
                "tool": {"driver": {"name": "Scanner"}},
                "versionControlProvenance": [{"revisionId": commit}],
                "results": [{"level": level} for level in levels],
            }
        ]
    }


def test_a_report_counts_for_its_own_commit_alone(root: Path, inputs: PackInputs) -> None:
    path = root.parent / "report.sarif"
    given = replace(inputs, reports=(path,))
    path.write_text(json.dumps(sarif(inputs.state.commit, "error", "note", "note")), "utf-8")
    found = scan_facts.code_scanning(given)
    assert (found.values["error"], found.values["note"], found.values["all"]) == (1, 2, 3)
    path.write_text(json.dumps(sarif("0" * 40)), "utf-8")
    assert scan_facts.code_scanning(given).absent == "other_commit"
    assert scan_facts.audit(given).absent == "no_report"
    path.write_text("{", "utf-8")
    with pytest.raises(SetupError, match=r"report\.sarif"):
        scan_facts.code_scanning(given)


def test_a_result_without_a_level_is_as_grave_as_its_rule(root: Path, inputs: PackInputs) -> None:
    """CodeQL says it of the rule alone, of a pack that extends it."""
    path = root.parent / "report.sarif"
    given = replace(inputs, reports=(path,))
    report = sarif(inputs.state.commit)
    (run,) = report["runs"]
    rule = {"id": "py/injection", "defaultConfiguration": {"level": "error"}}
    run["tool"]["extensions"] = [{"name": "queries", "rules": [rule, {"id": "py/other"}]}]
    run["results"] = [
        *({"ruleId": "py/injection"}, {"rule": {"id": "py/injection"}}, {"ruleId": "py/other"}),
        {"ruleId": "py/injection", "level": "note"},
    ]
    path.write_text(json.dumps(report), "utf-8")
    found = scan_facts.code_scanning(given)
    assert [found.values[each] for each in ("error", "warning", "note")] == [2, 1, 1]
    report["runs"].append({"tool": {"driver": {"name": "Other"}}, "results": []})
    path.write_text(json.dumps(report), "utf-8")
    assert scan_facts.code_scanning(given).absent == "other_commit"


def test_an_audit_counts_where_it_covers_the_lock(root: Path, inputs: PackInputs) -> None:
    lock = root / "installer" / "requirements" / "installer.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text("a==1 \\\n    --hash=x\nb==2 \\\n", "utf-8")
    path = root.parent / "audit.json"
    given = replace(inputs, reports=(path,))
    rows = [{"name": "a", "version": "1", "vulns": [{"id": "X"}]}, {"name": "B", "version": "2"}]
    path.write_text(json.dumps({"dependencies": rows}), "utf-8")
    assert scan_facts.audit(given).values == {"packages": 2, "known": 1}
    path.write_text(json.dumps({"dependencies": rows[:1]}), "utf-8")
    assert scan_facts.audit(given).absent == "other_packages"


# What makes the chore fail early.


def test_an_installer_that_is_not_what_was_summed_stops_it(tmp_path: Path) -> None:
    (tmp_path / "ankong.run").write_bytes(b"built")
    line = f"{sha256_of(tmp_path / 'ankong.run')}  ankong.run{os.linesep}"
    (tmp_path / "SHA256SUMS").write_text(line + "0" * 64 + "  gone.deb\n", "utf-8")
    whole_pack.check_sums(tmp_path)
    (tmp_path / "ankong.run").write_bytes(b"other")
    with pytest.raises(SetupError, match=r"ankong\.run"):
        whole_pack.check_sums(tmp_path)


@pytest.mark.parametrize(
    ("line", "is_reasoned"),
    [
        ("run()  # noqa: S603  # no shell", True),
        ("run()  # noqa: PLC0415, S603 - no shell", True),
        ("run()  # noqa: S603", False),
        ("run()  # noqa: E501  # long", False),
    ],
)
def test_an_exception_counts_as_reasoned_with_its_reason_alone(
    line: str, is_reasoned: bool, monkeypatch: pytest.MonkeyPatch, inputs: PackInputs, root: Path
) -> None:
    (root / "agent.py").write_text(f"{line}\n", "utf-8")
    row = {
        "code": "S603",
        "filename": str(root / "agent.py"),
        "location": {"row": 1},
        "noqa_row": 1,
        "message": "m",
    }

    def ruff(words: list[str]) -> str:
        return json.dumps([row] if "--ignore-noqa" in words else [] if "check" in words else "0 1")

    monkeypatch.setattr(scan_facts, "output", ruff)
    found = scan_facts.ruff(inputs).values
    assert (found["left"], found["excused"], found["bare"]) == (0, 1, int(not is_reasoned))


def test_bandit_is_counted_by_risk(monkeypatch: pytest.MonkeyPatch, inputs: PackInputs) -> None:
    (inputs.root / "a.py").write_text("run()\nrun()  # noqa: S1  # why\n", "utf-8")
    rows = [
        {
            "test_id": "B1",
            "test_name": "one",
            "issue_severity": severity,
            "filename": "a.py",
            "line_range": [line],
        }
        for severity, line in (("LOW", 1), ("LOW", 2), ("HIGH", 1))
    ]
    report = {
        "errors": [],
        "generated_at": "now",
        "metrics": {"_totals": {"loc": 2}},
        "results": rows,
    }
    monkeypatch.setattr(scan_facts, "output", lambda _words: json.dumps(report))
    found = scan_facts.bandit(inputs)
    assert [found.values[each] for each in ("all", "high", "low", "reviewed")] == [3, 1, 2, 1]
    assert [row.cells[-1] for row in found.tables["tests"]] == ["1", "2"]
    monkeypatch.setattr(scan_facts, "output", lambda _words: "no report")
    with pytest.raises(SetupError, match="bandit"):
        scan_facts.bandit(inputs)
