"""Use cases of an ordinary member: register, log in by code, log out, set a name."""

from dataclasses import dataclass, replace
from typing import Final

from agent.portal import audit, members, otp, sessions
from agent.portal.asker import Asker, recognise_browser, remember_browser
from agent.portal.audit import AuditEvent
from agent.portal.contact import Contact, parse_contact
from agent.portal.errors import PortalCode, PortalError
from agent.portal.members import Member
from agent.portal.names import parse_name
from agent.portal.notices.outbox import NoticeKind, tell
from agent.portal.notifier import Notifier, NotifierError
from agent.portal.sessions import MemberSession, OpenedSession
from agent.portal.store.database import PortalDatabase
from agent.portal.store.rates import SharedBuckets
from agent.portal.store.transaction import Transaction
from agent.rate import Rate
from agent.words import Language

_DAY_S: Final = 24 * 60 * 60
_NETWORK_SENDS: Final = Rate(burst=10, per_second=10 / (15 * 60))  # to one contact


@dataclass(frozen=True, slots=True, repr=False)
class SentCode:
    """A code that was sent; ``opened`` is the session that was begun for it, if any."""

    contact: Contact
    code: str
    opened: OpenedSession | None


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who is logged in.

    Attributes:
        member: who it is.
        opened: the new session; None if there was one already.
        created: whether the member is new.
        browser: a new cookie by which the browser is known for the contact, if it needs one.

    """

    member: Member
    opened: OpenedSession | None
    created: bool = False
    browser: str | None = None


def session_of(tx: Transaction, token: str | None) -> MemberSession | None:
    """Return the session of a cookie; None without one."""
    return None if token is None else sessions.find_session(tx, token)


def require_session(
    tx: Transaction, token: str | None
) -> tuple[MemberSession, OpenedSession | None]:
    """Return the session of a cookie, or begin an anonymous one."""
    found = session_of(tx, token)
    if found is not None:
        return found, None
    opened = sessions.open_session(tx)
    return opened.session, opened


def require_member(tx: Transaction, token: str | None) -> tuple[MemberSession, str]:
    """Return the session of a cookie and its member.

    Raises:
        PortalError: ``not_logged_in``.

    """
    session = session_of(tx, token)
    if session is None or session.member is None:
        raise PortalError(PortalCode.NOT_LOGGED_IN)
    return session, session.member


def load_member(tx: Transaction, member_id: str) -> Member:
    """Return a member.

    Raises:
        PortalError: ``not_logged_in``: there is no such member.

    """
    member = members.find_member(tx, member_id)
    if member is None:
        raise PortalError(PortalCode.NOT_LOGGED_IN)
    return member


def begin_member_session(tx: Transaction, session: MemberSession, member_id: str) -> LoggedIn:
    """Log a member in, unless the session is that member's already."""
    opened = None if session.member == member_id else sessions.log_in(tx, session, member_id)
    return LoggedIn(load_member(tx, member_id), opened)


