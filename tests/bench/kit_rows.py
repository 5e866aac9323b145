"""The rows of the bench about the kits: what they cost a site, its page and its testers."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.kit_lists import measure_kept_list
from tests.bench.kit_rest import (
    afternoon_times,
    import_time,
    language_runs,
    module_sizes,
    reserved_search,
    session_start,
)
from tests.bench.kits import BARE, measure_logins
from tests.bench.service import measure_service

if TYPE_CHECKING:
    from tests.bench.run import Effort, Table


async def measure_kits(table: "Table", effort: "Effort", place: Path) -> None:
    """Add every row; ``place`` is a folder for what is written meanwhile."""
    await asyncio.to_thread(_logins, table, effort)
    await asyncio.to_thread(_kept_list, table, effort, place)
    await _validation_service(table, effort, place)
    await asyncio.to_thread(_others, table, effort)
    if effort.browser:  # not in a short look: the tests play it, too
        await asyncio.to_thread(_afternoon, table, place)


def _logins(table: "Table", effort: "Effort") -> None:
    """Measure what a login costs the server of a site."""
    for judge, cost in measure_logins(effort.rounds, effort.logins).items():
        name = f"login, paths by {judge}"
        least = 400 if judge == "cryptography" else None
        table.add(f"{name}: a second of one core", 1 / cost.whole, "1/s", least=least)
        bare = f"{name}: {BARE} bare RSA verifications a second of one core"
        table.add(bare, 1 / cost.bare, "1/s")
        ratio, most = cost.whole / cost.bare, 16 if least else None
        table.add(f"{name}: over {BARE} bare", ratio, "ratio", most=most)


def _kept_list(table: "Table", effort: "Effort", place: Path) -> None:
    """Measure what a long list costs a site's server that keeps it."""
    folder = place / "kept-list"
    folder.mkdir()
    cost = measure_kept_list(folder, effort.kept)
    name = f"kept list of {effort.kept} entries"
    table.add(f"{name}: parsed, processor", cost.parsed * 1000, "ms", most=100)
    table.add(f"{name}: by cryptography, one look-up", cost.bare * 1000, "ms")
    table.add(f"{name}: started, signature checked", cost.ready * 1000, "ms")
    table.add(f"{name}: memory", cost.memory, "MB", most=60)


async def _validation_service(table: "Table", effort: "Effort", place: Path) -> None:
    """Measure the validation service beside the library alone."""
    folder = place / "validation"
    folder.mkdir()
    table.rows += await measure_service(folder, effort.validation)


def _others(table: "Table", effort: "Effort") -> None:
    """Measure the other kits: languages, the page's modules, the start of a test session."""
    for language, found in language_runs():
        name = f"verifier in {language}"
        table.add(f"{name}: logins", found.rate, "1/s")
        table.add(f"{name}: vectors judged wrongly", found.wrong, "", exactly=0)
        table.add(f"{name}: all vectors", found.seconds, "s")
    for name, size, most in module_sizes():
        table.add(f"page kit, {name}: minified, compressed", size, "KiB", most=most)
    start = session_start(effort.starts)
    table.add("test session: agent ready", start * 1000, "ms", most=1500)
    taken = import_time("agent.relying", effort.rounds)
    table.add("import of the verifier, processor", taken * 1000, "ms", most=300)
    taken = reserved_search(16 << 20, effort.rounds)
    table.add("search of 16 MiB for a login, processor", taken * 1000, "ms", most=20)


def _afternoon(table: "Table", place: Path) -> None:
    """Measure how long a newcomer's machine takes from an empty folder to a login."""
    folder = place / "afternoon"
    folder.mkdir()
    for kit, seconds in afternoon_times(folder):
        table.add(f"README of {kit}: empty folder to a login", seconds, "s", most=120)
