"""What an applicant does with an application by mobile operator, each in one transaction.

A desktop begins it and shows a link; the phone that opens the link first holds it from then on, by
a cookie of its own. The phone is nobody's session: it can do nothing but this application.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Final

from sqlalchemy import delete, insert, select, update

from agent.portal import audit, members
from agent.portal.audit import AuditEvent
from agent.portal.birthdate import check_age
from agent.portal.errors import PortalCode, PortalError
from agent.portal.moments import day_in_taipei
from agent.portal.store.transaction import Transaction
from agent.portal.telecom import records
from agent.portal.telecom.asking import may_try
from agent.portal.telecom.records import PhoneApplication
from agent.portal.telecom.states import (
    LINK_LIFETIME,
    TRIES_S,
    TelecomForm,
    TelecomOutcome,
    TelecomState,
)
from agent.portal.telecom.tables import TELECOM, TELECOM_TRY

_TOKEN_BYTES: Final = 32
_SALT_BYTES: Final = 32
_ENDED_AT_ONCE: Final = 100
_KEPT_S: Final = 24 * 60 * 60  # an application that has ended, to be shown


def new_token() -> str:
    """Return 256 random bits, URL-safe base64 without padding."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


# On the desktop.


def begin(tx: Transaction, member: str) -> PhoneApplication:
    """Begin an application, or go on with the open one.

    Raises:
        PortalError: ``already_gold``, ``account_closing``.

    """
    if members.is_gold(tx, member):
        raise PortalError(PortalCode.ALREADY_GOLD)
    if members.closing_of(tx, member) is not None:
        raise PortalError(PortalCode.ACCOUNT_CLOSING)
    row = tx.first(
        select(*records.COLUMNS).where(TELECOM.c.member == member, TELECOM.c.ended.is_(None))
    )
    if row is not None:
        found = records.as_application(tx, row)
        has_link = found.state is not TelecomState.WAITING or tx.now < found.link_until
        if found.ended is None and has_link:
            return found
        records.end(tx, found.id, TelecomOutcome.EXPIRED)
    salt = secrets.token_bytes(_SALT_BYTES)
    draft = {
        "member": member,
        "state": TelecomState.WAITING.value,
        "created": tx.now,
        "link_salt": salt,
        "link_hash": records.hash_of(_link_token(tx, salt)),
    }
    return records.one(tx, TELECOM.c.id == tx.insert_id(insert(TELECOM).values(draft)))


def renew(tx: Transaction, member: str) -> PhoneApplication:
    """Stop the open application and begin another, with another link.

    Raises:
        PortalError: as :func:`begin`.

    """
    stop(tx, member)
    return begin(tx, member)


def stop(tx: Transaction, member: str) -> None:
    """Stop the open application, if there is one: the phone can do nothing more.

    One that no phone has opened leaves nothing to be shown.
    """
    found = open_application(tx, member)
    if found is None:
        return
    if found.state is TelecomState.WAITING:
        tx.execute(delete(TELECOM).where(TELECOM.c.id == found.id))
    else:
        records.end(tx, found.id, TelecomOutcome.STOPPED)


def open_application(tx: Transaction, member: str) -> PhoneApplication | None:
    """Return the member's open application; None without one."""
    row = tx.first(
        select(*records.COLUMNS).where(
            TELECOM.c.member == member, TELECOM.c.ended.is_(None), records.alive(tx)
        )
    )
    return None if row is None else records.as_application(tx, row)


def latest_application(tx: Transaction, member: str) -> PhoneApplication | None:
    """Return the member's latest application, open or ended; None without one."""
    newest = (
        select(*records.COLUMNS).where(TELECOM.c.member == member).order_by(TELECOM.c.id.desc())
    )
    row = tx.first(newest.limit(1))
    return None if row is None else records.as_application(tx, row)


def link_token(tx: Transaction, application: PhoneApplication) -> str:
    """Return the token of an application's link, 43 characters; the database keeps its hash."""
    salt = select(TELECOM.c.link_salt).where(TELECOM.c.id == application.id)
    return _link_token(tx, bytes(tx.execute(salt).scalar_one()))


# On the phone.


def find_by_link(tx: Transaction, token: str) -> PhoneApplication:
    """Return the application whose link this is, before any phone has opened it.

    Raises:
        PortalError: ``link_over``: also for one that never was.

    """
    row = tx.first(
        select(*records.COLUMNS).where(
            TELECOM.c.link_hash == records.hash_of(token),
            TELECOM.c.state == TelecomState.WAITING.value,
            TELECOM.c.created > tx.now - LINK_LIFETIME,
        )
    )
    if row is None:
        raise PortalError(PortalCode.LINK_OVER)
    return records.as_application(tx, row)


def is_connected(tx: Transaction, token: str, phone: str) -> bool:
    """Return whether this phone holds the application of this link, open or ended."""
    both = (
        TELECOM.c.link_hash == records.hash_of(token),
        TELECOM.c.phone_hash == records.hash_of(phone),
    )
    return tx.first(select(TELECOM.c.id).where(*both)) is not None


