"""Sessions, which browsers hold by a cookie.

A session begins anonymous, so that a code or a challenge can be bound to it, and ends there: a
login begins a *new* session, its child, under a new token, and the old token is worth nothing but
the answer to a repeated request. Logging out ends the whole family, so that no repeated request
brings it back.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, exists, insert, select, update

from agent.portal.store.tables import SESSION
from agent.portal.store.transaction import Transaction

LIFETIME: Final = 8 * 60 * 60
"""Seconds from the first request to the last, however busy."""

_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class MemberSession:
    """A session: ``member`` is None while nobody is logged in; ``parent`` was before the login."""

    id: int
    parent: int | None
    member: str | None

    @property
    def family(self) -> tuple[int, int]:
        """This session and its parent, whose codes and challenges it may repeat."""
        return (self.id, self.id if self.parent is None else self.parent)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session with its token: 256 random bits, URL-safe base64, kept nowhere on the server."""

    session: MemberSession
    token: str

    def __repr__(self) -> str:
        return f"OpenedSession({self.session})"


def _hash_of(token: str) -> bytes:
    """Return the SHA-256 of a token, which is random and long enough for an unkeyed hash."""
    return hashlib.sha256(token.encode()).digest()


def open_session(tx: Transaction) -> OpenedSession:
    """Begin an anonymous session."""
    return _insert(tx, parent=None, member=None)


def log_in(tx: Transaction, came_from: MemberSession, member: str) -> OpenedSession:
    """Begin a session of ``member``; ``came_from`` becomes anonymous."""
    tx.execute(update(SESSION).where(SESSION.c.id == came_from.id).values(member=None))
    return _insert(tx, parent=came_from.id, member=member)


def _insert(tx: Transaction, *, parent: int | None, member: str | None) -> OpenedSession:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    number = tx.insert_id(
        insert(SESSION).values(
            token_hash=_hash_of(token),
            parent=parent,
            member=member,
            created=tx.now,
            expires=tx.now + LIFETIME,
        )
    )
    return OpenedSession(MemberSession(number, parent, member), token)


def find_session(tx: Transaction, token: str) -> MemberSession | None:
    """Return the session of a token; None when it is unknown or has expired."""
    row = tx.first(
        select(SESSION.c.id, SESSION.c.parent, SESSION.c.member).where(
            SESSION.c.token_hash == _hash_of(token),
            SESSION.c.realm == "member",
            SESSION.c.expires > tx.now,
        )
    )
    return None if row is None else MemberSession(row.id, row.parent, row.member)


def log_out(tx: Transaction, session: MemberSession) -> None:
    """End the session, its parent, and every other child of it."""
    first = select(SESSION.c.id, SESSION.c.parent).where(SESSION.c.id == session.id)
    ancestor = first.cte("ancestor", recursive=True)
    parents = select(SESSION.c.id, SESSION.c.parent).where(SESSION.c.id == ancestor.c.parent)
    family = ancestor.union(parents)
    tx.execute(delete(SESSION).where(SESSION.c.id.in_(select(family.c.id))))


def end_other_sessions(tx: Transaction, session: MemberSession) -> None:
    """End every other session of this session's member."""
    others = (SESSION.c.member == session.member, SESSION.c.id != session.id)
    tx.execute(delete(SESSION).where(*others))


def end_sessions_of(tx: Transaction, member: str) -> None:
    """End every session of a member."""
    tx.execute(delete(SESSION).where(SESSION.c.member == member))


def purge_sessions(tx: Transaction) -> int:
    """Delete expired sessions with their challenges; return how many.

    Not those that have children: deleting a parent would end them too early.
    """
    child = SESSION.alias("child")
    has_children = exists().where(child.c.parent == SESSION.c.id)
    return tx.execute(delete(SESSION).where(SESSION.c.expires <= tx.now, ~has_children)).rowcount
