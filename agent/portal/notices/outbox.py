"""The outbox: what has to be told to members, kept with the event that it tells of."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import insert, select

from agent.portal.contact import Contact
from agent.portal.logins import contacts_of
from agent.portal.notices.kinds import NoticeKind, check_facts
from agent.portal.store.tables import MEMBER, NOTICE
from agent.portal.store.transaction import Transaction
from agent.words.language import FIRST

__all__ = ["NoticeKind", "tell", "tell_contacts"]


def tell(tx: Transaction, member_id: str, kind: NoticeKind, **facts: str | int) -> None:
    """Put a notice into the outbox for each contact of a member, in this transaction.

    Args:
        tx: the transaction of the event.
        member_id: who is told.
        kind: what.
        facts: what its words need, see ``kinds.NEEDED``; never an ID number.

    Raises:
        ValueError: these are not the facts of this kind.

    """
    tell_contacts(tx, member_id, contacts_of(tx, member_id), kind, **facts)


def tell_contacts(
    tx: Transaction,
    member_id: str,
    contacts: Sequence[Contact],
    kind: NoticeKind,
    **facts: str | int,
) -> None:
    """Do what :func:`tell` does, for these contacts: also for one that the member had before.

    Raises:
        ValueError: as :func:`tell`.

    """
    check_facts(kind, facts)
    chosen = tx.execute(select(MEMBER.c.language).where(MEMBER.c.id == member_id)).scalar()
    for contact in contacts:
        row = {
            "member": member_id,
            "kind": kind.value,
            "channel": contact.kind.value,
            "contact": contact.value,
            "facts": msgspec.json.encode(facts).decode(),
            "created": tx.now,
        }
        same = [NOTICE.c[name] == value for name, value in row.items()]
        if tx.first(select(NOTICE.c.id).where(*same)) is None:  # said once in a second is enough
            row |= {"language": chosen or str(FIRST), "due": tx.now}
            tx.execute(insert(NOTICE).values(row))
