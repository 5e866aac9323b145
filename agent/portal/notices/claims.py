"""The outbox as a queue that many processes work on: claims, results, and what is kept of them.

A claim is a lease: whoever holds it sends, and nobody else does. A process that was killed leaves
its leases to the others when they run out. A notice is therefore sent **at least once**: twice only
where a process or a connection ended after the receiver took it and before that was written down.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, and_, delete, func, not_, or_, select, update

from agent.portal.contact import Contact, LoginKind
from agent.portal.notices.kinds import Facts, NoticeKind
from agent.portal.otp import LIFETIME as CODE_LIFETIME
from agent.portal.store.tables import NOTICE
from agent.portal.store.transaction import Transaction
from agent.words import Language
from agent.words.language import BY_TAG, FIRST

LEASE: Final = 900
"""Seconds for which a claim holds; more than sending may take."""
TRIED_FOR: Final = 24 * 60 * 60
"""Seconds after which a notice is given up."""
ROWS_KEPT: Final = 30 * 24 * 60 * 60
"""Seconds for which it is kept that something was sent, without to whom and what."""
SHOWN_DAYS: Final = 3
"""Days for which the demonstration shows what was sent."""
BATCH: Final = 8
_FIRST_PAUSE: Final = 30  # seconds
_LONGEST_PAUSE: Final = 60 * 60
_DAY: Final = 24 * 60 * 60


@dataclass(frozen=True, slots=True, repr=False)
class ClaimedNotice:
    """A notice that this process may send.

    Attributes:
        id: of its row.
        attempt: which attempt this is, from 1; a result counts only for the attempt it is of.
        kind: what it tells, or None for what this version does not know.
        contact: who is told.
        language: in which.
        facts: what its words need.
        created: in seconds since 1970.
        identity: 32 hex digits, the same at each attempt and of no other notice.

    """

    id: int
    attempt: int
    kind: NoticeKind | None
    contact: Contact
    language: Language
    facts: Facts
    created: int
    identity: str


def has_work(tx: Transaction, kinds: Collection[LoginKind]) -> bool:
    """Return whether :func:`claim` or :func:`give_up` would find anything."""
    anything = or_(_is_due(tx, kinds), _is_too_old(tx))
    return tx.first(select(NOTICE.c.id).where(anything).limit(1)) is not None


def claim(tx: Transaction, kinds: Collection[LoginKind]) -> list[ClaimedNotice]:
    """Claim what is due, the longest waiting first.

    Args:
        tx: the transaction.
        kinds: of contacts, to which this process can send.

    """
    rows = tx.execute(
        select(NOTICE).where(_is_due(tx, kinds)).order_by(NOTICE.c.due, NOTICE.c.id).limit(BATCH)
    ).fetchall()
    numbers = [row.id for row in rows]
    tx.execute(
        update(NOTICE)
        .where(NOTICE.c.id.in_(numbers))
        .values(leased_until=tx.now + LEASE, attempts=NOTICE.c.attempts + 1)
    )
    return [
        ClaimedNotice(
            id=row.id,
            attempt=row.attempts + 1,
            kind=_kind(row.kind),
            contact=Contact(LoginKind(row.channel), row.contact),
            language=BY_TAG.get(row.language, FIRST),
            facts=msgspec.json.decode(row.facts, type=dict[str, str | int]),
            created=row.created,
            identity=tx.keyring.digest("notice", str(row.id).encode())[:16].hex(),
        )
        for row in rows
    ]


def give_up(tx: Transaction) -> dict[str, int]:
    """Give up what waited for a day; return how many notices, by the kind of contact."""
    channel, number = NOTICE.c.channel, func.count().label("number")
    which = _is_too_old(tx)
    rows = tx.execute(select(channel, number).where(which).group_by(channel))
    given_up = {row.channel: row.number for row in rows}
    _end(tx, which, "given_up")
    return given_up


def note_sent(tx: Transaction, notice: ClaimedNotice, *, keeps_content: bool) -> None:
    """Keep that a notice was sent, and no longer to whom and what, unless ``keeps_content``."""
    _end(tx, _is_claimed(notice), "sent", keeps_content=keeps_content)


def note_failed(tx: Transaction, notice: ClaimedNotice, reason: str, *, is_final: bool) -> None:
    """Keep why an attempt failed; the next one comes after a pause, or never."""
    claimed = _is_claimed(notice)
    tx.execute(update(NOTICE).where(claimed).values(failure=reason))
    if is_final:
        _end(tx, claimed, "given_up")
        return
    tx.execute(update(NOTICE).where(claimed).values(due=tx.now + pause(notice), leased_until=None))


def pause(notice: ClaimedNotice) -> int:
    """Return the seconds until the next attempt: half a minute, twice as long each time, an hour.

    A quarter of it, at most, is the notice's own, so that not all come back at one moment.
    """
    seconds = min(_FIRST_PAUSE << min(notice.attempt - 1, 10), _LONGEST_PAUSE)
    return seconds + int(notice.identity[:4], 16) * seconds // (4 << 16)


def has_expired_code(tx: Transaction) -> bool:
    """Return whether a one-time code of a demonstration lies there that nobody can use any more.

    Looks at every notice: for the mailbox of a demonstration, which has few.
    """
    return tx.first(select(NOTICE.c.id).where(_is_an_expired_code(tx)).limit(1)) is not None


def delete_expired_codes(tx: Transaction) -> None:
    """Delete what :func:`has_expired_code` finds."""
    tx.execute(delete(NOTICE).where(_is_an_expired_code(tx)))


def purge_notices(tx: Transaction) -> int:
    """Delete what was ended long ago, and contents that nobody needs any more; return how many."""
    forgotten = and_(NOTICE.c.ended <= tx.now - SHOWN_DAYS * _DAY, NOTICE.c.contact != "")
    blanked = tx.execute(update(NOTICE).where(forgotten).values(contact="", facts="{}")).rowcount
    ended = tx.execute(delete(NOTICE).where(NOTICE.c.ended <= tx.now - ROWS_KEPT)).rowcount
    return blanked + ended


def count_notices(tx: Transaction) -> dict[tuple[str, str], int]:
    """Return how many notices there are, by channel and state."""
    number = func.count().label("number")
    channel, state = NOTICE.c.channel, NOTICE.c.state
    rows = tx.execute(select(channel, state, number).group_by(channel, state))
    return {(row.channel, row.state): row.number for row in rows}


def _end(
    tx: Transaction, which: ColumnElement[bool], state: str, *, keeps_content: bool = False
) -> None:
    ended = update(NOTICE).where(which).values(state=state, ended=tx.now, leased_until=None)
    tx.execute(ended if keeps_content else ended.values(contact="", facts="{}"))


def _is_due(tx: Transaction, kinds: Collection[LoginKind]) -> ColumnElement[bool]:
    # What lies further ahead than anything may be put was written before the clock was set back.
    return and_(
        NOTICE.c.state == "waiting",
        NOTICE.c.channel.in_([kind.value for kind in kinds]),
        or_(NOTICE.c.due <= tx.now, NOTICE.c.due > tx.now + 2 * _LONGEST_PAUSE),
        _is_free(tx),
    )


def _is_too_old(tx: Transaction) -> ColumnElement[bool]:
    return and_(NOTICE.c.state == "waiting", NOTICE.c.created <= tx.now - TRIED_FOR, _is_free(tx))


def _is_free(tx: Transaction) -> ColumnElement[bool]:
    leased = NOTICE.c.leased_until.between(tx.now + 1, tx.now + LEASE)
    return or_(NOTICE.c.leased_until.is_(None), not_(leased))


def _is_an_expired_code(tx: Transaction) -> ColumnElement[bool]:
    return and_(NOTICE.c.kind == NoticeKind.CODE.value, NOTICE.c.created <= tx.now - CODE_LIFETIME)


def _is_claimed(notice: ClaimedNotice) -> ColumnElement[bool]:
    return and_(
        NOTICE.c.id == notice.id,
        NOTICE.c.attempts == notice.attempt,
        NOTICE.c.state == "waiting",
    )


def _kind(value: str) -> NoticeKind | None:
    try:
        return NoticeKind(value)
    except ValueError:
        return None
