"""Everything that is kept about a member, for the member: to look at, and as a file.

What other parts of the service keep is found by the tables' references. Left out are digests, keys
and sealed content, which say nothing to anybody; the file names them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, LargeBinary, Table, select

from agent.portal.account.ownership import tables_of
from agent.portal.contact import LoginKind
from agent.portal.members import Way
from agent.portal.moments import rfc3339
from agent.portal.store.tables import AUDIT, CHALLENGE, LOGIN, MEMBER, NOTICE, SESSION, UPGRADE
from agent.portal.store.transaction import Transaction
from agent.words import SOURCE, load

_TOLD_APART: Final = frozenset({MEMBER, LOGIN, UPGRADE, SESSION, CHALLENGE})
_MOMENTS: Final = frozenset({"at", "created", "ended", "gold_since", "closing", "expires"})
_MOST: Final = 10_000  # rows of a table

OwnData = Mapping[str, Any]
"""What :func:`collect` returns: only what JSON has."""


def collect(tx: Transaction, member_id: str) -> OwnData:
    """Return what is kept about a member, in sections; times are RFC 3339 in UTC."""
    owned = dict(tables_of(member_id))
    others = {
        table.name: rows
        for table, whose in owned.items()
        if table not in _TOLD_APART and (rows := _rows(tx, table, whose))
    }
    return {
        "made": rfc3339(tx.now),
        "member": _rows(tx, MEMBER, MEMBER.c.id == member_id)[0],
        "logins": _logins(tx, member_id),
        "upgrades": [_with_evidence(row) for row in _rows(tx, UPGRADE, owned[UPGRADE])],
        "sessions": _rows(tx, SESSION, SESSION.c.member == member_id),
        "notices": _rows(tx, NOTICE, NOTICE.c.member == member_id),
        "history": _history(tx, member_id),
        "applications": others,
    }


def registered_at(tx: Transaction, member_id: str) -> int:
    """Return when the member registered, in seconds since 1970."""
    return int(tx.execute(select(MEMBER.c.created).where(MEMBER.c.id == member_id)).scalar_one())


@dataclass(frozen=True, slots=True)
class KeptUpgrade:
    """How and when the member became gold; ``taken_back_at`` is None unless it was a mistake.

    Times are in seconds since 1970; ``documents`` are the keys of their words, ``case`` is the
    number of an application.
    """

    way: Way
    at: int
    documents: Sequence[str]
    case: str | None
    taken_back_at: int | None


def upgrades_of(tx: Transaction, member_id: str) -> list[KeptUpgrade]:
    """Return the member's upgrades, oldest first, with their evidence as far as it has words."""
    columns = (UPGRADE.c.way, UPGRADE.c.at, UPGRADE.c.evidence, UPGRADE.c.taken_back_at)
    rows = tx.execute(select(*columns).where(UPGRADE.c.member == member_id).order_by(UPGRADE.c.id))
    return [_as_kept(Way(row.way), row.at, row.evidence, row.taken_back_at) for row in rows]


def _as_kept(way: Way, at: int, evidence: str, taken_back_at: int | None) -> KeptUpgrade:
    facts = msgspec.json.decode(evidence, type=dict[str, str | int | bool])
    names = ("document",) if way is Way.ONLINE else ("document_1", "document_2")
    keys = [f"{way}.document.{facts[name]}" for name in names if facts.get(name)]
    documents = [key for key in keys if key in load(SOURCE)]  # a kind may have been given up
    case = facts.get("case")
    return KeptUpgrade(way, at, documents, None if case is None else str(case), taken_back_at)


def sessions_of(tx: Transaction, member_id: str) -> list[tuple[int, int]]:
    """Return when the member's open sessions began and when they end at the latest."""
    rows = tx.execute(
        select(SESSION.c.created, SESSION.c.expires)
        .where(SESSION.c.member == member_id, SESSION.c.expires > tx.now)
        .order_by(SESSION.c.id)
    )
    return [(row.created, row.expires) for row in rows]


def _rows(tx: Transaction, table: Table, whose: ColumnElement[bool]) -> list[dict[str, Any]]:
    """Return rows without what is binary and without what refers to staff."""
    shown = [
        column
        for column in table.c
        if not isinstance(column.type, LargeBinary)
        and not any(each.column.table.name == "staff" for each in column.foreign_keys)
    ]
    rows = tx.execute(select(*shown).where(whose).order_by(*table.primary_key).limit(_MOST))
    return [
        {name: _shown(name, value) for name, value in row._mapping.items()}  # noqa: SLF001  # its public name
        for row in rows
    ]


def _logins(tx: Transaction, member_id: str) -> list[dict[str, Any]]:
    logins = _rows(tx, LOGIN, LOGIN.c.member == member_id)
    for login in logins:
        key = login.pop("key")
        # Of a card only a keyed digest is kept.
        login["value"] = login["label"] if login["kind"] == LoginKind.CARD.value else key
    return logins


def _with_evidence(upgrade: dict[str, Any]) -> dict[str, Any]:
    return upgrade | {"evidence": msgspec.json.decode(upgrade["evidence"])}


def _history(tx: Transaction, member_id: str) -> Sequence[dict[str, Any]]:
    """Return the audit's lines about the member; of who did it only whether it was staff."""
    rows = tx.execute(
        select(AUDIT.c.at, AUDIT.c.event, AUDIT.c.outcome, AUDIT.c.staff)
        .where(AUDIT.c.member == member_id)
        .order_by(AUDIT.c.id.desc())
        .limit(_MOST)
    )
    return [
        {
            "at": rfc3339(row.at),
            "event": row.event,
            "outcome": row.outcome,
            "by_staff": row.staff is not None,
        }
        for row in rows
    ]


def _shown(name: str, value: Any) -> Any:
    return rfc3339(value) if name in _MOMENTS and isinstance(value, int) else value
