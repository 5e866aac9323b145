"""One of several processes that share a folder of revocation lists.

    python -m tests.kits.lists_member FOLDER URL TRUST

It says "ready", waits for a line, opens the lists, and prints how many there are.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from agent.pki.anchors import TrustStore
from agent.relying.lists import RevocationLists


async def main(folder: str, url: str, trust: str) -> None:
    store = await asyncio.to_thread(TrustStore.load, [Path(trust)])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    async with RevocationLists([url], Path(folder), trust=store) as lists:
        data = await lists.current()
        fresh = [each for each in data.crls if each.is_fresh(datetime.now(UTC))]
        sys.stdout.write(f"{len(fresh)}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
