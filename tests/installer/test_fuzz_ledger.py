"""The ledger of fuzzing holds what sessions wrote, and README says its sum."""

import json
import runpy
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.fuzz import session, target

ROOT: Final = Path(__file__).resolve().parents[2]
ROW: Final = {
    "target": "tlv",
    "engine": "atheris",
    "executions": 1_800_000,
    "seconds": 5400,
    "edges": 34,
    "crashes": 0,
    "commit": "0" * 40,
    "date": "2026-06-15",
}


@pytest.fixture(scope="module")
def ledger() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "installer/release/fuzz_ledger.py"))


def test_the_readme_says_what_the_ledger_does(ledger: dict[str, Any]) -> None:
    rows = ledger["read"](ledger["LEDGER"])
    text = ledger["README"].read_text("utf-8")
    assert ledger["page"](text, rows) == text


def test_every_row_is_of_a_target_that_there_is(ledger: dict[str, Any]) -> None:
    rows = ledger["read"](ledger["LEDGER"])
    assert {row["target"] for row in rows} <= set(target.NAMES)


def test_the_ledger_stands_as_its_writer_writes_it(ledger: dict[str, Any], tmp_path: Path) -> None:
    ledger["add"](tmp_path / "again.json", ledger["read"](ledger["LEDGER"]))
    assert (tmp_path / "again.json").read_bytes() == ledger["LEDGER"].read_bytes()


def test_a_session_is_counted_once(ledger: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    ledger["add"](path, [ROW])
    ledger["add"](path, [ROW, {**ROW, "target": "pdf"}])
    rows = ledger["read"](path)
    assert [row["target"] for row in rows] == ["pdf", "tlv"]
    for said in ledger["sentences"](rows).values():
        assert all(fact in said for fact in ("3,600,000", " 2 ", "3.0", "2026-06-15"))
    assert set(ledger["sentences"]([]).values()) == {""}


@pytest.mark.parametrize(
    "change",
    [
        {"executions": 0},
        {"executions": "9"},
        {"commit": "dirty"},
        {"date": "today"},
        {"crashes": -1},
        {"more": 1},
    ],
)
def test_what_no_session_wrote_is_refused(
    ledger: dict[str, Any], tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "ledger.json"
    with pytest.raises(ValueError, match=r"fields|commit|ran"):
        ledger["add"](path, [{**ROW, **change}])
    path.write_text(json.dumps({"format": 1, "sessions": [{**ROW, **change}]}))
    with pytest.raises(ValueError, match=r"fields|commit|ran"):
        ledger["read"](path)


def test_a_readme_without_a_place_is_no_readme(ledger: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no place"):
        ledger["page"]("# a\n", [ROW])


def test_a_crash_counts_each_time_and_an_end_that_keeps_no_input_is_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = [77]

    def run(words: list[str], **_options: object) -> subprocess.CompletedProcess[bytes]:
        (prefix,) = (word.partition("=")[2] for word in words if "-artifact_prefix=" in word)
        if ended[0] == 77:
            Path(f"{prefix}crash-1").write_bytes(b"x")
        return subprocess.CompletedProcess(words, ended[0], b"#12\tDONE cov: 3 ft: 3\n", b"")

    monkeypatch.setattr(subprocess, "run", run)
    for _ in range(2):
        found = session.run("tlv", 1, tmp_path)
        assert ([path.name for path in found.crashes], found.executions) == (["crash-1"], 12)
    ended[0] = 0
    assert session.run("tlv", 1, tmp_path).crashes == ()
    ended[0] = -9  # such as for want of memory
    with pytest.raises(RuntimeError, match="ended with -9"):
        session.run("tlv", 1, tmp_path)
