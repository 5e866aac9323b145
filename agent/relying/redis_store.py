"""Challenges in Redis: one script decides, and a script is never interrupted."""

import inspect
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from agent.relying.records import (
    KEPT,
    SKEW,
    ChallengeStoreError,
    Record,
    Taken,
    TakenState,
    to_milliseconds,
)

# What is read is compared in the order of records.judge. A number of milliseconds has some 41
# bits, which the numbers of Lua (IEEE 754) hold exactly.
_TAKE: Final = """
local row = redis.call('HMGET', KEYS[1], 'session', 'issued', 'expires', 'challenge', 'token')
if not row[1] or row[1] ~= ARGV[1] then return {'unknown', ''} end
local now, issued, expires = tonumber(ARGV[3]), tonumber(row[2]), tonumber(row[3])
if not (issued - tonumber(ARGV[4]) <= now and now < expires) then return {'expired', ''} end
if not row[5] then
  redis.call('HSET', KEYS[1], 'token', ARGV[2])
  return {'first', row[4]}
end
if row[5] == ARGV[2] then return {'again', row[4]} end
return {'used', ''}
"""
_ADD: Final = """
redis.call('HSET', KEYS[1], 'session', ARGV[1], 'challenge', ARGV[2],
  'issued', ARGV[3], 'expires', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""
_SKEW: Final = int(SKEW.total_seconds() * 1000)
_KEPT: Final = int(KEPT.total_seconds() * 1000)


class RedisClient(Protocol):
    """What the store needs of a client, which ``redis.asyncio.Redis`` has."""

    def eval(self, script: str, numkeys: int, /, *keys_and_args: Any) -> Any:
        """Run a script of Lua; the answer is awaited."""


class RedisStore:
    """Challenges in Redis or Valkey, for any number of processes.

    Redis forgets what it has not written to its disk, or to the replica that takes over: a
    challenge that it forgot is unknown. Where it forgets only that a challenge was used, the same
    visitor's session could use it again within its lifetime.
    """

    def __init__(self, client: RedisClient, *, prefix: str = "ankong:challenge:") -> None:
        """Use a client of ``redis.asyncio``; it connects when the first challenge is issued.

        Args:
            client: shared with whatever else the site keeps there.
            prefix: of the keys.

        """
        self._client = client
        self._prefix = prefix
        self._process: int | None = None  # that uses it

    async def add(self, record: Record) -> None:
        """Keep a record until an hour after its end.

        Raises:
            Exception: whatever the client raises.

        """
        issued, expires = to_milliseconds(record.issued_at), to_milliseconds(record.expires_at)
        kept = expires - issued + _KEPT
        values = (record.session, record.challenge, issued, expires, kept)
        await self._run(_ADD, record.challenge_id, *values)

    async def take(
        self, challenge_id: str, session: str, token_hash: bytes, now: datetime
    ) -> Taken:
        """Let the first token have the challenge.

        Raises:
            Exception: whatever the client raises.
            ChallengeStoreError: Redis gave another answer than the script's.
            RuntimeError: the process forked after the store was used.

        """
        values = (session, token_hash.hex(), to_milliseconds(now), _SKEW)
        answer = await self._run(_TAKE, challenge_id, *values)
        if not isinstance(answer, Sequence) or len(answer) != 2:
            raise ChallengeStoreError("not an answer of the script")
        state, challenge = map(_text, answer)
        try:
            return Taken(TakenState(state), challenge)
        except ValueError:
            raise ChallengeStoreError("not an answer of the script") from None

    async def _run(self, script: str, challenge_id: str, *values: str | int) -> object:
        self._process = self._process or os.getpid()
        if self._process != os.getpid():
            # On a connection that two processes share, one may read the other's answer.
            raise RuntimeError("RedisStore was used before this process forked: make it afterwards")
        running = self._client.eval(script, 1, self._prefix + challenge_id, *values)
        if not inspect.isawaitable(running):
            raise TypeError("RedisStore needs a client of redis.asyncio")
        answer: object = await running
        return answer


def _text(value: object) -> str:
    """Return a string of an answer, which is bytes unless the client decodes."""
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