def connect(tx: Transaction, token: str, phone: str) -> None:
    """Let a phone hold the application of a link; a second time by the same phone changes nothing.

    Args:
        tx: the transaction.
        token: of the link.
        phone: of the phone's cookie.

    Raises:
        PortalError: ``link_over``: another phone holds it, or the link was never valid.

    """
    if is_connected(tx, token, phone):
        return
    found = find_by_link(tx, token)
    # The cookie may hold an application of before, which it leaves.
    for row in tx.execute(
        select(*records.COLUMNS).where(TELECOM.c.phone_hash == records.hash_of(phone))
    ):
        earlier = records.as_application(tx, row)
        if earlier.ended is None:
            records.end(tx, earlier.id, TelecomOutcome.STOPPED)
    tx.execute(
        update(TELECOM)
        .where(TELECOM.c.phone_hash == records.hash_of(phone))
        .values(phone_hash=None)
    )
    records.change(
        tx, found.id, TelecomState.CONNECTED, phone_hash=records.hash_of(phone), connected_at=tx.now
    )
    audit.record(tx, AuditEvent.PHONE_CONNECTED, "ok", member=found.member)


def write_form(tx: Transaction, phone: str | None, form: TelecomForm) -> None:
    """Keep what was written; who holds the phone is verified once.

    Raises:
        PortalError: ``link_over``; ``too_young``; ``too_many_tries``: about this number today.

    """
    found = records.of_phone(tx, phone)
    if found.state not in {TelecomState.CONNECTED, TelecomState.DEVICE, TelecomState.OPERATOR}:
        return
    check_age(form.born, day_in_taipei(tx.now))
    if not may_try(tx, found.member, form.mobile):
        raise PortalError(PortalCode.TOO_MANY_ATTEMPTS)
    state = TelecomState.DEVICE if found.device_at is None else TelecomState.OPERATOR
    sealed = records.seal_part(tx, found.id, "form", form)
    records.change(tx, found.id, state, form=sealed, question=None, outcome=None)


def go_back(tx: Transaction, phone: str | None) -> None:
    """Go back to the form, to change it.

    Raises:
        PortalError: ``link_over``.

    """
    found = records.of_phone(tx, phone)
    if found.state in {TelecomState.DEVICE, TelecomState.OPERATOR}:
        records.change(
            tx, found.id, TelecomState.CONNECTED, question=None, challenge=None, outcome=None
        )


def begin_device(tx: Transaction, phone: str | None, challenge: bytes) -> str | None:
    """Keep a challenge for the phone's authenticator, in the place of an earlier one.

    Returns:
        the member; None where no device has to be verified now.

    Raises:
        PortalError: ``link_over``.

    """
    found = records.of_phone(tx, phone)
    if found.state is not TelecomState.DEVICE:
        return None
    tx.execute(update(TELECOM).where(TELECOM.c.id == found.id).values(challenge=challenge))
    return found.member


def finish_device(tx: Transaction, phone: str | None, is_proof: Callable[[bytes], bool]) -> bool:
    """Go on once the authenticator has verified who holds the phone; its challenge is used up.

    Args:
        tx: the transaction.
        phone: of the phone's cookie.
        is_proof: whether the authenticator's answer is one to this challenge; it has no effects.

    Returns:
        whether it is proven, now or before.

    Raises:
        PortalError: ``link_over``.

    """
    found = records.of_phone(tx, phone)
    if found.state is not TelecomState.DEVICE:
        return found.device_at is not None
    row = select(TELECOM.c.challenge).where(TELECOM.c.id == found.id)
    challenge = tx.execute(row).scalar()
    if challenge is None or not is_proof(bytes(challenge)):
        tx.execute(update(TELECOM).where(TELECOM.c.id == found.id).values(challenge=None))
        return False
    records.change(tx, found.id, TelecomState.OPERATOR, challenge=None, device_at=tx.now)
    return True


def _link_token(tx: Transaction, salt: bytes) -> str:
    """Return the token of a link: made anew each time, so that it is kept nowhere."""
    digest = tx.keyring.digest("telecom-link", salt)
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def purge_telecom(tx: Transaction) -> int:
    """End what is over, and delete what nobody will look at any more; return how many."""
    over = select(TELECOM.c.id).where(TELECOM.c.ended.is_(None), ~records.alive(tx))
    ended = list(tx.execute(over.limit(_ENDED_AT_ONCE)).scalars())
    for each in ended:
        records.end(tx, each, TelecomOutcome.EXPIRED)
    old = tx.execute(delete(TELECOM).where(TELECOM.c.ended <= tx.now - _KEPT_S)).rowcount
    tries = tx.execute(delete(TELECOM_TRY).where(TELECOM_TRY.c.at <= tx.now - TRIES_S)).rowcount
    return len(ended) + old + tries
