"""One-time challenges, which a card signs to prove that its holder is present.

A challenge is 256 random bits; the agent signs it together with the site's origin and the purpose.
It is bound to the session that asked for it, lives five minutes, and is consumed before its
signature is looked at: whatever comes of it, no second signature over it is ever accepted. The
*same* signature sent again gets the same answer, because that is a double click and not a second
attempt.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from agent.portal.errors import PortalCode
from agent.portal.sessions import MemberSession
from agent.portal.store.sealing import UnsealError, seal, unseal
from agent.portal.store.tables import CHALLENGE
from agent.portal.store.transaction import Transaction

LIFETIME: Final = 300
OK: Final = "ok"


@unique
class ChallengePurpose(StrEnum):
    """The purpose of a signature."""

    UPGRADE = "upgrade"
    LOGIN = "login"
    STAFF = "staff"
    RENEW = "renew"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge for a page: ``content`` is 32 random octets."""

    id: str
    content: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Claimed:
    """The challenge was consumed for a signature.

    Attributes:
        content: what the signature must be over.
        id_number: what was typed with it; None where nothing was.

    """

    content: bytes
    id_number: str | None = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same signature was accepted before, for ``member``."""

    member: str


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The same signature is being looked at, perhaps by another process."""


def issue(
    tx: Transaction,
    session: MemberSession,
    purpose: ChallengePurpose,
    id_number: str | None = None,
) -> Challenge:
    """Make a challenge for this session and purpose.

    The ID number that belongs to it is needed again with the signature. Until then it stands in
    the database, sealed, and is deleted when the challenge is used or has expired.
    """
    challenge = Challenge(secrets.token_urlsafe(16), secrets.token_bytes(32))
    sealed = None
    if id_number is not None:
        sealed = seal(_key(tx), id_number.encode(), challenge.id.encode())
    tx.execute(
        insert(CHALLENGE).values(
            id=challenge.id,
            session=session.id,
            purpose=purpose.value,
            content=challenge.content,
            sealed=sealed,
            created=tx.now,
            expires=tx.now + LIFETIME,
        )
    )
    return challenge


def claim(
    tx: Transaction,
    session: MemberSession,
    purpose: ChallengePurpose,
    challenge_id: str,
    signature_hash: bytes,
) -> Claimed | Repeated | UnderWay | PortalCode:
    """Consume the challenge for one signature, given by its SHA-256, or return why not.

    A session that was begun by this challenge may only repeat its signature.
    """
    row = tx.first(
        select(CHALLENGE).where(
            CHALLENGE.c.id == challenge_id,
            CHALLENGE.c.purpose == purpose.value,
            CHALLENGE.c.session.in_(session.family),
        )
    )
    if row is None or (row.session != session.id and row.used_at is None):
        return PortalCode.CHALLENGE_UNKNOWN
    if row.used_at is not None:
        return _answer_again(tx, row, signature_hash)
    if row.expires <= tx.now:
        return PortalCode.CHALLENGE_EXPIRED
    tx.execute(
        update(CHALLENGE)
        .where(CHALLENGE.c.id == challenge_id)
        .values(used_at=tx.now, signature_hash=signature_hash, sealed=None)
    )
    return Claimed(row.content, _typed(tx, challenge_id, row.sealed))


def _answer_again(
    tx: Transaction, row: Row[Any], signature_hash: bytes
) -> Repeated | UnderWay | PortalCode:
    """Return what was answered to the signature before; to another one that it came too late."""
    expired = row.expires <= tx.now
    if row.signature_hash != signature_hash:
        return PortalCode.CHALLENGE_USED
    if row.outcome is None:
        return PortalCode.CHALLENGE_USED if expired else UnderWay()
    if row.outcome != OK:
        return PortalCode(row.outcome)
    return PortalCode.CHALLENGE_EXPIRED if expired else Repeated(row.member)


def settle(tx: Transaction, challenge_id: str, outcome: str, member: str | None) -> None:
    """Record the result: "ok" and the member, or a portal code."""
    this = CHALLENGE.c.id == challenge_id
    tx.execute(update(CHALLENGE).where(this).values(outcome=str(outcome), member=member))


def purge_challenges(tx: Transaction) -> int:
    """Delete what was typed for challenges that have expired unused; return how many."""
    abandoned = (CHALLENGE.c.sealed.is_not(None), CHALLENGE.c.expires <= tx.now)
    return tx.execute(update(CHALLENGE).where(*abandoned).values(sealed=None)).rowcount


def _key(tx: Transaction) -> bytes:
    return tx.keyring.digest("challenge-seal")


def _typed(tx: Transaction, challenge_id: str, sealed: bytes | None) -> str | None:
    if sealed is None:
        return None
    try:
        return unseal(_key(tx), sealed, challenge_id.encode()).decode()
    except UnsealError:  # somebody has written in the database
        return None
