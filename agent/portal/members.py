"""Members and their logins."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique

import msgspec
from sqlalchemy import func, insert, select, update

from agent.portal.contact import Contact, LoginKind
from agent.portal.errors import PortalCode
from agent.portal.logins import contacts_of
from agent.portal.notices.outbox import NoticeKind, tell
from agent.portal.store.tables import LOGIN, MEMBER, UPGRADE
from agent.portal.store.transaction import Transaction
from agent.words import Language

__all__ = ["contacts_of"]  # beside what is defined here


@unique
class Way(StrEnum):
    """The ways from ordinary to gold."""

    CARD = "card"
    COUNTER = "counter"
    TELECOM = "telecom"
    ONLINE = "online"


@dataclass(frozen=True, slots=True)
class WayToLogIn:
    """One of a member's; ``label`` is masked."""

    kind: LoginKind
    label: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member, as shown to themselves.

    Attributes:
        id: 16 hex digits.
        name: as the member gave it; None before.
        gold_since: in seconds since 1970; None of an ordinary member.
        gold_way: how the member became gold.
        closing: when the account ends, in seconds since 1970; None if it does not.
        logins: oldest first.

    """

    id: str
    name: str | None
    gold_since: int | None
    gold_way: Way | None
    closing: int | None
    logins: tuple[WayToLogIn, ...]


@dataclass(frozen=True, slots=True, repr=False)
class CardLogin:
    """A card by which a member may log in.

    Attributes:
        key: 64 hex digits under the database's key: issuer and subject serial of the card.
        label: the last four digits of the subject serial.

    """

    key: str
    label: str


def card_login(tx: Transaction, issuer: str, subject_serial: str) -> CardLogin:
    """Return by what a card is recognised, a member's as well as a member of staff's."""
    key = tx.keyring.digest("card", issuer.encode(), subject_serial.encode()).hex()
    return CardLogin(key, f"•••• {subject_serial[-4:]}")


@dataclass(frozen=True, slots=True, repr=False)
class Proven:
    """A proven identity.

    Attributes:
        way: how it was proven.
        id_number: in normal form; only its keyed digest and its last four characters are kept.
        name: for a member who has not given one.
        evidence: what was looked at, by its kind and never its content: kept for ever.
        decided_by: the number of the member of staff who decided; None where nobody had to.
        card: a card that becomes one more login.

    """

    way: Way
    id_number: str
    name: str | None
    evidence: Mapping[str, str | int | bool]
    decided_by: int | None = None
    card: CardLogin | None = None


def find_member(tx: Transaction, member_id: str) -> Member | None:
    """Return one member with all logins, oldest first."""
    row = tx.first(select(MEMBER).where(MEMBER.c.id == member_id))
    if row is None:
        return None
    logins = tx.execute(
        select(LOGIN.c.kind, LOGIN.c.label).where(LOGIN.c.member == member_id).order_by(LOGIN.c.id)
    )
    return Member(
        row.id,
        row.name,
        row.gold_since,
        None if row.gold_way is None else Way(row.gold_way),
        row.closing,
        tuple(WayToLogIn(LoginKind(login.kind), login.label) for login in logins),
    )


def member_of_contact(tx: Transaction, contact: Contact) -> str | None:
    """Return the member of a contact; None where there is none."""
    return _member_of(tx, contact.kind, contact.value)


def member_of_card(tx: Transaction, card_key: str) -> str | None:
    """Return the member of a card; None where there is none."""
    return _member_of(tx, LoginKind.CARD, card_key)


def _member_of(tx: Transaction, kind: LoginKind, key: str) -> str | None:
    found = select(LOGIN.c.member).where(LOGIN.c.kind == kind.value, LOGIN.c.key == key)
    return tx.execute(found).scalar()


def register(tx: Transaction, contact: Contact) -> str:
    """Make an ordinary member with this contact and return its id, 16 random hex digits."""
    member_id = secrets.token_hex(8)
    tx.execute(insert(MEMBER).values(id=member_id, created=tx.now))
    add_login(tx, member_id, contact.kind, contact.value, contact.masked)
    return member_id


def add_login(tx: Transaction, member_id: str, kind: LoginKind, key: str, label: str) -> None:
    """Add a way to log in, which nobody may have yet."""
    tx.execute(
        insert(LOGIN).values(
            member=member_id, kind=kind.value, key=key, label=label, created=tx.now
        )
    )


def rename(tx: Transaction, member_id: str, name: str) -> None:
    """Set the name that the member goes by."""
    tx.execute(update(MEMBER).where(MEMBER.c.id == member_id).values(name=name))


def speak(tx: Transaction, member_id: str, language: Language, *, was_chosen: bool) -> None:
    """Keep the language in which the member is told things: the first one, or one they chose."""
    member = update(MEMBER).where(MEMBER.c.id == member_id)
    if not was_chosen:
        member = member.where(MEMBER.c.language.is_(None))
    tx.execute(member.values(language=str(language)))


def is_gold(tx: Transaction, member_id: str) -> bool:
    """Return whether the member is gold."""
    grade = tx.execute(select(MEMBER.c.grade).where(MEMBER.c.id == member_id)).scalar()
    return bool(grade == "gold")


def closing_of(tx: Transaction, member_id: str) -> int | None:
    """Return when the account ends, in seconds since 1970; None if it does not."""
    return tx.execute(select(MEMBER.c.closing).where(MEMBER.c.id == member_id)).scalar()


def last4_of(tx: Transaction, member_id: str) -> str | None:
    """Return the last four characters of the member's ID number; None when it is not known."""
    last4 = tx.execute(select(MEMBER.c.id_number_last4).where(MEMBER.c.id == member_id)).scalar()
    return None if last4 is None else str(last4)


