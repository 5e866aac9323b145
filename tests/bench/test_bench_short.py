"""The measuring bench works, and what it counts (not what it times) meets the aims."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_bench_prints_one_table() -> None:
    script = Path(__file__).with_name("run.py")
    done = subprocess.run(
        [sys.executable, script, "--short"], capture_output=True, text=True, check=True, timeout=100
    )
    rows = {row["measure"]: row for row in json.loads(done.stdout)["table"]}
    assert all(row["value"] > 0 for row in rows.values())
    counted = [row for name, row in rows.items() if name.endswith("commands")]
    assert len(counted) == 4
    assert all(row["met"] for row in counted)
    assert {
        "start to ready",
        "resident memory, idle",
        "gen1: signature with 500 ms RSA, agent over card",
        "gen2: signature with 0 ms RSA, added by the agent",
        "status over bare handler",
        "status p99, signing over idle",
    } <= set(rows)
