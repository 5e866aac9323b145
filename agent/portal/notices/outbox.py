"""The outbox: what has to be told to members, kept with the event that it tells of."""

from collections.abc import Sequence
from enum import StrEnum, unique

import msgspec
from sqlalchemy import insert, select

from agent.portal.contact import Contact
from agent.portal.members import contacts_of
from agent.portal.store.tables import MEMBER, NOTICE
from agent.portal.store.transaction import Transaction
from agent.words import Language


@unique
class NoticeKind(StrEnum):
    """What is told; its words are ``notice.KIND.subject`` and ``notice.KIND.text``."""

    GOLD = "gold"
    TAKEN_BACK = "taken_back"


def tell(tx: Transaction, member_id: str, kind: NoticeKind, **facts: str | int) -> None:
    """Put a notice into the outbox for each contact of a member, in this transaction.

    Args:
        tx: the transaction of the event.
        member_id: who is told.
        kind: what.
        facts: what its words need; never an ID number.

    """
    tell_contacts(tx, member_id, contacts_of(tx, member_id), kind, **facts)


def tell_contacts(
    tx: Transaction,
    member_id: str,
    contacts: Sequence[Contact],
    kind: NoticeKind,
    **facts: str | int,
) -> None:
    """Do what :func:`tell` does, for these contacts: also for one that the member had before."""
    chosen = tx.execute(select(MEMBER.c.language).where(MEMBER.c.id == member_id)).scalar()
    first, *_ = Language
    for contact in contacts:
        tx.execute(
            insert(NOTICE).values(
                member=member_id,
                kind=kind.value,
                channel=contact.kind.value,
                contact=contact.value,
                language=chosen or str(first),
                facts=msgspec.json.encode(facts).decode(),
                created=tx.now,
                due=tx.now,
            )
        )
