"""The audit log: who did what, when and with what result; no personal data.

Each line carries a keyed digest (HMAC-SHA-256) of itself and of the line before: whoever changes,
takes out or adds one without the key breaks the chain, and :func:`check_chain` says where. The end
of the chain is not protected by itself: an export that an auditor keeps shows what was cut off.
"""

from collections.abc import Iterator
from enum import StrEnum, unique
from typing import Final

import msgspec
from sqlalchemy import insert, select

from agent.portal.store.keyring import Keyring
from agent.portal.store.tables import AUDIT
from agent.portal.store.transaction import Transaction
from agent.relying.errors import NOTHING, PresentedLogin

FIRST_LINK: Final = bytes(32)
"""What stands in the place of a line before the first one."""


@unique
class AuditEvent(StrEnum):
    """The events that are kept."""

    STAFF_ADDED = "staff_added"
    STAFF_REMOVED = "staff_removed"
    REGISTERED = "registered"
    LOGIN_OTP = "login_otp"
    LOGIN_CARD = "login_card"
    UPGRADE_CARD = "upgrade_card"
    LOGOUT = "logout"
    UPGRADE_ONLINE = "upgrade_online"
    PHONE_CONNECTED = "phone_connected"
    UPGRADE_TELECOM = "upgrade_telecom"
    CASE_SENT = "case_sent"
    CASE_CLAIMED = "case_claimed"
    CASE_RELEASED = "case_released"
    CASE_LOOK = "case_look"
    CASE_ASKED = "case_asked"
    CASE_PROPOSED = "case_proposed"
    CASE_REFUSED = "case_refused"
    CASE_WITHDRAWN = "case_withdrawn"
    CASE_EXPIRED = "case_expired"
    CASE_LOST = "case_lost"
    CARD_CHANGED = "card_changed"
    CONTACT_CHANGED = "contact_changed"
    CONTACT_REMOVED = "contact_removed"
    DATA_EXPORTED = "data_exported"
    ACCOUNT_CLOSING = "account_closing"
    ACCOUNT_KEPT = "account_kept"
    ACCOUNT_CLOSED = "account_closed"
    STAFF_LOGIN = "staff_login"
    STAFF_LOGOUT = "staff_logout"
    MEMBER_LOOKED_UP = "member_looked_up"
    COUNTER_CODE = "counter_code"
    UPGRADE_COUNTER = "upgrade_counter"
    RECEIPT_SHOWN = "receipt_shown"
    UPGRADE_TAKEN_BACK = "upgrade_taken_back"
    AUDIT_READ = "audit_read"
    AUDIT_CHECKED = "audit_checked"
    AUDIT_EXPORTED = "audit_exported"


class AuditLine(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One line, in the order in which its digest is made.

    Attributes:
        id: counted from 1 without a gap.
        at: seconds since 1970.
        event: of :class:`AuditEvent`, or of an older version.
        outcome: "ok", a portal code, or what a mobile operator said.
        member: whose; None where that is not known.
        certificate: the SHA-256 thumbprint of a card's certificate, 32 bytes.
        claimed_time: see :class:`PresentedLogin`.
        staff: the number of the member of staff who did it.
        subject: what it was done to, such as a case number.

    """

    id: int
    at: int
    event: str
    outcome: str
    member: str | None = None
    certificate: bytes | None = None
    claimed_time: str | None = None
    staff: int | None = None
    subject: str | None = None


def link(keyring: Keyring, last: bytes, line: AuditLine) -> bytes:
    """Return the digest that ties a line to the one before it, 32 bytes."""
    return keyring.digest("audit-chain", last, msgspec.json.encode(line))


def record(  # noqa: PLR0913  # each a column
    tx: Transaction,
    event: AuditEvent,
    outcome: str,
    *,
    member: str | None = None,
    staff: int | None = None,
    subject: str | None = None,
    presented: PresentedLogin = NOTHING,
) -> None:
    """Add one line, in the same transaction as the event itself.

    Args:
        tx: the transaction, whose clock says when.
        event: what was done or tried.
        outcome: "ok", a portal code, or what a mobile operator said.
        member: whose; None where that is not known.
        staff: who of the staff did it.
        subject: what it was done to, such as a case number; no personal data.
        presented: of a login with a card.

    """
    newest = tx.first(select(AUDIT.c.id, AUDIT.c.chain).order_by(AUDIT.c.id.desc()).limit(1))
    number, last = (newest.id, bytes(newest.chain)) if newest else (0, FIRST_LINK)
    line = AuditLine(
        id=number + 1,
        at=tx.now,
        event=event.value,
        outcome=str(outcome),
        member=member,
        certificate=presented.certificate,
        claimed_time=presented.claimed_time,
        staff=staff,
        subject=subject,
    )
    chain = link(tx.keyring, last, line)
    tx.execute(insert(AUDIT).values(**msgspec.structs.asdict(line), chain=chain))


def lines(tx: Transaction) -> Iterator[tuple[AuditLine, bytes]]:
    """Give every line with its digest, oldest first."""
    columns = [AUDIT.c[name] for name in AuditLine.__struct_fields__]
    rows = tx.execute(select(*columns, AUDIT.c.chain).order_by(AUDIT.c.id)).yield_per(1000)
    for row in rows.mappings():
        facts = dict(row)
        chain = bytes(facts.pop("chain"))
        if facts["certificate"] is not None:
            facts["certificate"] = bytes(facts["certificate"])
        yield AuditLine(**facts), chain


def check_chain(tx: Transaction) -> int | None:
    """Return the number of the first line that is not as it was written; None if all are.

    A line that is missing is one that is not as it was written.
    """
    last = FIRST_LINK
    for number, (line, chain) in enumerate(lines(tx), 1):
        if line.id != number or chain != link(tx.keyring, last, line):
            return number
        last = chain
    return None
