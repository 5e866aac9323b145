"""Which rows are a member's: found by the tables' references, so that no way can be forgotten.

A row is a member's when it refers to the member, or to a row that is the member's. A reference that
is emptied when its row goes (``ON DELETE SET NULL``) makes nobody an owner.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, ForeignKey, Table, delete, or_, select

from agent.portal.store.tables import MEMBER, METADATA
from agent.portal.store.transaction import Transaction


def tables_of(member_id: str) -> Sequence[tuple[Table, ColumnElement[bool]]]:
    """Return the tables with rows of a member and which rows those are, the member's own first."""
    owned: dict[Table, ColumnElement[bool]] = {MEMBER: MEMBER.c.id == member_id}
    for table in METADATA.sorted_tables:
        owners = [
            each.parent.in_(select(each.column).where(owned[each.column.table]))
            for each in table.foreign_keys
            if _makes_an_owner(each) and each.column.table in owned
        ]
        if owners:
            owned[table] = or_(*owners)
    return list(owned.items())


def delete_all(tx: Transaction, member_id: str) -> None:
    """Delete every row of a member, and the member."""
    for table, whose in reversed(tables_of(member_id)):
        tx.execute(delete(table).where(whose))


def _makes_an_owner(reference: ForeignKey) -> bool:
    refers_to_itself = reference.column.table is reference.parent.table
    return not refers_to_itself and (reference.ondelete or "").upper() != "SET NULL"
