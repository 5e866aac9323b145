"""The history in other programs: a table stays a table, and JSON says the same."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.history.export import BYTE_ORDER_MARK, as_csv, as_record, verdict_record
from agent.history.line import FIELDS, NOTHING_BEFORE, HistoryLine, presentable
from agent.history.store import read, verify
from tests.signing.history_support import entry, tampering, written


def line(**fields: str | None) -> HistoryLine:
    return HistoryLine.after(1, 1, NOTHING_BEFORE, entry(0, **fields))


def table(text: str) -> list[list[str]]:
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


def test_a_table_has_a_head_and_a_row_for_each_line() -> None:
    one = line()
    head, row, *rest = table(as_csv([one]))
    assert rest == []
    assert head == [*FIELDS, "previous", "link"]
    found = dict(zip(head, row, strict=True))
    assert {name: str(value or "") for name, value in as_record(one).items()} == found


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "=cmd|'/C calc'!A0",
        '=HYPERLINK("https://evil.example","見")',
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(A1)",
        "|calc",
        "%0A=1+1",
        " =1+1",
        "\u3000=1+1",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "\tx",
    ],
)
def test_a_cell_never_becomes_a_formula(name: str) -> None:
    for field in ("document", "holder", "site", "detail"):
        head, row = table(as_csv([line(**{field: name})]))
        assert row[head.index(field)] == "'" + name


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_name_breaks_out_of_its_cell(name: str) -> None:
    shown = presentable(name)
    head, row = table(as_csv([line(document=shown)]))
    assert len(row) == len(head)
    cell = row[head.index("document")]
    assert cell in (shown, "'" + shown)
    assert not cell.lstrip().startswith(tuple("=+-@＝＋－＠"))


def test_what_a_walk_found_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    written(path, 3)
    assert verdict_record(verify(path)) == {
        "intact": True,
        "only_unwritten": False,
        "lines": 3,
        "segments": 1,
        "breaks": [],
        "more_breaks": 0,
    }
    with tampering(path) as connection:
        connection.execute("UPDATE lines SET site = 'x' WHERE seq = 2")
    told = json.loads(json.dumps(verdict_record(verify(path))))
    assert told["intact"] is False
    assert told["breaks"] == [
        {"seq": 2, "segment": 1, "flaw": "changed", "what": "this line was changed"}
    ]


def test_a_record_can_be_checked_by_others(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    written(path, 2)
    newer, older = (as_record(each) for each in read(path))
    assert newer["previous"] == older["link"]
    assert older["previous"] == "00" * 32
