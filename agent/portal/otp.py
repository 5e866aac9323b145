"""One-time codes: six digits, five minutes, five attempts, bound to a session and a contact."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update

from agent.portal.asker import Asker, recognise_browser
from agent.portal.contact import Contact
from agent.portal.errors import PortalCode
from agent.portal.sessions import MemberSession
from agent.portal.store.keyring import Keyring
from agent.portal.store.tables import OTP
from agent.portal.store.transaction import Transaction

LIFETIME: Final = 300
ATTEMPTS: Final = 5
SENDS: Final = ((15 * 60, 5), (24 * 60 * 60, 20))
"""At most so many codes to one contact in so many seconds, for one session, and for one browser
that is known for the contact."""
STRANGERS_SENDS: Final = ((15 * 60, 20), (24 * 60 * 60, 60))
"""The same for all strangers together: with five attempts each, that leaves guessers three chances
in ten thousand a day. Beyond it a network that asks for the first time in a day still gets one
code, with one attempt: strangers alone never keep a member out."""

_KEPT: Final = SENDS[-1][0]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A correct code.

    Attributes:
        otp: the row.
        first: False when the same code was confirmed before: a double click, a reload.
        created_member: what was answered that first time.

    """

    otp: int
    first: bool
    created_member: bool = False


def issue(
    tx: Transaction, session: MemberSession, contact: Contact, asker: Asker
) -> str | PortalCode:
    """Make a code for the contact and return it, or why not; earlier codes become invalid."""
    who, is_known = _contact_hash(tx.keyring, contact, asker)
    if _is_spent(tx, who, SENDS, None if is_known else session):
        return PortalCode.TOO_MANY_ATTEMPTS
    attempts = ATTEMPTS
    if not is_known and _is_spent(tx, who, STRANGERS_SENDS):
        if not asker.is_first_today:
            return PortalCode.TOO_MANY_ATTEMPTS
        attempts = 1
    code = f"{secrets.randbelow(10**6):06}"
    salt = secrets.token_bytes(16)
    earlier = (OTP.c.session == session.id, OTP.c.contact_hash == who, OTP.c.used_at.is_(None))
    tx.execute(update(OTP).where(*earlier).values(expires=0))
    tx.execute(
        insert(OTP).values(
            session=session.id,
            contact_hash=who,
            salt=salt,
            code_hash=_code_hash(tx.keyring, salt, code),
            created=tx.now,
            expires=tx.now + LIFETIME,
            tries_left=attempts,
        )
    )
    return code


def confirm(
    tx: Transaction,
    session: MemberSession,
    contact: Contact,
    code: str,
    asker: Asker,
) -> Confirmation | PortalCode:
    """Check a code against the newest one of this session and contact; counts as an attempt.

    A session that was begun by this code may present it once more, as after a double click.
    """
    # The code may have been sent before the browser was known.
    hashes = [_contact_hash(tx.keyring, contact, each)[0] for each in (asker, Asker())]
    row = tx.first(
        select(OTP)
        .where(
            OTP.c.contact_hash.in_(hashes),
            OTP.c.session.in_(session.family),
            (OTP.c.session == session.id) | OTP.c.used_at.is_not(None),
        )
        .order_by(OTP.c.id.desc())
        .limit(1)
    )
    if row is None or row.expires <= tx.now:
        return PortalCode.OTP_EXPIRED
    if row.tries_left == 0:
        return PortalCode.TOO_MANY_ATTEMPTS
    if hmac.compare_digest(row.code_hash, _code_hash(tx.keyring, row.salt, code)):
        return _accept(tx, row)
    left = row.tries_left - 1
    tx.execute(update(OTP).where(OTP.c.id == row.id).values(tries_left=left))
    return PortalCode.OTP_INCORRECT if left else PortalCode.TOO_MANY_ATTEMPTS


def _accept(tx: Transaction, row: Row[Any]) -> Confirmation:
    if row.used_at is not None:
        return Confirmation(row.id, first=False, created_member=bool(row.created_member))
    tx.execute(update(OTP).where(OTP.c.id == row.id).values(used_at=tx.now))
    return Confirmation(row.id, first=True)


def note_created_member(tx: Transaction, confirmation: Confirmation) -> None:
    """Remember that this code made a new member, for a repeated request."""
    tx.execute(update(OTP).where(OTP.c.id == confirmation.otp).values(created_member=1))


def purge_otps(tx: Transaction) -> int:
    """Delete codes that are too old for every limit; return how many."""
    return tx.execute(delete(OTP).where(OTP.c.created <= tx.now - _KEPT)).rowcount


def _is_spent(
    tx: Transaction,
    who: bytes,
    limits: Sequence[tuple[int, int]],
    session: MemberSession | None = None,
) -> bool:
    """Return whether as many codes were made as may be; only those of a session if one is given."""
    sent_to = select(func.count()).where(OTP.c.contact_hash == who)
    if session is not None:
        sent_to = sent_to.where(OTP.c.session == session.id)
    for seconds, most in limits:
        if tx.execute(sent_to.where(OTP.c.created > tx.now - seconds)).scalar_one() >= most:
            return True
    return False


def _contact_hash(keyring: Keyring, contact: Contact, asker: Asker) -> tuple[bytes, bool]:
    """Return under what codes are counted, and whether that is one browser known for the contact.

    All strangers share one value for each contact.
    """
    parts = [contact.kind.encode(), contact.value.encode()]
    browser = recognise_browser(keyring, contact, asker.cookie)
    if browser is not None:
        parts.append(browser.encode())
    return keyring.digest("otp-contact", *parts), browser is not None


def _code_hash(keyring: Keyring, salt: bytes, code: str) -> bytes:
    """Return the keyed hash of a code; an unkeyed hash of six digits would be no secret."""
    return keyring.digest("otp-code", salt, code.encode())
