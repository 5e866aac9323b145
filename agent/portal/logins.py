"""The contacts by which a member logs in, and is told things."""

from sqlalchemy import select

from agent.portal.contact import Contact, LoginKind
from agent.portal.store.tables import LOGIN
from agent.portal.store.transaction import Transaction


def contacts_of(tx: Transaction, member_id: str) -> list[Contact]:
    """Return a member's contacts, oldest first."""
    rows = tx.execute(
        select(LOGIN.c.kind, LOGIN.c.key)
        .where(LOGIN.c.member == member_id, LOGIN.c.kind != LoginKind.CARD.value)
        .order_by(LOGIN.c.id)
    )
    return [Contact(LoginKind(row.kind), row.key) for row in rows]
