"""Read and write the rows of applications: what every step is made of."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Row, select, update

from agent.portal.errors import PortalCode, PortalError
from agent.portal.store.sealing import UnsealError, seal, unseal
from agent.portal.store.transaction import Transaction
from agent.portal.telecom.states import (
    LIFETIME,
    LINK_LIFETIME,
    LONGEST_READING,
    TelecomForm,
    TelecomOutcome,
    TelecomState,
)
from agent.portal.telecom.tables import TELECOM

_Content = TypeVar("_Content")
_GONE: Final[Mapping[str, None]] = dict.fromkeys(("form", "challenge", "question"))
COLUMNS: Final = tuple(column for column in TELECOM.c if column.name not in _GONE)
"""All that is not sealed, and no challenge."""


@dataclass(frozen=True, slots=True)
class PhoneApplication:
    """An application without what is sealed.

    Attributes:
        id: of its row.
        member: who applies.
        state: where it stands.
        created: seconds since 1970, as all times here.
        connected_at: when a phone opened the link.
        device_at: when the phone's holder was verified.
        outcome: of the last answer; of the application once it has ended.
        taken_by: the masked contact of the member whose ID number it is already.
        ended: when it ended.

    """

    id: int
    member: str
    state: TelecomState
    created: int
    connected_at: int | None
    device_at: int | None
    outcome: TelecomOutcome | None
    taken_by: str | None
    ended: int | None

    @property
    def link_until(self) -> int:
        """The moment from which on the link opens nothing."""
        return self.created + LINK_LIFETIME


def one(tx: Transaction, whose: ColumnElement[bool]) -> PhoneApplication:
    """Return the one application for which a condition holds.

    Raises:
        PortalError: ``link_over``: there is none.

    """
    row = tx.first(select(*COLUMNS).where(whose))
    if row is None:
        raise PortalError(PortalCode.LINK_OVER)
    return as_application(tx, row)


def of_phone(tx: Transaction, phone: str | None) -> PhoneApplication:
    """Return the application that a phone holds, open or ended.

    Raises:
        PortalError: ``link_over``: it holds none.

    """
    if phone is None:
        raise PortalError(PortalCode.LINK_OVER)
    return one(tx, TELECOM.c.phone_hash == hash_of(phone))


def form_of(tx: Transaction, application: PhoneApplication) -> TelecomForm | None:
    """Return what the applicant has written; None before, and once it has ended.

    Raises:
        PortalError: ``internal``: it does not open.

    """
    sealed = tx.execute(select(TELECOM.c.form).where(TELECOM.c.id == application.id)).scalar()
    return None if sealed is None else unseal_part(tx, application.id, "form", sealed, TelecomForm)


def alive(tx: Transaction) -> ColumnElement[bool]:
    """Return the condition that an application is not over by the clock."""
    return TELECOM.c.created > tx.now - LIFETIME


def as_application(tx: Transaction, row: Row[Any]) -> PhoneApplication:
    """Return a row as it stands now: what is over by the clock may not have been written so yet."""
    state = TelecomState(row.state)
    outcome = None if row.outcome is None else TelecomOutcome(row.outcome)
    ended = row.ended
    if ended is None and row.created <= tx.now - LIFETIME:
        state, outcome, ended = TelecomState.ENDED, TelecomOutcome.EXPIRED, row.created + LIFETIME
    elif state is TelecomState.READING and row.reading_since <= tx.now - LONGEST_READING:
        state, outcome = TelecomState.OPERATOR, TelecomOutcome.UNAVAILABLE
    return PhoneApplication(
        id=row.id,
        member=row.member,
        state=state,
        created=row.created,
        connected_at=row.connected_at,
        device_at=row.device_at,
        outcome=outcome,
        taken_by=row.taken_by,
        ended=ended,
    )


def end(
    tx: Transaction, application: int, outcome: TelecomOutcome, taken_by: str | None = None
) -> None:
    """End an application: form, challenge and question are gone, from SQLite's journal too."""
    tx.leave_no_trace()
    change(
        tx,
        application,
        TelecomState.ENDED,
        **_GONE,
        outcome=outcome.value,
        taken_by=taken_by,
        ended=tx.now,
    )


def change(tx: Transaction, application: int, state: TelecomState, **values: Any) -> None:
    """Put an application into a state, with these columns besides."""
    place = update(TELECOM).where(TELECOM.c.id == application)
    tx.execute(place.values(state=state.value, **values))


def hash_of(token: str) -> bytes:
    """Return the SHA-256 of a token, which is random and long enough for an unkeyed hash."""
    return hashlib.sha256(token.encode()).digest()


def seal_part(tx: Transaction, application: int, part: str, content: object) -> bytes:
    """Return content sealed for one column of one application."""
    plain = msgspec.json.encode(content)
    return seal(tx.keyring.digest("telecom"), plain, f"{application}:{part}".encode())


def unseal_part(
    tx: Transaction, application: int, part: str, sealed: bytes, kind: type[_Content]
) -> _Content:
    """Return what :func:`seal_part` sealed.

    Raises:
        PortalError: ``internal``: it does not open.

    """
    try:
        plain = unseal(
            tx.keyring.digest("telecom"), bytes(sealed), f"{application}:{part}".encode()
        )
    except UnsealError as error:
        raise PortalError(PortalCode.INTERNAL, f"{part} of an application does not open") from error
    return msgspec.json.decode(plain, type=kind)
