"""The rows of the bench about PKCS#11: how long a vendor's module takes until it is of use.

A process of its own is started for it with the first need. A bare interpreter beside it says how
much of that is Python's.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cards.pkcs11.module_client import ModuleFile, TokenModule
from agent.cards.pkcs11.token_wire import ListSlots, SlotList
from tests.token.token_support import SOFTHSM, hold

if TYPE_CHECKING:
    from tests.bench.run import Table


def measure_tokens(table: "Table", times: int, place: Path) -> None:
    """Add every row; ``place`` is a folder for what is written meanwhile."""
    ours: list[float] = []
    again: list[float] = []
    bare: list[float] = []
    if SOFTHSM:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            before = os.environ.get("SOFTHSM2_CONF")
            os.environ["SOFTHSM2_CONF"] = str(Path(folder) / "softhsm2.conf")
            try:
                hold(Path(folder), ["p256"])
                for _ in range(times):
                    _measure(ours, again, bare)
            finally:
                if before is None:
                    del os.environ["SOFTHSM2_CONF"]
                else:
                    os.environ["SOFTHSM2_CONF"] = before
    name = "PKCS#11: from the first need to the list of slots"
    table.add(name, _median(ours, 1000), "ms")
    table.add("PKCS#11: the list of slots once more", _median(again, 1000), "ms")
    table.add("PKCS#11: a bare interpreter", _median(bare, 1000), "ms")
    ratios = [mine / other for mine, other in zip(ours, bare, strict=True)]
    table.add("PKCS#11: first list over a bare interpreter", _median(ratios), "ratio")


def _measure(ours: list[float], again: list[float], bare: list[float]) -> None:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", "pass"], check=True)
    bare.append(time.perf_counter() - begun)
    module = TokenModule(ModuleFile("SoftHSM", SOFTHSM))
    try:
        for found in (ours, again):
            begun = time.perf_counter()
            assert module.ask(ListSlots(), SlotList).tokens
            found.append(time.perf_counter() - begun)
    finally:
        module.close()


def _median(found: list[float], unit: float = 1) -> float | None:
    return statistics.median(found) * unit if found else None
