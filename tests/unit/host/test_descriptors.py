"""The agent may open more files than a shell gives its programs."""

import subprocess
import sys

import pytest

from agent.host.machine.descriptors import WANTED

SCRIPT = """
import resource, sys
soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from agent.host.machine.descriptors import raise_descriptor_limit
raise_descriptor_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize(
    ("before", "after"),
    [((256, 512), (512, 512)), ((256, WANTED * 2), (WANTED, WANTED * 2))],
)
def test_the_limit_is_raised_as_far_as_wanted_and_allowed(
    before: tuple[int, int], after: tuple[int, int]
) -> None:
    command = [sys.executable, "-c", SCRIPT, *map(str, before)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert tuple(map(int, found.split())) == after
