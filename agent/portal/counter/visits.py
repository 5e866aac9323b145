"""What a clerk does for an applicant, step by step; each step checks the state in its transaction.

A visit begins with a contact that was typed whole, and belongs to the one who began it. Whose
contact it is shows only when the applicant has read out the code that was sent there: until then
the counter tells no more about a person than the login does. A step that was done before answers
the same the second time.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

import msgspec
from sqlalchemy import Row, delete, func, insert, select, update

from agent.portal import audit, members, otp
from agent.portal.asker import Asker
from agent.portal.audit import AuditEvent
from agent.portal.contact import Contact, LoginKind
from agent.portal.counter.application import CONSENT_VERSION, CounterApplication
from agent.portal.counter.tables import VISIT
from agent.portal.errors import PortalCode, PortalError
from agent.portal.members import Proven, Way
from agent.portal.staff.register import StaffMember
from agent.portal.staff.sessions import StaffSession
from agent.portal.store.sealing import UnsealError, seal, unseal
from agent.portal.store.tables import UPGRADE
from agent.portal.store.transaction import Transaction

LIFETIME: Final = 30 * 60
"""Seconds in which an applicant is to be served."""
RECEIPT_LIFETIME: Final = 8 * 60 * 60
"""Seconds for which the receipt can be printed again; then what it says is deleted."""


@unique
class VisitPurpose(StrEnum):
    """What a member is looked up for."""

    COUNTER = "counter"
    TAKE_BACK = "take_back"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Visit:
    """What is being done for whom.

    Attributes:
        id: 24 random characters.
        contact: by which the member was looked up; None where that was by ID number.
        is_confirmed: whether the applicant has read out the code.
        member: whose it is; None where nobody has this contact yet.
        upgrade: the number of the upgrade that came of it.
        created: in seconds since 1970.

    """

    id: str
    contact: Contact | None
    is_confirmed: bool
    member: str | None
    upgrade: int | None
    created: int


class Receipt(msgspec.Struct, frozen=True):
    """What the printed receipt says; it is kept sealed, and for some hours only.

    Attributes:
        number: of the upgrade.
        at: in seconds since 1970.
        clerk: the name of who decided.
        name: of the applicant.
        id_number: all but the first and the last four characters masked.
        contact: masked.
        documents: kind and last four characters of each.
        consent_form: its version.
        has_proxy: whether a proxy came.
        has_representative: whether a legal representative consented.

    """

    number: int
    at: int
    clerk: str
    name: str
    id_number: str
    contact: str
    documents: list[tuple[str, str]]
    consent_form: str
    has_proxy: bool
    has_representative: bool


@dataclass(frozen=True, slots=True)
class RefusedVisit:
    """Why the applicant did not become gold.

    Attributes:
        code: what to say.
        contact: masked, of the account that has the ID number.

    """

    code: PortalCode
    contact: str | None = None


def begin(
    tx: Transaction,
    staff: StaffMember,
    purpose: VisitPurpose,
    *,
    contact: Contact | None = None,
    member: str | None = None,
) -> str:
    """Begin a visit and return its number; the look is in the audit, found or not."""
    number = secrets.token_urlsafe(18)
    if member is None and contact is not None:
        member = members.member_of_contact(tx, contact)
    tx.execute(
        insert(VISIT).values(
            id=number,
            staff=staff.id,
            purpose=purpose.value,
            contact_kind=None if contact is None else contact.kind.value,
            contact=None if contact is None else contact.value,
            member=member,
            created=tx.now,
            expires=tx.now + LIFETIME,
        )
    )
    outcome = "ok" if member is not None else PortalCode.NOT_FOUND
    event = AuditEvent.MEMBER_LOOKED_UP
    audit.record(tx, event, outcome, member=member, staff=staff.id, subject=purpose.value)
    return number


def find(
    tx: Transaction, staff: StaffMember, number: str, purpose: VisitPurpose = VisitPurpose.COUNTER
) -> Visit:
    """Return a visit of this member of staff's own.

    Raises:
        PortalError: ``not_found``: there is none, it is somebody else's, or it is over.

    """
    row = _row(tx, staff, number, purpose)
    contact = None
    if row.contact is not None:
        contact = Contact(LoginKind(row.contact_kind), row.contact)
    return Visit(
        row.id, contact, row.confirmed_at is not None, row.member, row.upgrade, row.created
    )


def send_code(
    tx: Transaction, session: StaffSession, staff: StaffMember, number: str, network: str
) -> tuple[Contact, str] | PortalCode:
    """Make the code that the applicant is to read out; return it with where it is sent."""
    visit = find(tx, staff, number)
    if visit.contact is None:
        return PortalCode.NOT_FOUND
    return issue_code(tx, session, visit, visit.contact, network)


def issue_code(
    tx: Transaction, session: StaffSession, visit: Visit, contact: Contact, network: str
) -> tuple[Contact, str] | PortalCode:
    """Make a code for a contact and return both, or why not, which the audit keeps."""
    asker = Asker(network, is_first_today=True)  # a clerk is no stranger
    code = otp.issue(tx, session.for_challenges, contact, asker)
    if isinstance(code, PortalCode):
        _note_code(tx, session, visit, code)
        return code
    return contact, code


def check_code(
    tx: Transaction, session: StaffSession, visit: Visit, contact: Contact, code: str
) -> PortalCode | None:
    """Check the code that was read out; return why it is not taken, which the audit keeps."""
    confirmed = otp.confirm(tx, session.for_challenges, contact, code, Asker())
    if not isinstance(confirmed, PortalCode):
        return None
    _note_code(tx, session, visit, confirmed)
    return confirmed


def _note_code(tx: Transaction, session: StaffSession, visit: Visit, code: PortalCode) -> None:
    staff = None if session.staff is None else session.staff.id
    audit.record(
        tx, AuditEvent.COUNTER_CODE, code, member=visit.member, staff=staff, subject=visit.id
    )


def confirm_code(
    tx: Transaction, session: StaffSession, staff: StaffMember, number: str, code: str
) -> PortalCode | None:
    """Check the code; register who has no account yet. Return why not."""
    visit = find(tx, staff, number)
    if visit.is_confirmed:
        return None
    if visit.contact is None:
        return PortalCode.NOT_FOUND
    refused = check_code(tx, session, visit, visit.contact, code)
    if refused is not None:
        return refused
    # The applicant may have registered by themselves in the meantime, or closed the account.
    member, event = members.member_of_contact(tx, visit.contact), AuditEvent.COUNTER_CODE
    if member is None:
        member, event = members.register(tx, visit.contact), AuditEvent.REGISTERED
    audit.record(tx, event, "ok", member=member, staff=staff.id, subject=number)
    change_visit(tx, number, member=member, confirmed_at=tx.now)
    return None


def upgrade(
    tx: Transaction, staff: StaffMember, number: str, application: CounterApplication
) -> RefusedVisit | None:
    """Make the applicant gold; return why not. None where this visit did it before, too.

    Raises:
        PortalError: ``not_found``: there is no such visit, or nobody has confirmed the contact.

    """
    visit = find(tx, staff, number)
    if visit.upgrade is not None:
        return None
    if not visit.is_confirmed or visit.member is None:
        raise PortalError(PortalCode.NOT_FOUND, "not confirmed")
    refused = _try(tx, staff, visit.member, application)
    outcome = "ok" if refused is None else refused.code
    audit.record(
        tx,
        AuditEvent.UPGRADE_COUNTER,
        outcome,
        member=visit.member,
        staff=staff.id,
        subject=number,
    )
    if refused is None:
        _keep(tx, staff, visit, application)
    return refused


def receipt(tx: Transaction, staff: StaffMember, number: str) -> Receipt:
    """Return what to print; the look is in the audit.

    Raises:
        PortalError: ``not_found``: there is nothing to print, or no longer.

    """
    opened = unsealed(tx, staff, number, VisitPurpose.COUNTER)
    member = find(tx, staff, number).member
    event = AuditEvent.RECEIPT_SHOWN
    audit.record(tx, event, "ok", member=member, staff=staff.id, subject=number)
    return msgspec.json.decode(opened, type=Receipt)


def unsealed(tx: Transaction, staff: StaffMember, number: str, purpose: VisitPurpose) -> bytes:
    """Return what a visit keeps sealed.

    Raises:
        PortalError: ``not_found``: there is nothing, or no longer.

    """
    row = _row(tx, staff, number, purpose)
    if row.sealed is None:
        raise PortalError(PortalCode.NOT_FOUND, "nothing sealed")
    try:
        return unseal(_key(tx), bytes(row.sealed), number.encode())
    except UnsealError as error:  # somebody has written in the database
        raise PortalError(PortalCode.INTERNAL, "visit") from error


def seal_in(tx: Transaction, number: str, content: bytes) -> None:
    """Keep something in a visit, sealed; it is deleted with the visit."""
    change_visit(tx, number, sealed=seal(_key(tx), content, number.encode()))


def done_today(tx: Transaction, staff: StaffMember, since: int) -> int:
    """Return how many this clerk has made gold since a moment, in seconds since 1970."""
    own = (UPGRADE.c.decided_by == staff.id, UPGRADE.c.way == Way.COUNTER.value)
    counted = select(func.count()).where(*own, UPGRADE.c.at >= since)
    return int(tx.execute(counted).scalar_one())


def purge_visits(tx: Transaction) -> int:
    """Delete visits that are over, with what they say of people; return how many."""
    return tx.execute(delete(VISIT).where(VISIT.c.expires <= tx.now)).rowcount


def _try(
    tx: Transaction, staff: StaffMember, member: str, application: CounterApplication
) -> RefusedVisit | None:
    if members.find_member(tx, member) is None:  # closed in the meantime
        raise PortalError(PortalCode.NOT_FOUND, "closed")
    if members.member_of_card(tx, staff.card_key) == member:
        return RefusedVisit(PortalCode.OWN_ACCOUNT)
    proven = Proven(
        way=Way.COUNTER,
        id_number=application.id_number,
        name=application.name,
        evidence=application.evidence,
        decided_by=staff.id,
    )
    code = members.make_gold(tx, member, proven)
    if code is PortalCode.ID_NUMBER_TAKEN:
        return RefusedVisit(code, members.masked_contact_of_id_number(tx, application.id_number))
    return None if code is None else RefusedVisit(code)


def _keep(
    tx: Transaction, staff: StaffMember, visit: Visit, application: CounterApplication
) -> None:
    newest = select(func.max(UPGRADE.c.id)).where(UPGRADE.c.member == visit.member)
    number = int(tx.execute(newest).scalar_one())
    kept = Receipt(
        number=number,
        at=tx.now,
        clerk=staff.name,
        name=application.name,
        id_number=masked_id_number(application.id_number),
        contact=visit.contact.masked if visit.contact is not None else "",
        documents=[(each.kind.value, each.last4) for each in application.documents],
        consent_form=CONSENT_VERSION,
        has_proxy=application.has_proxy,
        has_representative=application.has_representative,
    )
    seal_in(tx, visit.id, msgspec.json.encode(kept))
    change_visit(tx, visit.id, upgrade=number, expires=tx.now + RECEIPT_LIFETIME)


def masked_id_number(id_number: str) -> str:
    """Return an ID number of ten characters with five of them masked."""
    return f"{id_number[0]}{'•' * 5}{id_number[-4:]}"


def _row(
    tx: Transaction, staff: StaffMember, number: str, purpose: VisitPurpose
) -> Row[tuple[object, ...]]:
    this = (VISIT.c.id == number, VISIT.c.staff == staff.id, VISIT.c.purpose == purpose.value)
    row = tx.first(select(VISIT).where(*this, VISIT.c.expires > tx.now))
    if row is None:
        raise PortalError(PortalCode.NOT_FOUND, "visit")
    return row


def change_visit(tx: Transaction, number: str, **values: str | int | bytes) -> None:
    """Set columns of a visit."""
    tx.execute(update(VISIT).where(VISIT.c.id == number).values(**values))


def _key(tx: Transaction) -> bytes:
    return tx.keyring.digest("visit-seal")
