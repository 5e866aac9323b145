"""How long the fuzz tests run: short in the test run, long with ``make fuzz``."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("ANKONG_FUZZ_EXAMPLES", "200"))

bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,  # a busy machine is no finding
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