class Accounts:
    """The use cases without a card."""

    def __init__(self, db: PortalDatabase, notifier: Notifier) -> None:
        """Keep accounts in ``db`` and send codes by ``notifier``."""
        self._db = db
        self._notifier = notifier
        self._networks = SharedBuckets(db, "network-sends", _NETWORK_SENDS)
        self._first_today = SharedBuckets(db, "first-today", Rate(1, 1 / _DAY_S))

    async def current(self, token: str | None) -> Member | None:
        """Return who is logged in; begins no session."""
        return await self._db.read(_current, token)

    async def session_number(self, token: str | None) -> int | None:
        """Return the number of the session of a cookie; None when it is unknown or made up."""
        session = await self._db.read(session_of, token)
        return None if session is None else session.id

    async def send_code(self, token: str | None, text: str, asker: Asker) -> SentCode:
        """Send a code to a contact as it was typed, whether or not there is such a member.

        Raises:
            PortalError: ``contact_invalid``, ``too_many_tries``; ``internal``, it was not sent.

        """
        contact = parse_contact(text)
        key = (asker.network, contact.kind.value, contact.value)
        asker = replace(asker, is_first_today=await self._first_today.take(*key))
        is_known = recognise_browser(self._db.keyring, contact, asker.cookie) is not None
        if not is_known and not await self._networks.take(*key):
            raise PortalError(PortalCode.TOO_MANY_ATTEMPTS, "network")
        sent = await self._db.run(_issue, token, contact, asker)
        await self.deliver(contact, sent.code, asker.language)
        return sent

    async def deliver(self, contact: Contact, code: str, language: Language) -> None:
        """Send a code that was made.

        Raises:
            PortalError: ``internal``, it was not sent.

        """
        try:
            await self._notifier.send(contact, code, language)
        except NotifierError as error:
            raise PortalError(PortalCode.INTERNAL, f"notifier: {error}") from error

    async def confirm_code(self, token: str | None, text: str, code: str, asker: Asker) -> LoggedIn:
        """Log in whoever has the code; register them when the contact is new.

        Raises:
            PortalError: ``contact_invalid``, ``otp_incorrect``, ``otp_expired``,
                ``too_many_tries``.

        """
        # A refusal has spent a try: it is returned, not raised, so that the try is kept.
        result = await self._db.run(_confirm, token, parse_contact(text), code, asker)
        if isinstance(result, PortalCode):
            raise PortalError(result)
        return result

    async def log_out(self, token: str | None) -> None:
        """End the session and those related to it; does nothing without one."""
        await self._db.run(_log_out, token)

    async def rename(self, token: str | None, name: str) -> Member:
        """Set the member's name: as it was typed, without the blanks around it.

        Raises:
            PortalError: ``not_logged_in``; ``bad_request``: it shows nothing, or has characters
                that show nothing.

        """
        try:
            parsed = parse_name(name)
        except ValueError as error:
            raise PortalError(PortalCode.BAD_REQUEST, "name") from error
        return await self._db.run(_rename, token, parsed)


def _current(tx: Transaction, token: str | None) -> Member | None:
    session = session_of(tx, token)
    if session is None or session.member is None:
        return None
    return members.find_member(tx, session.member)


def _is_known(tx: Transaction, contact: Contact, asker: Asker) -> bool:
    return recognise_browser(tx.keyring, contact, asker.cookie) is not None


def _issue(tx: Transaction, token: str | None, contact: Contact, asker: Asker) -> SentCode:
    session, opened = require_session(tx, token)
    code = otp.issue(tx, session, contact, asker)
    if isinstance(code, PortalCode):
        raise PortalError(code)
    return SentCode(contact, code, opened)


def _confirm(
    tx: Transaction, token: str | None, contact: Contact, code: str, asker: Asker
) -> LoggedIn | PortalCode:
    session = session_of(tx, token)
    if session is None:
        return PortalCode.OTP_EXPIRED
    confirmation = otp.confirm(tx, session, contact, code, asker)
    member_id = members.member_of_contact(tx, contact)
    if isinstance(confirmation, PortalCode):
        audit.record(tx, AuditEvent.LOGIN_OTP, confirmation, member=member_id)
        return confirmation
    created = confirmation.created_member
    if member_id is None:
        member_id, created = members.register(tx, contact), True
        otp.note_created_member(tx, confirmation)
    members.speak(tx, member_id, asker.language, was_chosen=asker.chose_language)
    if confirmation.first:
        event = AuditEvent.REGISTERED if created else AuditEvent.LOGIN_OTP
        audit.record(tx, event, "ok", member=member_id)
        if created:
            tell(tx, member_id, NoticeKind.REGISTERED)
    logged_in = begin_member_session(tx, session, member_id)
    browser = None if _is_known(tx, contact, asker) else remember_browser(tx.keyring, contact)
    return LoggedIn(logged_in.member, logged_in.opened, created, browser)


def _log_out(tx: Transaction, token: str | None) -> None:
    session = session_of(tx, token)
    if session is not None:
        audit.record(tx, AuditEvent.LOGOUT, "ok", member=session.member)
        sessions.log_out(tx, session)


def _rename(tx: Transaction, token: str | None, name: str) -> Member:
    _, member_id = require_member(tx, token)
    members.rename(tx, member_id, name)
    return load_member(tx, member_id)
