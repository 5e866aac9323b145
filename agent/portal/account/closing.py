"""Closing an account: asked for, taken back within seven days, or carried out after them.

Then everything that refers to the member is deleted, and the ID number may be used again. The audit
keeps its lines, in which the member is a number that leads to nobody any more.
"""

from typing import Final

from sqlalchemy import delete, select, update

from agent.portal import audit
from agent.portal.account.ownership import delete_all
from agent.portal.audit import AuditEvent
from agent.portal.members import closing_of, contacts_of
from agent.portal.moments import day_in_taipei
from agent.portal.notices.outbox import NoticeKind, tell, tell_contacts
from agent.portal.store.tables import MEMBER, NOTICE
from agent.portal.store.transaction import Transaction

GRACE_S: Final = 7 * 24 * 60 * 60
"""Seconds in which the member may keep the account after all."""

_AT_ONCE: Final = 20  # accounts in one transaction, which others wait for


def begin_closing(tx: Transaction, member_id: str) -> None:
    """Let the account end in seven days; asked for twice, it ends as was said the first time."""
    if closing_of(tx, member_id) is not None:
        return
    ends = tx.now + GRACE_S
    tx.execute(update(MEMBER).where(MEMBER.c.id == member_id).values(closing=ends))
    tell(tx, member_id, NoticeKind.CLOSING, date=day_in_taipei(ends).isoformat())


def keep_account(tx: Transaction, member_id: str) -> bool:
    """Let the account go on; return whether it was to end."""
    if closing_of(tx, member_id) is None:
        return False
    tx.execute(update(MEMBER).where(MEMBER.c.id == member_id).values(closing=None))
    audit.record(tx, AuditEvent.ACCOUNT_KEPT, "ok", member=member_id)
    tell(tx, member_id, NoticeKind.KEPT)
    return True


def end_closed_accounts(tx: Transaction) -> int:
    """Carry out what is due, twenty accounts at most; return how many it were."""
    due = select(MEMBER.c.id).where(MEMBER.c.closing <= tx.now).order_by(MEMBER.c.closing)
    members = list(tx.execute(due.limit(_AT_ONCE)).scalars())
    for member_id in members:
        _end(tx, member_id)
    return len(members)


def _end(tx: Transaction, member_id: str) -> None:
    audit.record(tx, AuditEvent.ACCOUNT_CLOSED, "ok", member=member_id)
    tx.execute(delete(NOTICE).where(NOTICE.c.member == member_id))
    # The last notice belongs to nobody: the outbox forgets it once it is sent.
    tell_contacts(tx, member_id, contacts_of(tx, member_id), NoticeKind.CLOSED)
    tx.execute(update(NOTICE).where(NOTICE.c.member == member_id).values(member=None))
    delete_all(tx, member_id)
