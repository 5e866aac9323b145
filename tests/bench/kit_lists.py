"""What a long revocation list costs a server that keeps it: to be ready again, and to hold it.

python -m tests.bench.kit_lists FOLDER      # the server of which it is measured
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import agent.relying  # noqa: F401  # what every relying party has loaded anyway
from agent.pki.anchors import TrustStore
from agent.pki.crl import RevocationList
from agent.relying.list_fetch import FetchedList, ListFetchError, ListVersion
from agent.relying.lists import RevocationLists
from tests.bench.lists import authority_and_list

_ROOT: Final = Path(__file__).resolve().parents[2]
_URL: Final = "http://lists.test.invalid/ca.crl"
_AUTHORITY: Final = "root.pem"


@dataclass(frozen=True)
class KitRow:
    """One figure, and what is aimed at."""

    name: str
    value: float | None
    unit: str
    most: float | None = None


@dataclass(frozen=True)
class KeptListCost:
    """What was measured.

    Attributes:
        parsed: seconds of the processor to parse the list alone, the least of five.
        ready: seconds until a server that starts again has it, signature checked.
        memory: MB that the server grew by; None where the system does not tell.
        entries: that it found.

    """

    parsed: float
    ready: float
    memory: float | None
    entries: int


def kit_list_rows(folder: Path, entries: int) -> list[KitRow]:
    """Measure, and return the rows of the table; ``folder`` is empty."""
    cost = measure_kept_list(folder, entries)
    name = f"kit: list of {entries} entries"
    return [
        KitRow(f"{name}, parsed: processor", cost.parsed, "s", most=0.1),
        KitRow(f"{name}, start until it is there, signature checked", cost.ready, "s"),
        KitRow(f"{name}, memory", cost.memory, "MB", most=100),
    ]


def measure_kept_list(folder: Path, entries: int) -> KeptListCost:
    """Keep a list of so many entries in an empty folder, and start a server there.

    Raises:
        RuntimeError: the list did not arrive.

    """
    certificate, listed = authority_and_list(entries)
    (folder / _AUTHORITY).write_bytes(certificate)
    asyncio.run(_open(folder, listed))
    program = [sys.executable, "-m", "tests.bench.kit_lists", str(folder)]
    done = subprocess.run(program, cwd=_ROOT, capture_output=True, check=True, timeout=300)
    found = KeptListCost(**json.loads(done.stdout))
    if found.entries != entries:
        raise RuntimeError(f"{found.entries} entries")
    return found


async def _open(folder: Path, served: bytes | None) -> RevocationList:
    async def fetch(_url: str, _known: ListVersion) -> FetchedList:
        if served is None:
            raise ListFetchError("a server that starts again asks nobody")
        return FetchedList(served)

    trust = await asyncio.to_thread(TrustStore.load, [folder / _AUTHORITY])
    async with RevocationLists([_URL], folder / "lists", trust=trust, http=fetch) as lists:
        (found,) = (await lists.current()).crls
        return found


def _measure_here(folder: Path) -> KeptListCost:
    before = _memory()
    begun = time.perf_counter()
    found = asyncio.run(_open(folder, None))
    ready = time.perf_counter() - begun
    memory = None if before is None else (_memory() or 0) - before
    parsed = min(_seconds_to_parse(found.der) for _ in range(5))
    return KeptListCost(parsed, ready, memory, len(found._entries))


def _memory() -> float | None:
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _seconds_to_parse(raw: bytes) -> float:
    begun = time.process_time()
    RevocationList.from_der(raw)
    return time.process_time() - begun


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(_measure_here(Path(sys.argv[1])))))
