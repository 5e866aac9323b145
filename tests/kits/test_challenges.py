"""A challenge is for one session, one purpose, one token, five minutes."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.relying import ChallengeError, Challenges, MemoryStore, Purpose, VerificationError
from agent.relying.records import ChallengeStoreError, Record, Taken, TakenState

NOW = datetime(2026, 11, 27, 15, 4, 5, tzinfo=UTC)


async def test_a_challenge_is_what_authenticate_takes() -> None:
    challenges = Challenges(MemoryStore())
    issued = await challenges.issue("session")
    assert re.fullmatch("[A-Za-z0-9_-]{43}", issued.challenge)
    assert re.fullmatch("[A-Za-z0-9_-]{22}", issued.id)
    assert issued.expires_in == 300
    redeemed = await challenges.redeem("session", issued.id, b"token")
    assert redeemed == base64.urlsafe_b64decode(issued.challenge + "=")
    others = [await challenges.issue("session") for _ in range(20)]
    assert len({each.id for each in others} | {each.challenge for each in others}) == 40


@pytest.mark.parametrize(
    "name", [None, "", 7, b"i" * 22, "i" * 21, "i" * 23, "i" * 22 + "\n", "\0" * 22, "字" * 22]
)
async def test_what_is_no_identifier_is_unknown_and_asks_no_store(name: Any) -> None:
    challenges = Challenges(Broken())
    with pytest.raises(ChallengeError, match="challenge_unknown"):
        await challenges.redeem("session", name, b"token")


@pytest.mark.parametrize("token", [None, "dG9rZW4=", 7, bytearray(b"token")])
async def test_a_token_that_is_no_octets_uses_nothing_up(token: Any) -> None:
    challenges = Challenges(MemoryStore())
    issued = await challenges.issue("session")
    with pytest.raises(VerificationError, match="signature_invalid"):
        await challenges.redeem("session", issued.id, token)
    await challenges.redeem("session", issued.id, b"token")


@pytest.mark.parametrize("session", ["", None, 7])
async def test_a_session_without_a_name_gets_no_challenge(session: Any) -> None:
    challenges = Challenges(MemoryStore())
    with pytest.raises(ValueError, match="no name"):
        await challenges.issue(session)


@pytest.mark.parametrize("session", ["", None])
async def test_a_visitor_without_a_session_has_no_challenge(session: Any) -> None:
    with pytest.raises(ChallengeError, match="challenge_unknown"):
        await Challenges(Broken()).redeem(session, "i" * 22, b"token")


async def test_any_text_names_a_session() -> None:
    challenges = Challenges(MemoryStore())
    issued = await challenges.issue("\ud800\0測試")
    await challenges.redeem("\ud800\0測試", issued.id, b"token")


async def test_a_purpose_is_not_part_of_a_session_s_name() -> None:
    challenges = Challenges(MemoryStore())
    issued = await challenges.issue("session", Purpose.IDENTIFY)
    with pytest.raises(ChallengeError, match="challenge_unknown"):
        await challenges.redeem("session", issued.id, b"token")
    await challenges.redeem("session", issued.id, b"token", purpose=Purpose.IDENTIFY)
    with pytest.raises(ValueError, match="is not a valid"):
        await challenges.issue("session", "pay")  # type: ignore[arg-type]


async def test_another_server_s_clock_may_be_a_minute_ahead() -> None:
    store, moments = MemoryStore(), [NOW]
    challenges = Challenges(store, clock=lambda: moments[-1])
    issued = await challenges.issue("session")
    moments.append(NOW - timedelta(seconds=60, milliseconds=1))
    with pytest.raises(ChallengeError, match="challenge_expired"):
        await challenges.redeem("session", issued.id, b"token")
    moments.append(NOW - timedelta(seconds=60))
    await challenges.redeem("session", issued.id, b"token")


def test_a_clock_has_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Challenges(MemoryStore(), clock=lambda: NOW.replace(tzinfo=None))


@pytest.mark.parametrize("seconds", [0, -1, 3601])
def test_a_lifetime_has_bounds(seconds: int) -> None:
    with pytest.raises(ValueError, match="an hour"):
        Challenges(MemoryStore(), lifetime=timedelta(seconds=seconds))


class Broken:
    """A store that gives back what it likes."""

    def __init__(self, taken: Taken | None = None) -> None:
        self._taken = taken

    async def add(self, record: Record) -> None:
        pass

    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        del challenge_id, session, token_hash, now
        assert self._taken is not None
        return self._taken


@pytest.mark.parametrize("state", [TakenState.FIRST, TakenState.AGAIN])
@pytest.mark.parametrize("challenge", ["", "c" * 42, "c" * 42 + "!", "c" * 44])
async def test_what_was_never_issued_is_never_accepted(state: TakenState, challenge: str) -> None:
    challenges = Challenges(Broken(Taken(state, challenge)))
    with pytest.raises(ChallengeStoreError):
        await challenges.redeem("session", "i" * 22, b"token")
