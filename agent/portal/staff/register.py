"""The register of staff: who they are, by which card they are known, what they may do.

It is changed by a command of the operator only, never by a page. Nobody is deleted from it, since
the audit names people by their numbers: who leaves is marked as removed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update

from agent.portal.members import CardLogin
from agent.portal.names import parse_name
from agent.portal.store.tables import SESSION, STAFF
from agent.portal.store.transaction import Transaction

LONGEST_NAME: Final = 64
"""Characters of a member of staff's name."""


@unique
class Role(StrEnum):
    """What a member of staff may do; one person may have several."""

    CLERK = "clerk"
    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"


class StaffError(Exception):
    """The register refuses a change; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One member of staff.

    Attributes:
        id: the number by which the audit knows them.
        name: as colleagues see it, and applicants on a receipt.
        card_key: the card by which they log in, as of a member's card.
        label: the last digits of the card's subject serial.
        roles: what they may do.
        removed_at: when they left, in seconds since 1970; None while they are there.

    """

    id: int
    name: str
    card_key: str
    label: str
    roles: frozenset[Role]
    removed_at: int | None = None


def add_staff(tx: Transaction, name: str, card: CardLogin, roles: Iterable[Role]) -> StaffMember:
    """Add a member of staff, or give one who is there, or was, this name and these roles.

    Sessions under way end, so that nobody goes on with roles that were taken away.

    Raises:
        StaffError: the name shows nothing or is too long, or there is no role.

    """
    wanted = frozenset(roles)
    if not wanted:
        raise StaffError("at least one role is needed")
    try:
        named = parse_name(name)
    except ValueError as error:
        raise StaffError(str(error)) from error
    facts = {
        "name": named,
        "label": card.label,
        "roles": ",".join(sorted(wanted)),
        "removed_at": None,
    }
    known = find_staff_by_card(tx, card.key, with_removed=True)
    if known is not None:
        tx.execute(update(STAFF).where(STAFF.c.id == known.id).values(**facts))
        _end_sessions(tx, known.id)
        return StaffMember(known.id, named, card.key, card.label, wanted)
    number = tx.insert_id(insert(STAFF).values(card_key=card.key, created=tx.now, **facts))
    return StaffMember(number, named, card.key, card.label, wanted)


def list_staff(tx: Transaction, *, with_removed: bool = False) -> list[StaffMember]:
    """Return the staff in the order in which they came."""
    wanted = select(STAFF).order_by(STAFF.c.id)
    if not with_removed:
        wanted = wanted.where(STAFF.c.removed_at.is_(None))
    return [_of_row(row) for row in tx.execute(wanted)]


def remove_staff(tx: Transaction, number: int) -> bool:
    """Remove one from duty and end their sessions; return whether they were there."""
    there = (STAFF.c.id == number, STAFF.c.removed_at.is_(None))
    removed = tx.execute(update(STAFF).where(*there).values(removed_at=tx.now)).rowcount
    _end_sessions(tx, number)
    return bool(removed)


def find_staff(tx: Transaction, number: int) -> StaffMember | None:
    """Return one, also who has left; None where there is none of that number."""
    row = tx.first(select(STAFF).where(STAFF.c.id == number))
    return None if row is None else _of_row(row)


def find_staff_by_card(
    tx: Transaction, card_key: str, *, with_removed: bool = False
) -> StaffMember | None:
    """Return whose card it is; None for a stranger's, and of who has left unless wanted."""
    row = tx.first(select(STAFF).where(STAFF.c.card_key == card_key))
    if row is None or (row.removed_at is not None and not with_removed):
        return None
    return _of_row(row)


def _of_row(row: Row[Any]) -> StaffMember:
    roles = frozenset(Role(each) for each in row.roles.split(","))
    return StaffMember(row.id, row.name, row.card_key, row.label, roles, row.removed_at)


def _end_sessions(tx: Transaction, number: int) -> None:
    tx.execute(delete(SESSION).where(SESSION.c.staff == number))
