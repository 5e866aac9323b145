"""Challenges: what makes a login good only once, only now, and only for who asked for it."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.cms.login import LoginPurpose as Purpose
from agent.cms.login import challenge_text
from agent.relying.errors import ChallengeError, VerificationCode, VerificationError
from agent.relying.records import ChallengeStore, Record, StoreError, Taken, TakenState

__all__ = ["Challenges", "IssuedChallenge", "Purpose", "utc_now"]

LIFETIME: Final = timedelta(minutes=5)
MAX_LIFETIME: Final = timedelta(hours=1)
_OCTETS: Final = 32
_ID_OCTETS: Final = 16
_ID: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_CODES: Final = {
    TakenState.UNKNOWN: VerificationCode.CHALLENGE_UNKNOWN,
    TakenState.EXPIRED: VerificationCode.CHALLENGE_EXPIRED,
    TakenState.USED: VerificationCode.CHALLENGE_USED,
}


def utc_now() -> datetime:
    """Return the time of this computer's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class IssuedChallenge:
    """What a page gets before its visitor signs.

    Attributes:
        id: comes back with the token; 22 characters, base64url.
        challenge: for ``authenticate``; 43 characters, base64url without padding (RFC 4648 §5).
        expires_in: for how many seconds it is good.

    """

    id: str
    challenge: str
    expires_in: int


class Challenges:
    """Issues challenges, and redeems each once, for the session and purpose it was issued for."""

    def __init__(
        self,
        store: ChallengeStore,
        *,
        lifetime: timedelta = LIFETIME,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Use a store.

        Args:
            store: shared by all processes of the site.
            lifetime: of a challenge; more than nothing, at most an hour.
            clock: of the site, with a time zone. No visitor's clock is ever asked.

        Raises:
            ValueError: the lifetime is out of bounds, or the clock has no time zone.

        """
        if not timedelta(0) < lifetime <= MAX_LIFETIME:
            raise ValueError("a challenge lives for more than nothing and at most an hour")
        self._store = store
        self._lifetime = lifetime
        self._clock = clock
        self._now()

    async def issue(self, session: str, purpose: Purpose = Purpose.LOGIN) -> IssuedChallenge:
        """Issue a challenge of 32 random octets.

        Args:
            session: names the visitor's session before the login; nobody else may know or choose
                it. The store gets a digest of it only.
            purpose: what the token will be for.

        Raises:
            ValueError: the session has no name, as one that has not been saved yet.
            Exception: whatever the store raises when it is down.

        """
        owner = _digest(session, purpose)
        now = self._now()
        challenge = challenge_text(secrets.token_bytes(_OCTETS))
        challenge_id = secrets.token_urlsafe(_ID_OCTETS)
        record = Record(challenge_id, owner, challenge, now, now + self._lifetime)
        await self._store.add(record)
        return IssuedChallenge(challenge_id, challenge, int(self._lifetime.total_seconds()))

    async def redeem(
        self, session: str, challenge_id: str, token: bytes, *, purpose: Purpose = Purpose.LOGIN
    ) -> bytes:
        """Use a challenge up; do so before anything else of a login is looked at.

        The same token again gets the same answer while the challenge lives, so that a double click
        or a repeated request does no harm. A challenge of another session or purpose stays as it
        is.

        Args:
            session: the visitor's, as given to :meth:`issue`.
            challenge_id: what the page sent; anything that was never issued is unknown.
            token: what the page sent, decoded from base64.
            purpose: what the token has to be for.

        Returns:
            The challenge, 32 octets, that the token must be over.

        Raises:
            ChallengeError: ``challenge_unknown``, ``challenge_expired`` or ``challenge_used``.
            VerificationError: ``signature_invalid``, the token is not of octets.
            ValueError: the session has no name.
            Exception: whatever the store raises when it is down.

        """
        sent: tuple[object, object] = challenge_id, token  # types that a site may not have checked
        if not isinstance(sent[1], bytes):
            detail = "the token is not of octets: see decode_token"
            raise VerificationError(VerificationCode.SIGNATURE_INVALID, detail)
        owner = _digest(session, purpose)
        if not isinstance(sent[0], str) or _ID.fullmatch(sent[0]) is None:
            raise ChallengeError(VerificationCode.CHALLENGE_UNKNOWN, "not of an identifier's form")
        digest = hashlib.sha256(token).digest()
        return _octets(await self._store.take(challenge_id, owner, digest, self._now()))

    def _now(self) -> datetime:
        now = self._clock()
        if now.tzinfo is None:
            raise ValueError("the clock has no time zone: datetime.now(UTC) has one")
        return now


def _digest(session: object, purpose: Purpose) -> str:
    """Return the owner of a challenge as a store knows them."""
    if not isinstance(session, str) or not session:
        raise ValueError(
            "the session has no name: save it first, or all visitors would share their challenges"
        )
    text = f"{Purpose(purpose)}\0{session}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()


def _octets(taken: Taken) -> bytes:
    """Return the challenge that a token got.

    Raises:
        ChallengeError: it got none.
        StoreError: the store gave something else.

    """
    if taken.state in _CODES:
        raise ChallengeError(_CODES[taken.state])
    if _CHALLENGE.fullmatch(taken.challenge) is None:
        raise StoreError("the store gave back another challenge than it was given")
    return base64.urlsafe_b64decode(taken.challenge + "=")
