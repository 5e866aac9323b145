"""What an agent does not load at its start: what only some agents ever need."""

import json
import subprocess
import sys

import pytest

STARTED = """
import json, sys
import agent.cli, agent.commands.serve
json.dump(sorted(sys.modules), sys.stdout)
"""


@pytest.fixture(scope="module")
def loaded() -> frozenset[str]:
    """List the modules of a daemon that has not begun to run."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", STARTED], check=True, capture_output=True, timeout=60
    )
    return frozenset(json.loads(done.stdout))


@pytest.mark.parametrize(
    "module",
    [
        "asn1crypto",  # before the first card is read
        "agent.doctor",  # before somebody asks the doctor
        "agent.kits",
        "agent.portal",
        "agent.virtualcard",
        "publicsuffixlist",  # before a site is shown in a page
        "pyhanko_certvalidator",  # `ankong verify` alone
        "smartcard",  # PC/SC's own thread loads it
        "tkinter",
        "tray",
    ],
)
def test_it_waits_until_it_is_needed(loaded: frozenset[str], module: str) -> None:
    assert "agent.signing.service" in loaded
    assert not [name for name in loaded if name == module or name.startswith(f"{module}.")]
