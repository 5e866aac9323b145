"""The contract of a store of challenges, for whoever writes one to run.

With pytest and its plug-in for asyncio::

    @pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
    async def test_my_store(promise):
        await promise(MyStore())

    async def test_my_store_when_it_is_down():
        await refuses_while_down(MyStore(address_of_nothing))
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from agent.relying.challenges import Challenges, IssuedChallenge, Purpose
from agent.relying.errors import RefusedError
from agent.relying.records import ChallengeStore

_TOGETHER: Final = 64
_TOKEN: Final = b"a token"
_OTHER: Final = b"another token"
_TOOK: Final = "accepted"


class _Desk:
    """A site with a clock that can be turned."""

    def __init__(self, store: ChallengeStore) -> None:
        self.now = datetime(2026, 11, 27, 15, 4, 5, tzinfo=UTC)
        self.session = os.urandom(16).hex()  # a store may be full of what was issued before
        self.challenges = Challenges(store, clock=lambda: self.now)
        self.issued = IssuedChallenge("", "", 0)

    async def issue(self) -> None:
        self.issued = await self.challenges.issue(self.session)

    async def redeem(
        self, token: bytes = _TOKEN, session: str = "", purpose: Purpose = Purpose.LOGIN
    ) -> str:
        """Return the code of the refusal, or ``accepted`` with the right challenge."""
        whose = session or self.session
        try:
            got = await self.challenges.redeem(whose, self.issued.id, token, purpose=purpose)
        except RefusedError as error:
            return error.code
        _expect(len(got) == 32, "the challenge has 32 octets")
        return _TOOK


async def is_redeemed_once(store: ChallengeStore) -> None:
    """Check that one token has it, and gets the same answer again, while no other does.

    Raises:
        AssertionError: it does not.

    """
    desk = _Desk(store)
    await desk.issue()
    _equal([await desk.redeem() for _ in range(3)], [_TOOK] * 3)
    _equal(await desk.redeem(_OTHER), "challenge_used")
    _equal(await desk.redeem(), _TOOK)


async def has_one_winner(store: ChallengeStore) -> None:
    """Check that of 64 tokens at once one wins, and that 64 equal ones all do.

    Raises:
        AssertionError: it does not.

    """
    desk = _Desk(store)
    await desk.issue()
    tokens = [bytes([number]) for number in range(_TOGETHER)]
    found = Counter(await asyncio.gather(*map(desk.redeem, tokens)))
    _equal(found, {_TOOK: 1, "challenge_used": _TOGETHER - 1})
    await desk.issue()
    found = Counter(await asyncio.gather(*(desk.redeem() for _ in tokens)))
    _equal(found, {_TOOK: _TOGETHER})


async def expires(store: ChallengeStore) -> None:
    """Check that a challenge ends after five minutes, used or not.

    Raises:
        AssertionError: it does not.

    """
    desk = _Desk(store)
    await desk.issue()
    desk.now += timedelta(minutes=5) - timedelta(milliseconds=1)
    _equal(await desk.redeem(), _TOOK)
    desk.now += timedelta(milliseconds=1)
    _equal(await desk.redeem(), "challenge_expired")
    await desk.issue()
    desk.now += timedelta(minutes=5)
    _equal(await desk.redeem(), "challenge_expired")


async def belongs_to_a_session(store: ChallengeStore) -> None:
    """Check that another session or purpose gets nothing, and takes nothing away.

    Raises:
        AssertionError: it does.

    """
    desk = _Desk(store)
    await desk.issue()
    _equal(await desk.redeem(session="another"), "challenge_unknown")
    _equal(await desk.redeem(purpose=Purpose.IDENTIFY), "challenge_unknown")
    _equal(await desk.redeem(_OTHER), _TOOK)
    _equal(await desk.redeem(_OTHER, session="another"), "challenge_unknown")


async def knows_its_own_only(store: ChallengeStore) -> None:
    """Check that what was never issued is unknown.

    Raises:
        AssertionError: it is not.

    """
    desk = _Desk(store)
    desk.issued = IssuedChallenge("0123456789abcdefghi_-A", "", 0)
    _equal(await desk.redeem(), "challenge_unknown")


async def stands_a_clock_set_back(store: ChallengeStore) -> None:
    """Check that a clock set back a day gives no challenge a longer or a second life.

    Raises:
        AssertionError: it does.

    """
    desk = _Desk(store)
    await desk.issue()
    desk.now -= timedelta(days=1)
    _equal(await desk.redeem(), "challenge_expired")
    await desk.issue()
    _equal(await desk.redeem(), _TOOK)
    desk.now -= timedelta(days=1)
    _equal(await desk.redeem(_OTHER), "challenge_expired")
    desk.now += timedelta(days=1)
    _equal(await desk.redeem(_OTHER), "challenge_used")


async def refuses_while_down(store: ChallengeStore) -> None:
    """Check that a store out of reach raises: no verdict, and never a challenge.

    Args:
        store: one that is down.

    Raises:
        AssertionError: it gives an answer.

    """
    desk = _Desk(store)
    desk.issued = IssuedChallenge("0123456789abcdefghi_-A", "", 0)
    for attempt in (desk.issue, desk.redeem):
        try:
            answer = await attempt()
        except Exception:  # noqa: BLE001, S112  # whatever the store's driver raises
            continue
        raise AssertionError(f"a store that is down answered {answer!r}")


Promise = Callable[[ChallengeStore], Awaitable[None]]
PROMISES: Final[tuple[Promise, ...]] = (
    is_redeemed_once,
    has_one_winner,
    expires,
    belongs_to_a_session,
    knows_its_own_only,
    stands_a_clock_set_back,
)
"""What a store that works keeps; each may run on a store that is in use."""


def _expect(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(promise)


def _equal(found: object, wanted: object) -> None:
    _expect(found == wanted, f"{found!r} where {wanted!r} is promised")
