"""What a store keeps of a challenge, and the one judgement of every store."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from typing import Final, Protocol

SKEW: Final = timedelta(seconds=60)
"""How far ahead the clock of a site's other server may be. A challenge from further ahead counts as
expired, so that a clock that was set back gives no challenge a second life."""

KEPT: Final = timedelta(hours=1)
"""How long a challenge is kept after its end, so that a late visitor hears ``challenge_expired``.
One that is gone is ``challenge_unknown``."""


class StoreError(Exception):
    """A store cannot tell whether a challenge is good: an outage, never a verdict."""


@unique
class TakenState(StrEnum):
    """What became of an attempt to use a challenge."""

    FIRST = "first"  # nobody had used it
    AGAIN = "again"  # the same token had
    USED = "used"  # another token had
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # no such challenge, or of another session


@dataclass(frozen=True, slots=True)
class Record:
    """A challenge that was issued.

    Attributes:
        challenge_id: 22 characters, base64url.
        session: whom it was issued to: 64 hexadecimal digits, a digest of session and purpose.
        challenge: 43 characters, base64url.
        issued_at: with a time zone.
        expires_at: likewise; from then on it is refused.

    """

    challenge_id: str
    session: str
    challenge: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer of a store.

    Attributes:
        state: what became of the attempt.
        challenge: that of the record, where the state is ``FIRST`` or ``AGAIN``; else empty.

    """

    state: TakenState
    challenge: str = ""


class ChallengeStore(Protocol):
    """Where challenges wait for their answer; :mod:`agent.relying.testing` says what it must do."""

    async def add(self, record: Record) -> None:
        """Keep a record.

        Raises:
            Exception: it cannot be kept.

        """

    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        """Let the first token have the challenge, in one step that nobody else's can come between.

        Args:
            challenge_id: of the record.
            session: must be that of the record, or the challenge stays as it is.
            token_hash: SHA-256 of the token, 32 octets.
            now: with a time zone; :func:`judge` says what it means.

        Raises:
            Exception: nobody can tell; the attempt may have counted.

        """


def judge(record: Record, taken_by: str, session: str, token_hash: str, now: datetime) -> Taken:
    """Say what an attempt is worth; ``FIRST`` is up to the caller to make true.

    Args:
        record: that of the challenge.
        taken_by: hexadecimal digest of the token that has it; empty when none has.
        session: of the attempt.
        token_hash: of the attempt, hexadecimal.
        now: with a time zone.

    """
    if session != record.session:
        return Taken(TakenState.UNKNOWN)
    if not record.issued_at - SKEW <= now < record.expires_at:
        return Taken(TakenState.EXPIRED)
    if not taken_by:
        return Taken(TakenState.FIRST, record.challenge)
    if taken_by == token_hash:
        return Taken(TakenState.AGAIN, record.challenge)
    return Taken(TakenState.USED)


def to_milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970 (UTC) of a moment with a time zone."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(number: int) -> datetime:
    """Return the moment, in UTC."""
    return _EPOCH + number * _MILLISECOND


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
