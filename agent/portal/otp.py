"""One-time codes: six digits, five minutes, five attempts, bound to a session and a contact."""

import hmac
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.portal.asker import Asker, recognise_browser
from agent.portal.contact import Contact
from agent.portal.errors import PortalCode
from agent.portal.keyring import Keyring
from agent.portal.sessions import MemberSession
from agent.portal.transaction import Transaction

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
    tx.execute(
        "UPDATE otp SET expires = 0 WHERE session = ? AND contact_hash = ? AND used_at IS NULL",
        (session.id, who),
    )
    tx.execute(
        """
        INSERT INTO otp (session, contact_hash, salt, code_hash, created, expires, tries_left)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        """,
        (
            session.id,
            who,
            salt,
            _code_hash(tx.keyring, salt, code),
            tx.now,
            tx.now + LIFETIME,
            attempts,
        ),
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
    hashes = (_contact_hash(tx.keyring, contact, each)[0] for each in (asker, Asker()))
    row = tx.execute(
        """
        SELECT * FROM otp WHERE contact_hash IN (?, ?) AND session IN (?, ?)
        AND (session = ? OR used_at IS NOT NULL) ORDER BY id DESC LIMIT 1
        """,
        (*hashes, *session.family, session.id),
    ).fetchone()
    if row is None or row["expires"] <= tx.now:
        return PortalCode.OTP_EXPIRED
    if row["tries_left"] == 0:
        return PortalCode.TOO_MANY_ATTEMPTS
    if hmac.compare_digest(row["code_hash"], _code_hash(tx.keyring, row["salt"], code)):
        return _accept(tx, row)
    left = row["tries_left"] - 1
    tx.execute("UPDATE otp SET tries_left = ? WHERE id = ?", (left, row["id"]))
    return PortalCode.OTP_INCORRECT if left else PortalCode.TOO_MANY_ATTEMPTS


def _accept(tx: Transaction, row: sqlite3.Row) -> Confirmation:
    if row["used_at"] is not None:
        return Confirmation(row["id"], first=False, created_member=bool(row["created_member"]))
    tx.execute("UPDATE otp SET used_at = ? WHERE id = ?", (tx.now, row["id"]))
    return Confirmation(row["id"], first=True)


def note_created_member(tx: Transaction, confirmation: Confirmation) -> None:
    """Remember that this code made a new member, for a repeated request."""
    tx.execute("UPDATE otp SET created_member = 1 WHERE id = ?", (confirmation.otp,))


def purge_otps(tx: Transaction) -> int:
    """Delete codes that are too old for every limit; return how many."""
    return tx.execute("DELETE FROM otp WHERE created <= ?", (tx.now - _KEPT,)).rowcount


def _is_spent(
    tx: Transaction,
    who: bytes,
    limits: Sequence[tuple[int, int]],
    session: MemberSession | None = None,
) -> bool:
    """Return whether as many codes were made as may be; only those of a session if one is given."""
    number = None if session is None else session.id
    for seconds, most in limits:
        (sent,) = tx.execute(
            """
            SELECT count(*) FROM otp WHERE contact_hash = ? AND created > ?
            AND (? IS NULL OR session = ?)
            """,
            (who, tx.now - seconds, number, number),
        ).fetchone()
        if sent >= most:
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
