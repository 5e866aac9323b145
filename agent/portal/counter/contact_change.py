"""A gold member's contact is changed at the counter, where the member cannot use the old one.

The clerk enters the old contact whole, and the ID number from the document that the member shows.
Only where both belong to one account does anything happen: the counter says no more about a contact
alone than the login does. The new contact counts once the code that was sent there is read out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import insert

from agent.portal import audit, members
from agent.portal.account.contacts import put_in_place
from agent.portal.audit import AuditEvent
from agent.portal.contact import Contact, LoginKind, parse_contact
from agent.portal.counter import visits
from agent.portal.counter.application import (
    ApplicationError,
    SeenDocument,
    problem,
    read_document,
)
from agent.portal.counter.tables import CONTACT_CHANGE
from agent.portal.counter.visits import Visit, VisitPurpose
from agent.portal.errors import PortalCode
from agent.portal.idnumber import parse_id_number
from agent.portal.pages.fields import FieldReader
from agent.portal.sessions import end_sessions_of
from agent.portal.staff.register import StaffMember
from agent.portal.staff.sessions import StaffSession
from agent.portal.store.transaction import Transaction


@dataclass(frozen=True, slots=True, repr=False)
class ContactRequest:
    """What the clerk entered.

    Attributes:
        old: the contact by which the account is found.
        id_number: from the document, in normal form.
        document: that was seen.
        new: the contact that is to take its place.

    """

    old: Contact
    id_number: str
    document: SeenDocument
    new: Contact


class WantedChange(msgspec.Struct, frozen=True):
    """What a visit keeps, sealed, until the code was read out.

    Attributes:
        kind: of the new contact.
        value: the new contact.
        document: the kind of the document that was seen.
        last4: the last four characters of its number.

    """

    kind: LoginKind
    value: str
    document: str
    last4: str

    @property
    def contact(self) -> Contact:
        """The new contact."""
        return Contact(self.kind, self.value)


def read_request(form: Mapping[str, str]) -> ContactRequest:
    """Return what the form says.

    Args:
        form: the fields by their names; those that are absent count as empty.

    Raises:
        ApplicationError: for all fields at once that are missing or wrong.

    """
    fields = FieldReader(form)
    old = fields.read("contact", parse_contact)
    id_number = fields.read("id_number", parse_id_number)
    problems = fields.wrong
    document = read_document(form, 1, problems)
    new = fields.read("new_contact", parse_contact)
    if new is not None and new == old:
        problems["new_contact"] = problem("same_contact")
    if not form.get("in_person"):
        problems["in_person"] = problem("in_person")
    if problems or old is None or id_number is None or document is None or new is None:
        raise ApplicationError(problems)
    return ContactRequest(old, id_number, document, new)


def begin(tx: Transaction, staff: StaffMember, asked: ContactRequest) -> str | PortalCode:
    """Begin a visit and return its number, or why not: the look is in the audit either way.

    Returns:
        The number; ``member_not_proven``, the same whether nobody has the contact, the member is
        not gold, or the ID number is another one; ``own_account``.

    """
    member = members.member_of_contact(tx, asked.old)
    refused: PortalCode | None = None
    if member is None or members.member_of_id_number(tx, asked.id_number) != member:
        refused = PortalCode.MEMBER_NOT_PROVEN
    elif members.member_of_card(tx, staff.card_key) == member:
        refused = PortalCode.OWN_ACCOUNT
    if refused is not None:
        event, subject = AuditEvent.MEMBER_LOOKED_UP, VisitPurpose.CONTACT.value
        audit.record(tx, event, refused, member=member, staff=staff.id, subject=subject)
        return refused
    number = visits.begin(tx, staff, VisitPurpose.CONTACT, contact=asked.old)
    wanted = WantedChange(
        asked.new.kind, asked.new.value, asked.document.kind.value, asked.document.last4
    )
    visits.seal_in(tx, number, msgspec.json.encode(wanted))
    return number


def load(tx: Transaction, staff: StaffMember, number: str) -> tuple[Visit, WantedChange]:
    """Return a visit of this member of staff's own, with what is to be changed.

    Raises:
        PortalError: ``not_found``.

    """
    visit = visits.find(tx, staff, number, VisitPurpose.CONTACT)
    sealed = visits.unsealed(tx, staff, number, VisitPurpose.CONTACT)
    return visit, msgspec.json.decode(sealed, type=WantedChange)


def send_code(
    tx: Transaction, session: StaffSession, staff: StaffMember, number: str, network: str
) -> tuple[Contact, str] | PortalCode:
    """Make the code that goes to the new contact; return it with where it is sent.

    Raises:
        PortalError: ``not_found``.

    """
    visit, wanted = load(tx, staff, number)
    return visits.issue_code(tx, session, visit, wanted.contact, network)


def confirm(
    tx: Transaction, session: StaffSession, staff: StaffMember, number: str, code: str
) -> PortalCode | None:
    """Change the contact, if this is the code; return why not. Done before, it does nothing.

    The contacts from before and the new one are told, and whoever is logged in is logged out.

    Raises:
        PortalError: ``not_found``.

    """
    visit, wanted = load(tx, staff, number)
    if visit.is_confirmed:
        return None
    refused = visits.check_code(tx, session, visit, wanted.contact, code)
    if refused is not None:
        return refused
    refused = _reason_against(tx, visit, wanted)
    outcome = refused or "ok"
    audit.record(
        tx,
        AuditEvent.CONTACT_CHANGED,
        outcome,
        member=visit.member,
        staff=staff.id,
        subject=number,
    )
    if refused is None:
        _carry_out(tx, staff, visit, wanted)
    return refused


def _reason_against(tx: Transaction, visit: Visit, wanted: WantedChange) -> PortalCode | None:
    """Look again: much may have happened while the code was on its way."""
    if visit.contact is None or visit.member is None:
        return PortalCode.MEMBER_NOT_PROVEN
    is_theirs = members.member_of_contact(tx, visit.contact) == visit.member
    if not is_theirs or not members.is_gold(tx, visit.member):
        return PortalCode.MEMBER_NOT_PROVEN
    owner = members.member_of_contact(tx, wanted.contact)
    return None if owner in {None, visit.member} else PortalCode.CONTACT_TAKEN


def _carry_out(tx: Transaction, staff: StaffMember, visit: Visit, wanted: WantedChange) -> None:
    assert visit.contact is not None  # noqa: S101  # was looked at before
    assert visit.member is not None  # noqa: S101  # likewise
    put_in_place(tx, visit.member, wanted.contact, visit.contact.kind)
    end_sessions_of(tx, visit.member)
    tx.execute(
        insert(CONTACT_CHANGE).values(
            member=visit.member,
            at=tx.now,
            staff=staff.id,
            document=wanted.document,
            document_last4=wanted.last4,
            old_contact=visit.contact.masked,
            new_contact=wanted.contact.masked,
        )
    )
    visits.change_visit(tx, visit.id, confirmed_at=tx.now)
