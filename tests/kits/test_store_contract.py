"""The contract finds each fault that a store of somebody else's may have."""

import asyncio
from datetime import datetime, timedelta

import pytest

from agent.relying.records import Record, Taken, TakenState, judge
from agent.relying.testing import PROMISES, refuses_while_down


class GoodStore:
    """The shortest store that keeps the contract, with a place for a fault in each step."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Record, str]] = {}

    async def add(self, record: Record) -> None:
        self.kept[record.challenge_id] = record, ""

    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        if challenge_id not in self.kept:
            return Taken(TakenState.UNKNOWN)
        taken = self.judge(*self.kept[challenge_id], session, token_hash.hex(), now)
        await self.pause()
        if taken.state is TakenState.FIRST:
            self.kept[challenge_id] = self.kept[challenge_id][0], token_hash.hex()
        return taken

    def judge(
        self, record: Record, taken_by: str, session: str, token_hash: str, now: datetime
    ) -> Taken:
        return judge(record, taken_by, session, token_hash, now)

    async def pause(self) -> None:
        pass


class NotAtomic(GoodStore):
    async def pause(self) -> None:
        await asyncio.sleep(0)


class OncePerClick(GoodStore):
    def judge(self, *values: object) -> Taken:  # type: ignore[override]
        taken = judge(*values)  # type: ignore[arg-type]
        return Taken(TakenState.USED) if taken.state is TakenState.AGAIN else taken


class NeverUsed(GoodStore):
    def judge(self, *values: object) -> Taken:  # type: ignore[override]
        taken = judge(*values)  # type: ignore[arg-type]
        is_used = taken.state is TakenState.USED
        return Taken(TakenState.FIRST, values[0].challenge) if is_used else taken  # type: ignore[attr-defined]


class AnySession(GoodStore):
    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        if challenge_id in self.kept:
            session = self.kept[challenge_id][0].session
        return await super().take(challenge_id, session, token_hash, now)


class SpentByStrangers(GoodStore):
    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        taken = await super().take(challenge_id, session, token_hash, now)
        if taken.state is TakenState.UNKNOWN:
            self.kept.pop(challenge_id, None)
        return taken


class Immortal(GoodStore):
    def judge(
        self, record: Record, taken_by: str, session: str, token_hash: str, now: datetime
    ) -> Taken:
        return judge(record, taken_by, session, token_hash, min(now, record.issued_at))


class ASecondLate(GoodStore):
    def judge(
        self, record: Record, taken_by: str, session: str, token_hash: str, now: datetime
    ) -> Taken:
        return judge(record, taken_by, session, token_hash, now - timedelta(milliseconds=1))


class LooksOnlyForward(GoodStore):
    def judge(
        self, record: Record, taken_by: str, session: str, token_hash: str, now: datetime
    ) -> Taken:
        return judge(record, taken_by, session, token_hash, max(now, record.issued_at))


class ForgetsWhenExpired(GoodStore):
    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        taken = await super().take(challenge_id, session, token_hash, now)
        if taken.state is TakenState.EXPIRED:
            self.kept[challenge_id] = self.kept[challenge_id][0], ""
        return taken


class Invents(GoodStore):
    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        if challenge_id not in self.kept:
            return Taken(TakenState.FIRST, "c" * 43)
        return await super().take(challenge_id, session, token_hash, now)


FAULTS = (
    *(NotAtomic, OncePerClick, NeverUsed, AnySession, SpentByStrangers, Immortal, ASecondLate),
    *(LooksOnlyForward, ForgetsWhenExpired, Invents),
)


async def broken_promises(kind: type[GoodStore]) -> list[str]:
    broken = []
    for promise in PROMISES:
        try:
            await promise(kind())
        except AssertionError:
            broken.append(promise.__name__)
    return broken


async def test_a_good_store_breaks_none() -> None:
    assert await broken_promises(GoodStore) == []


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
async def test_a_fault_breaks_some_promise(kind: type[GoodStore]) -> None:
    assert await broken_promises(kind)


@pytest.mark.parametrize("kind", [GoodStore, Invents], ids=lambda kind: kind.__name__)
async def test_a_store_that_is_down_and_answers_is_found(kind: type[GoodStore]) -> None:
    with pytest.raises(AssertionError, match="down"):
        await refuses_while_down(kind())
