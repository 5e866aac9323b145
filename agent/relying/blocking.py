"""The same names, synchronous: for Flask, Django and other sites that run in threads.

They may be made while a server loads the site, before it forks, and called from any thread that
runs no event loop.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from agent.relying import challenges as _challenges
from agent.relying.blocking_loop import Wrapped
from agent.relying.challenges import LIFETIME, IssuedChallenge, Purpose, utc_now
from agent.relying.records import ChallengeStore

__all__ = ["Challenges", "IssuedChallenge", "Purpose"]


class BlockingChallenges:
    """:class:`agent.relying.challenges.Challenges`, synchronous."""

    def __init__(
        self,
        store: ChallengeStore,
        *,
        lifetime: timedelta = LIFETIME,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Use a store.

        Raises:
            ValueError: the lifetime is out of bounds, or the clock has no time zone.

        """
        make = partial(_challenges.Challenges, store, lifetime=lifetime, clock=clock)
        self._wrapped = Wrapped(make)

    def issue(self, session: str, purpose: Purpose = Purpose.LOGIN) -> IssuedChallenge:
        """Issue a challenge.

        Raises:
            ValueError: the session has no name.
            Exception: whatever the store raises when it is down.

        """
        return self._wrapped.call(lambda it: it.issue(session, purpose))

    def redeem(
        self, session: str, challenge_id: str, token: bytes, *, purpose: Purpose = Purpose.LOGIN
    ) -> bytes:
        """Use a challenge up; return its octets.

        Raises:
            ChallengeError: ``challenge_unknown``, ``challenge_expired`` or ``challenge_used``.
            VerificationError: ``signature_invalid``, the token is not of octets.
            ValueError: the session has no name.
            Exception: whatever the store raises when it is down.

        """
        return self._wrapped.call(
            lambda it: it.redeem(session, challenge_id, token, purpose=purpose)
        )


Challenges = BlockingChallenges
