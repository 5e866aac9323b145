"""Read the audit: by filters, page by page, checked, and as a table for spreadsheets."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, Select, select

from agent.portal.audit import FIRST_LINK, AuditLine, link
from agent.portal.moments import rfc3339, start_of_day
from agent.portal.store.database import PortalDatabase
from agent.portal.store.tables import AUDIT
from agent.portal.store.transaction import Transaction

PAGE: Final = 50
"""Lines on a page."""
BYTE_ORDER_MARK: Final = "\ufeff"
"""Before CSV, or a spreadsheet takes Chinese for something else."""

_SLICE: Final = 2000  # lines that are read in one transaction, so that nobody waits for long
_LONGEST: Final = 64
_COLUMNS: Final = AuditLine.__struct_fields__
# What spreadsheets take for the beginning of a formula, in the full-width forms too.
_FORMULA: Final = tuple("=+-@|%\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines are wanted; what is empty matches all.

    Attributes:
        event: of a line.
        outcome: of a line.
        member: the member's number.
        staff: the number of a member of staff.
        subject: such as a case number.
        since: the first day, in Taiwan.
        until: the last day.

    """

    event: str = ""
    outcome: str = ""
    member: str = ""
    staff: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "AuditFilter":
        """Return what an address asks for; what cannot be meant matches nothing or is left out."""
        asked = {each.name: query.get(each.name, "") for each in fields(cls)}
        return cls(**{name: _plain(text) for name, text in asked.items()})

    @property
    def query(self) -> dict[str, str]:
        """What an address has to say for it."""
        asked = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in asked.items() if value}

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return it as conditions; values are always parameters of the statement."""
        named = ("event", "outcome", "member", "subject")
        found = [AUDIT.c[name] == getattr(self, name) for name in named if getattr(self, name)]
        if self.staff:
            is_number = self.staff.isascii() and self.staff.isdigit() and len(self.staff) < 10
            found.append(AUDIT.c.staff == (int(self.staff) if is_number else -1))
        if (since := _day(self.since)) is not None:
            found.append(AUDIT.c.at >= start_of_day(since))
        if (until := _day(self.until)) is not None and until < date.max:
            found.append(AUDIT.c.at < start_of_day(until + timedelta(days=1)))
        return found


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What checking the chain has found.

    Attributes:
        lines: how many lines there are.
        broken_at: the first line that is not as it was written; None if all are.
        end: the digest of the last line, hexadecimal: who keeps it can show later that nothing
            was cut off.

    """

    lines: int
    broken_at: int | None
    end: str


def page_of(tx: Transaction, wanted: AuditFilter, before: int | None) -> list[AuditLine]:
    """Return one line more than a page, newest first; those before a number if one is given."""
    statement = _lines().where(*wanted.conditions()).order_by(AUDIT.c.id.desc()).limit(PAGE + 1)
    if before is not None:
        statement = statement.where(AUDIT.c.id < before)
    return [_line(row) for row in tx.execute(statement).mappings()]


async def check(db: PortalDatabase) -> ChainCheck:
    """Check every line that is there now."""
    last, number = FIRST_LINK, 0
    while True:
        checked, last, broken_at = await db.read(_check_slice, number, last)
        number += checked
        if broken_at is not None or checked < _SLICE:
            return ChainCheck(number, broken_at, last.hex())


def _check_slice(tx: Transaction, after: int, last: bytes) -> tuple[int, bytes, int | None]:
    columns = [AUDIT.c[name] for name in _COLUMNS]
    statement = select(*columns, AUDIT.c.chain).where(AUDIT.c.id > after)
    number = after
    for row in tx.execute(statement.order_by(AUDIT.c.id).limit(_SLICE)).mappings():
        number += 1
        line, chain = _line(row), bytes(row["chain"])
        if line.id != number or chain != link(tx.keyring, last, line):
            return number - after - 1, last, number
        last = chain
    return number - after, last, None


async def export(db: PortalDatabase, wanted: AuditFilter) -> AsyncIterator[str]:
    """Give a table in CSV (RFC 4180), oldest line first, in pieces."""
    yield BYTE_ORDER_MARK + as_csv([("time", *_COLUMNS, "chain")])
    after = 0
    while rows := await db.read(_export_slice, wanted, after):
        after = int(rows[-1][1])
        yield as_csv(rows)
        if len(rows) < _SLICE:
            return


def _export_slice(tx: Transaction, wanted: AuditFilter, after: int) -> list[tuple[str, ...]]:
    columns = [AUDIT.c[name] for name in _COLUMNS]
    statement = (
        select(*columns, AUDIT.c.chain)
        .where(AUDIT.c.id > after, *wanted.conditions())
        .order_by(AUDIT.c.id)
        .limit(_SLICE)
    )
    return [
        (rfc3339(row["at"]), *(_text(row[name]) for name in _COLUMNS), row["chain"].hex())
        for row in tx.execute(statement).mappings()
    ]


def as_csv(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows of a table; a spreadsheet takes no cell of it for a formula."""
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_ALL)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return table.getvalue()


def _cell(text: str) -> str:
    is_harmful = text.lstrip().startswith(_FORMULA) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if is_harmful else text


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def _lines() -> Select[Any]:
    return select(*(AUDIT.c[name] for name in _COLUMNS))


def _line(row: RowMapping) -> AuditLine:
    facts: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    if facts["certificate"] is not None:
        facts["certificate"] = bytes(facts["certificate"])
    return AuditLine(**facts)


def _plain(text: str) -> str:
    return text.replace("\0", "").strip()[:_LONGEST]  # PostgreSQL takes no NUL


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
