"""Members and their logins."""

import secrets
from dataclasses import dataclass

from agent.portal.contact import Contact, LoginKind
from agent.portal.errors import PortalCode
from agent.portal.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Login:
    """One way to log in; ``label`` is masked."""

    kind: LoginKind
    label: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member, as shown to themselves; ``gold_since`` in seconds since 1970, or None."""

    id: str
    name: str | None
    gold_since: int | None
    logins: tuple[Login, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """The part of a proven identity that is stored.

    Attributes:
        id_number_hash: 32 bytes under the database's key: tells whether the number is taken.
        id_number_last4: what the certificate shows too; the member recognises the number by it.
        card_key: 64 hex digits under the database's key: issuer and subject serial of the card.
        card_label: the last four digits of the subject serial.
        name: the certificate's common name, for a member who has not given one.

    """

    id_number_hash: bytes
    id_number_last4: str
    card_key: str
    card_label: str
    name: str | None


def find_member(tx: Transaction, member_id: str) -> Member | None:
    """Return one member with all logins, oldest first."""
    row = tx.execute(
        "SELECT id, name, gold_since FROM member WHERE id = ?", (member_id,)
    ).fetchone()
    if row is None:
        return None
    logins = tx.execute("SELECT kind, label FROM login WHERE member = ? ORDER BY id", (member_id,))
    return Member(
        row["id"],
        row["name"],
        row["gold_since"],
        tuple(Login(LoginKind(login["kind"]), login["label"]) for login in logins),
    )


def member_of_contact(tx: Transaction, contact: Contact) -> str | None:
    """Return the member of a contact; None where there is none."""
    return _member_of(tx, contact.kind, contact.value)


def member_of_card(tx: Transaction, card_key: str) -> str | None:
    """Return the member of a card; None where there is none."""
    return _member_of(tx, LoginKind.CARD, card_key)


def _member_of(tx: Transaction, kind: LoginKind, key: str) -> str | None:
    row = tx.execute(
        "SELECT member FROM login WHERE kind = ? AND key = ?", (kind.value, key)
    ).fetchone()
    return None if row is None else str(row["member"])


def register(tx: Transaction, contact: Contact) -> str:
    """Make an ordinary member with this contact and return its id, 16 random hex digits."""
    member_id = secrets.token_hex(8)
    tx.execute("INSERT INTO member (id, created) VALUES (?, ?)", (member_id, tx.now))
    _add_login(tx, member_id, contact.kind, contact.value, contact.masked)
    return member_id


def _add_login(tx: Transaction, member_id: str, kind: LoginKind, key: str, label: str) -> None:
    tx.execute(
        "INSERT INTO login (member, kind, key, label, created) VALUES (?, ?, ?, ?, ?)",
        (member_id, kind.value, key, label, tx.now),
    )


def rename(tx: Transaction, member_id: str, name: str) -> None:
    """Set the name that the member goes by."""
    tx.execute("UPDATE member SET name = ? WHERE id = ?", (name, member_id))


def is_gold(tx: Transaction, member_id: str) -> bool:
    """Return whether the member is gold."""
    row = tx.execute("SELECT grade FROM member WHERE id = ?", (member_id,)).fetchone()
    return row is not None and row["grade"] == "gold"


def last4_of(tx: Transaction, member_id: str) -> str | None:
    """Return the last four characters of the member's ID number; None when it is not known."""
    row = tx.execute("SELECT id_number_last4 FROM member WHERE id = ?", (member_id,)).fetchone()
    return None if row is None else row["id_number_last4"]


def make_gold(tx: Transaction, member_id: str, identity: Identity) -> PortalCode | None:
    """Make the member gold and add the card as a login, or return why not."""
    if is_gold(tx, member_id):
        return PortalCode.ALREADY_GOLD
    taken = tx.execute(
        "SELECT 1 FROM member WHERE id_number_hash = ?", (identity.id_number_hash,)
    ).fetchone()
    if taken is not None or member_of_card(tx, identity.card_key) is not None:
        return PortalCode.ID_NUMBER_TAKEN
    tx.execute(
        """
        UPDATE member SET grade = 'gold', gold_since = :now, gold_way = 'card',
            id_number_hash = :hash, id_number_last4 = :last4, name = COALESCE(name, :name)
        WHERE id = :id
        """,
        {
            "now": tx.now,
            "hash": identity.id_number_hash,
            "last4": identity.id_number_last4,
            "name": identity.name,
            "id": member_id,
        },
    )
    _add_login(tx, member_id, LoginKind.CARD, identity.card_key, identity.card_label)
    return None
