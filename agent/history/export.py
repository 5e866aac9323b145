"""The history for other programs: CSV (RFC 4180) and JSON."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

from agent.history.chain import ChainVerdict
from agent.history.line import FIELDS, HistoryLine

BYTE_ORDER_MARK: Final = "\ufeff"
"""Before CSV, or a spreadsheet takes Chinese names for something else."""
_COLUMNS: Final = (*FIELDS, "previous", "link")
# What spreadsheets take for the beginning of a formula, in the full-width forms too.
_FORMULA: Final = tuple("=+-@＝＋－＠|%")


def as_record(line: HistoryLine) -> dict[str, Any]:
    """Return a line's fields by their names; links as lower-case hexadecimal."""
    values = {name: getattr(line.entry, name) for name in FIELDS[2:]}
    return {
        "seq": line.seq,
        "segment": line.segment,
        **values,
        "previous": line.previous.hex(),
        "link": line.link.hex(),
    }


def as_csv(lines: Iterable[HistoryLine]) -> str:
    """Return a CSV table; a spreadsheet takes no cell of it for a formula."""
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    for line in lines:
        record = as_record(line)
        writer.writerow([_cell(record[name]) for name in _COLUMNS])
    return BYTE_ORDER_MARK + table.getvalue()


def verdict_record(verdict: ChainVerdict) -> dict[str, Any]:
    """Return what checking the chain found, for JSON."""
    return {
        "intact": verdict.intact,
        "only_unwritten": verdict.only_unwritten,
        "lines": verdict.lines,
        "segments": verdict.segments,
        "breaks": [
            {
                "seq": found.seq,
                "segment": found.segment,
                "flaw": str(found.flaw),
                "what": found.what,
            }
            for found in verdict.breaks
        ],
        "more_breaks": verdict.more_breaks,
    }


def _cell(value: str | int | None) -> str:
    text = "" if value is None else str(value)
    harmful = text.lstrip().startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if harmful else text
