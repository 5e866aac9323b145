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
from typing import Final

from agent.portal.errors import PortalCode
from agent.portal.sessions import MemberSession
from agent.portal.transaction import Transaction

LIFETIME: Final = 300
OK: Final = "ok"


@unique
class ChallengePurpose(StrEnum):
    """The purpose of a signature."""

    UPGRADE = "upgrade"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge for a page: ``content`` is 32 random octets."""

    id: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """The challenge was consumed for this signature, which must be over ``content``."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same signature was accepted before, for ``member``."""

    member: str


def issue(tx: Transaction, session: MemberSession, purpose: ChallengePurpose) -> Challenge:
    """Make a challenge for this session and purpose."""
    challenge = Challenge(secrets.token_urlsafe(16), secrets.token_bytes(32))
    tx.execute(
        """
        INSERT INTO challenge (id, session, purpose, content, created, expires)
        VALUES (?, ?, ?, ?, ?, ?)
        """,
        (challenge.id, session.id, purpose, challenge.content, tx.now, tx.now + LIFETIME),
    )
    return challenge


def claim(
    tx: Transaction,
    session: MemberSession,
    purpose: ChallengePurpose,
    challenge_id: str,
    signature_hash: bytes,
) -> Claimed | Repeated | PortalCode:
    """Consume the challenge for one signature, given by its SHA-256, or return why not.

    A session that was begun by this challenge may only repeat its signature.
    """
    row = tx.execute(
        "SELECT * FROM challenge WHERE id = ? AND purpose = ? AND session IN (?, ?)",
        (challenge_id, purpose, *session.family),
    ).fetchone()
    if row is None or (row["session"] != session.id and row["used_at"] is None):
        return PortalCode.CHALLENGE_UNKNOWN
    expired = row["expires"] <= tx.now
    if row["used_at"] is not None:
        if row["signature_hash"] != signature_hash or row["outcome"] is None:
            return PortalCode.CHALLENGE_USED
        if row["outcome"] != OK:
            return PortalCode(row["outcome"])
        return PortalCode.CHALLENGE_EXPIRED if expired else Repeated(row["member"])
    if expired:
        return PortalCode.CHALLENGE_EXPIRED
    tx.execute(
        "UPDATE challenge SET used_at = ?, signature_hash = ? WHERE id = ?",
        (tx.now, signature_hash, challenge_id),
    )
    return Claimed(row["content"])


def settle(tx: Transaction, challenge_id: str, outcome: str, member: str | None) -> None:
    """Record the result: "ok" and the member, or a portal code."""
    tx.execute(
        "UPDATE challenge SET outcome = ?, member = ? WHERE id = ?", (outcome, member, challenge_id)
    )
