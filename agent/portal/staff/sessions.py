"""Sessions of staff: apart from members' sessions, and ended by ten minutes without a request.

As with members a session begins anonymous, so that a challenge can be bound to it, and a login
begins a new one under a new token.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from agent.portal.moments import CLOCKS_DIFFER
from agent.portal.sessions import MemberSession
from agent.portal.staff.register import StaffMember, find_staff
from agent.portal.store.tables import SESSION
from agent.portal.store.transaction import Transaction

IDLE: Final = 10 * 60
"""Seconds without a request after which a session has ended; a decision of ours."""
LONGEST: Final = 10 * 60 * 60
"""Seconds after which it ends however busy it was: a working day with its overtime."""
ANONYMOUS: Final = 15 * 60
"""Seconds for which a login page that was opened can be used."""

_TOKEN_BYTES: Final = 32
_STEP: Final = 20  # seconds of idleness that are not worth a write


@dataclass(frozen=True, slots=True)
class StaffSession:
    """A session; ``staff`` is None while nobody is logged in.

    Attributes:
        id: of its row.
        parent: the session before the login.
        staff: who is logged in.
        expires: when it ends unless something is done, in seconds since 1970.
        ends: when it ends at the latest.
        is_due: whether enough idle time has passed for a write that begins the ten minutes anew.
        certificate: of the card that logged in, DER; None while nobody is.

    """

    id: int
    parent: int | None
    staff: StaffMember | None
    expires: int
    ends: int
    is_due: bool = False
    certificate: bytes | None = None

    @property
    def for_challenges(self) -> MemberSession:
        """The session as challenges and one-time codes are bound to it."""
        return MemberSession(self.id, self.parent, None)


@dataclass(frozen=True, slots=True)
class OpenedStaffSession:
    """A session with its token: 256 random bits, URL-safe base64, kept nowhere on the server."""

    session: StaffSession
    token: str

    def __repr__(self) -> str:
        return f"OpenedStaffSession({self.session})"


def open_session(tx: Transaction) -> OpenedStaffSession:
    """Begin an anonymous session."""
    return _insert(tx, None, None, tx.now + ANONYMOUS)


def log_in(
    tx: Transaction, came_from: StaffSession, staff: StaffMember, certificate: bytes
) -> OpenedStaffSession:
    """Begin a session of ``staff``; one that was logged in before in this browser ends.

    Args:
        tx: the transaction.
        came_from: the anonymous session of the same browser.
        staff: who logs in.
        certificate: of their card, DER; kept as long as the session.

    """
    tx.execute(
        update(SESSION)
        .where(SESSION.c.id == came_from.id)
        # As long as the session that it began.
        .values(staff=None, certificate=None, expires=tx.now + LONGEST)
    )
    tx.execute(
        delete(SESSION).where(SESSION.c.parent == came_from.id, SESSION.c.staff.is_not(None))
    )
    return _insert(tx, came_from.id, staff, tx.now + IDLE, certificate)


def _insert(
    tx: Transaction,
    parent: int | None,
    staff: StaffMember | None,
    expires: int,
    certificate: bytes | None = None,
) -> OpenedStaffSession:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    number = tx.insert_id(
        insert(SESSION).values(
            token_hash=_hash_of(token),
            parent=parent,
            realm="staff",
            staff=None if staff is None else staff.id,
            created=tx.now,
            expires=expires,
            certificate=certificate,
        )
    )
    ends = expires if staff is None else tx.now + LONGEST
    session = StaffSession(number, parent, staff, expires, ends, certificate=certificate)
    return OpenedStaffSession(session, token)


def find_session(tx: Transaction, token: str | None) -> StaffSession | None:
    """Return the session of a token; None when it is unknown, has ended, or its owner was removed.

    Whoever uses one that is due in a request has to :func:`prolong` it.
    """
    if token is None:
        return None
    row = tx.first(select(SESSION).where(SESSION.c.token_hash == _hash_of(token), *_alive(tx)))
    return None if row is None else _of_row(tx, row)


def _alive(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return (SESSION.c.realm == "staff", SESSION.c.expires > tx.now)


def _of_row(tx: Transaction, row: Row[Any]) -> StaffSession | None:
    ends = row.expires if row.staff is None else row.created + LONGEST
    if row.staff is None:
        return StaffSession(row.id, row.parent, None, row.expires, ends)
    staff = find_staff(tx, row.staff)
    # A clock that was set back must not make a session live longer.
    is_odd = row.expires > tx.now + IDLE + CLOCKS_DIFFER
    if staff is None or staff.removed_at is not None or is_odd:
        return None
    is_due = min(tx.now + IDLE, ends) > row.expires + _STEP
    return StaffSession(row.id, row.parent, staff, row.expires, ends, is_due, row.certificate)


def prolong(tx: Transaction, session: StaffSession) -> None:
    """Begin the ten minutes anew, but not beyond the end of the session."""
    this = (SESSION.c.id == session.id, SESSION.c.expires > tx.now)
    expires = min(tx.now + IDLE, session.ends)
    tx.execute(update(SESSION).where(*this).values(expires=expires))


def session_begun_by(tx: Transaction, session: StaffSession) -> StaffSession | None:
    """Return the login that an anonymous session began, for a login that is sent again."""
    begun = (SESSION.c.parent == session.id, SESSION.c.staff.is_not(None))
    row = tx.first(select(SESSION).where(*begun, *_alive(tx)))
    return None if row is None else _of_row(tx, row)


def list_logged_in(tx: Transaction) -> list[StaffSession]:
    """Return the session of everybody who is logged in."""
    rows = tx.execute(select(SESSION).where(SESSION.c.staff.is_not(None), *_alive(tx)))
    found = [_of_row(tx, row) for row in rows]
    return [session for session in found if session is not None]


def end_session(tx: Transaction, session: StaffSession) -> bool:
    """End a session and the anonymous one that it began from, with its challenges.

    Return whether it was still there.
    """
    ended = tx.execute(delete(SESSION).where(SESSION.c.id == session.id)).rowcount
    if session.parent is not None:
        tx.execute(delete(SESSION).where(SESSION.c.id == session.parent))
    return bool(ended)


def _hash_of(token: str) -> bytes:
    """Return the SHA-256 of a token, which is random and long enough for an unkeyed hash."""
    return hashlib.sha256(token.encode()).digest()