def member_of_id_number(tx: Transaction, id_number: str) -> str | None:
    """Return the gold member of an ID number; None where there is none."""
    digest = _id_number_hash(tx, id_number)
    return tx.execute(select(MEMBER.c.id).where(MEMBER.c.id_number_hash == digest)).scalar()


def masked_contact_of_id_number(tx: Transaction, id_number: str) -> str | None:
    """Return the masked contact of an ID number's gold member, for who has proven the number."""
    member_id = member_of_id_number(tx, id_number)
    contacts = [] if member_id is None else contacts_of(tx, member_id)
    return contacts[0].masked if contacts else None


def make_gold(tx: Transaction, member_id: str, proven: Proven) -> PortalCode | None:
    """Make the member gold, whichever way it was, and tell them; or return why not.

    Returns:
        None for success; ``already_gold``; ``account_closing``; ``id_number_taken``, also for the
        card of another.

    """
    if is_gold(tx, member_id):
        return PortalCode.ALREADY_GOLD
    if closing_of(tx, member_id) is not None:
        return PortalCode.ACCOUNT_CLOSING
    card = proven.card
    if member_of_id_number(tx, proven.id_number) is not None or (
        card is not None and member_of_card(tx, card.key) is not None
    ):
        return PortalCode.ID_NUMBER_TAKEN
    tx.execute(
        update(MEMBER)
        .where(MEMBER.c.id == member_id)
        .values(
            grade="gold",
            gold_since=tx.now,
            gold_way=proven.way.value,
            id_number_hash=_id_number_hash(tx, proven.id_number),
            id_number_last4=proven.id_number[-4:],
            name=func.coalesce(MEMBER.c.name, proven.name),
        )
    )
    tx.execute(
        insert(UPGRADE).values(
            member=member_id,
            way=proven.way.value,
            at=tx.now,
            evidence=msgspec.json.encode(proven.evidence).decode(),
            decided_by=proven.decided_by,
        )
    )
    if card is not None:
        add_login(tx, member_id, LoginKind.CARD, card.key, card.label)
    tell(tx, member_id, NoticeKind.GOLD, way=proven.way.value)
    return None


def _id_number_hash(tx: Transaction, id_number: str) -> bytes:
    return tx.keyring.digest("id-number", id_number.encode())
