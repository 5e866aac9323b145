"""The soak in short: the same stages as in the whole, each a few times."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.errors import ServiceUnavailableError
from tests.soak.stages import SHORT, run_stages
from tests.soak.stand import Stand
from tests.soak.table import Stage, table


@pytest.mark.pcsc
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_every_stage_keeps_the_promises(tmp_path: Path) -> None:
    with ExitStack() as stack:
        try:
            stand = stack.enter_context(Stand(tmp_path))
        except ServiceUnavailableError as error:
            if "CI" in os.environ:  # there it is installed; a skipped test would look like a pass
                raise
            pytest.skip(f"no private pcscd here: {error}")
        stages = list(run_stages(stand, SHORT))
    assert not [fault for stage in stages for fault in stage.faults()], table(stages)


def broken(**values: object) -> Stage:
    stage = Stage("broken", ok=1, signatures=1, verifies=1, most_verifies=1)
    for name, value in values.items():
        setattr(stage, name, value)
    return stage


@pytest.mark.parametrize(
    "values",
    [
        {"endless": 1},
        {"verifies": 2},
        {"most_verifies": 2},
        {"lost": 1},
        {"descriptors": (16, 17)},
        {"threads": (8, 50)},
        {"memory": [(n, n * 500) for n in range(0, 20_000, 100)]},
        {"wrong": ["no_card"]},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_broken_promise_is_seen(values: dict[str, object]) -> None:
    assert not broken().faults()
    assert broken(**values).faults()
