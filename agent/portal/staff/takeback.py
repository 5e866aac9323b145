"""A mistaken upgrade is taken back by a supervisor, with a reason, and the member is told.

The member is ordinary again and the ID number is free; a card that came with the upgrade no longer
logs in. Nothing of it is erased: the upgrade stays in its table with who took it back, and the
audit has both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

import msgspec
from sqlalchemy import Row, delete, select, update

from agent.harmless import is_harmful
from agent.portal import audit
from agent.portal.audit import AuditEvent
from agent.portal.contact import LoginKind
from agent.portal.errors import PortalCode, PortalError
from agent.portal.members import Way, member_of_card
from agent.portal.notices.outbox import NoticeKind, tell
from agent.portal.staff.register import StaffMember, find_staff
from agent.portal.store.tables import LOGIN, MEMBER, UPGRADE
from agent.portal.store.transaction import Transaction

LONGEST_NOTE: Final = 200
"""Characters that a supervisor may write beside the reason."""


@unique
class TakeBackReason(StrEnum):
    """Why an upgrade is taken back."""

    WRONG_MEMBER = "wrong_member"
    WRONG_PERSON = "wrong_person"
    DOCUMENT = "document"
    MISUSE = "misuse"
    ASKED = "asked"


_OF_ANOTHER: Final = frozenset({TakeBackReason.WRONG_MEMBER, TakeBackReason.WRONG_PERSON})


@dataclass(frozen=True, slots=True)
class TakeBack:
    """What a supervisor has decided: about which upgrade, why, and a note of their own."""

    upgrade: int
    reason: TakeBackReason
    note: str


@dataclass(frozen=True, slots=True)
class UpgradeRecord:
    """An upgrade as a supervisor sees it.

    Attributes:
        id: its number.
        way: how.
        at: in seconds since 1970.
        evidence: what was looked at, by its kind.
        decided_by: the name of who decided; None where nobody had to.
        taken_back_at: in seconds since 1970; None while it counts.
        taken_back_by: the name of who took it back.
        reason: of :class:`TakeBackReason`.
        note: what was written beside it.

    """

    id: int
    way: Way
    at: int
    evidence: dict[str, str | int | bool]
    decided_by: str | None
    taken_back_at: int | None = None
    taken_back_by: str | None = None
    reason: str | None = None
    note: str = ""


def upgrades_of(tx: Transaction, member: str) -> list[UpgradeRecord]:
    """Return a member's upgrades, newest first."""
    rows = tx.execute(
        select(UPGRADE).where(UPGRADE.c.member == member).order_by(UPGRADE.c.id.desc())
    )
    return [_record(tx, row) for row in rows.all()]


def read_take_back(form: Mapping[str, str]) -> TakeBack:
    """Return what was entered.

    Raises:
        ValueError: there is no such reason; "note": the note is too long or cannot be read.

    """
    note = form.get("note", "").strip()
    if len(note) > LONGEST_NOTE or any(map(is_harmful, note)):
        raise ValueError("note")
    reason = TakeBackReason(form.get("reason", ""))
    return TakeBack(int(form.get("upgrade", "")[:15]), reason, note)


def take_back(tx: Transaction, staff: StaffMember, member: str, decided: TakeBack) -> None:
    """Take an upgrade back; does nothing where it was taken back already.

    Raises:
        PortalError: ``not_found``: the member has no such upgrade; ``own_account``.

    """
    this = UPGRADE.c.id == decided.upgrade
    row = tx.first(select(UPGRADE).where(this, UPGRADE.c.member == member))
    if row is None:
        raise PortalError(PortalCode.NOT_FOUND, "upgrade")
    if row.taken_back_at is not None:
        return
    if member_of_card(tx, staff.card_key) == member:
        raise PortalError(PortalCode.OWN_ACCOUNT)
    written = f"{decided.reason.value} {decided.note}".strip()
    taken = {"taken_back_at": tx.now, "taken_back_by": staff.id, "reason": written}
    tx.execute(update(UPGRADE).where(this).values(**taken))
    _make_ordinary(tx, member, decided.reason)
    audit.record(
        tx,
        AuditEvent.UPGRADE_TAKEN_BACK,
        decided.reason.value,
        member=member,
        staff=staff.id,
        subject=f"upgrade {decided.upgrade}",
    )
    tell(tx, member, NoticeKind.TAKEN_BACK)


def _make_ordinary(tx: Transaction, member: str, reason: TakeBackReason) -> None:
    columns = ("gold_since", "gold_way", "id_number_hash", "id_number_last4")
    facts: dict[str, str | None] = {"grade": "ordinary", **dict.fromkeys(columns)}
    if reason in _OF_ANOTHER:  # the name may be the other person's, too
        facts["name"] = None
    tx.execute(update(MEMBER).where(MEMBER.c.id == member).values(**facts))
    # A card says whose ID number it is, so it goes with the number, whenever it was added.
    cards = (LOGIN.c.member == member, LOGIN.c.kind == LoginKind.CARD.value)
    tx.execute(delete(LOGIN).where(*cards))


def _record(tx: Transaction, row: Row[Any]) -> UpgradeRecord:
    reason, _, note = (row.reason or "").partition(" ")
    return UpgradeRecord(
        id=row.id,
        way=Way(row.way),
        at=row.at,
        evidence=msgspec.json.decode(row.evidence, type=dict[str, str | int | bool]),
        decided_by=_name(tx, row.decided_by),
        taken_back_at=row.taken_back_at,
        taken_back_by=_name(tx, row.taken_back_by),
        reason=reason or None,
        note=note,
    )


def _name(tx: Transaction, number: int | None) -> str | None:
    staff = None if number is None else find_staff(tx, number)
    return None if staff is None else staff.name
