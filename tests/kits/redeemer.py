"""A process that redeems one challenge with tokens of its own: ``KIND WHERE SESSION ID NUMBER``.

It says ``ready``, waits for a line, and says what became of each of its tokens, as JSON.
"""

import asyncio
import json
import sys

from agent.relying.challenges import Challenges
from agent.relying.errors import RefusedError
from tests.kits.store_cases import make_store


async def _redeem(challenges: Challenges, session: str, name: str, token: bytes) -> str:
    try:
        return (await challenges.redeem(session, name, token)).hex()
    except RefusedError as error:
        return error.code


async def main() -> None:
    kind, where, session, name, number = sys.argv[1:]
    challenges = Challenges(make_store(kind, where))
    await _redeem(challenges, session, "0" * 22, b"")  # connected before the race
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    tokens = [f"{number} {each}".encode() for each in range(8)]
    found = await asyncio.gather(*(_redeem(challenges, session, name, token) for token in tokens))
    again = await asyncio.gather(*(_redeem(challenges, session, name, token) for token in tokens))
    sys.stdout.write(json.dumps([found, again]) + "\n")


asyncio.run(main())
