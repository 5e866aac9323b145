"""A member's contacts: one mobile number and one e-mail address, of which one always stays."""

from dataclasses import dataclass

from sqlalchemy import delete

from agent.portal import audit, members, otp
from agent.portal.asker import Asker, remember_browser
from agent.portal.audit import AuditEvent
from agent.portal.contact import Contact, LoginKind
from agent.portal.errors import PortalCode, PortalError
from agent.portal.notices.outbox import NoticeKind, tell, tell_contacts
from agent.portal.sessions import MemberSession, end_other_sessions
from agent.portal.store.tables import LOGIN
from agent.portal.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ChangedContact:
    """A contact that is the member's now; ``browser`` is a cookie that knows the browser for it."""

    contact: Contact
    browser: str


def check_new_contact(tx: Transaction, member_id: str, contact: Contact) -> None:
    """Check a contact before a code is sent.

    Whether it is another member's is not said here: before the code is entered, that would tell
    any member about anybody.

    Raises:
        PortalError: ``contact_yours``: it is the member's already.

    """
    if members.member_of_contact(tx, contact) == member_id:
        raise PortalError(PortalCode.CONTACT_YOURS)


def confirm_contact(
    tx: Transaction, session: MemberSession, contact: Contact, code: str, asker: Asker
) -> ChangedContact | PortalCode:
    """Make a contact the session's member's by the code that was sent to it.

    It takes the place of the contact of the same kind, and whoever is logged in elsewhere is
    logged out. The old contact and the new one are told. A repeated request answers the same.

    Returns:
        The contact; or ``not_logged_in``, ``contact_taken`` or why the code is not taken. A
        refusal has spent a try, so it is returned and not raised.

    """
    member_id = session.member
    if member_id is None:
        return PortalCode.NOT_LOGGED_IN
    owner = members.member_of_contact(tx, contact)
    refused = _reason_against(otp.confirm(tx, session, contact, code, asker), owner, member_id)
    if refused is not None:
        audit.record(tx, AuditEvent.CONTACT_CHANGED, refused, member=member_id)
        return refused
    if owner is None:
        put_in_place(tx, member_id, contact, contact.kind)
        audit.record(tx, AuditEvent.CONTACT_CHANGED, "ok", member=member_id)
        end_other_sessions(tx, session)
    return ChangedContact(contact, remember_browser(tx.keyring, contact))


def _reason_against(
    confirmation: otp.Confirmation | PortalCode, owner: str | None, member_id: str
) -> PortalCode | None:
    if isinstance(confirmation, PortalCode):
        return confirmation
    if owner is None:  # a code that was used before adds nothing that was removed since
        return None if confirmation.first else PortalCode.OTP_EXPIRED
    return None if owner == member_id else PortalCode.CONTACT_TAKEN


def remove_contact(tx: Transaction, member_id: str, kind: LoginKind) -> None:
    """Remove the member's contact of a kind; does nothing where there is none.

    Raises:
        PortalError: ``contact_needed``: it is the only one.

    """
    kept = members.contacts_of(tx, member_id)
    going = [each for each in kept if each.kind is kind]
    if not going:
        return
    if len(going) == len(kept):
        raise PortalError(PortalCode.CONTACT_NEEDED)
    tell(tx, member_id, NoticeKind.CONTACT_REMOVED, contact=going[0].masked)
    _delete(tx, member_id, kind)
    audit.record(tx, AuditEvent.CONTACT_REMOVED, "ok", member=member_id)


def put_in_place(tx: Transaction, member_id: str, contact: Contact, old: LoginKind) -> None:
    """Make a contact the member's in the place of those of its own kind and of another kind.

    The contacts from before and the new one are told.
    """
    before = members.contacts_of(tx, member_id)
    for kind in {old, contact.kind}:
        _delete(tx, member_id, kind)
    members.add_login(tx, member_id, contact.kind, contact.value, contact.masked)
    tell_contacts(
        tx, member_id, [*before, contact], NoticeKind.CONTACT_CHANGED, contact=contact.masked
    )


def _delete(tx: Transaction, member_id: str, kind: LoginKind) -> None:
    tx.execute(delete(LOGIN).where(LOGIN.c.member == member_id, LOGIN.c.kind == kind.value))
